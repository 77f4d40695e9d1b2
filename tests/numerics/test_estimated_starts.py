"""Outputs that windows start from, estimated beside the weights: dense algebra, SciPy, a plant."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import least_squares

from sparsid._errors import SparsidError
from sparsid.data import Dataset, Normaliser
from sparsid.models import NARX, DerivativeMLP
from sparsid.training import BFGS, LevenbergMarquardt, SecondOrderPhase, Simulation, curvature
from sparsid.training.arrow import Arrow, arrow_step, damped_arrow
from sparsid.training.second_order import run_second_order
from sparsid.training.starts import points_of, stacked
from sparsid.training.windows import windows

LENGTH, STRIDE = 20, 10


@settings(deadline=None, max_examples=8)
@given(
    seed=st.integers(0, 10_000),
    sizes=st.tuples(st.integers(1, 4), st.integers(1, 3), st.integers(1, 5)),
    damping=st.sampled_from([0.0, 0.5]),
)
def test_the_arrow_is_solved_as_the_whole_matrix_is(seed, sizes, damping):
    count, own, capacity = sizes
    rng = np.random.default_rng(seed)
    size = capacity + count * own
    rows = rng.normal(size=(5 * size, size))
    blocks = [np.arange(capacity + w * own, capacity + (w + 1) * own) for w in range(count)]
    for w, block in enumerate(blocks):  # a row concerns one window at most
        rows[np.arange(len(rows)) % count != w][:, block] = 0
        rows[np.ix_(np.flatnonzero(np.arange(len(rows)) % count != w), block)] = 0
    gram, gradient = rows.T @ rows, rng.normal(size=size)
    whole = gram.copy()
    for block in blocks:
        whole[block, block] *= 1 + damping
    expected = -np.linalg.solve(whole, gradient)
    arrow = Arrow(
        gradient[capacity:].reshape(count, own),
        np.stack([gram[np.ix_(b, b)] for b in blocks]),
        np.stack([gram[:capacity, b] for b in blocks]),
    )
    with jax.enable_x64(True):
        arrow = damped_arrow(jax.tree.map(jnp.asarray, arrow), jnp.asarray(damping))
        step, shift = arrow_step(
            jnp.asarray(gram[:capacity, :capacity]), jnp.asarray(gradient[:capacity]), arrow
        )
    np.testing.assert_allclose(step, expected[:capacity], rtol=1e-8, atol=1e-10)
    np.testing.assert_allclose(shift.ravel(), expected[capacity:], rtol=1e-8, atol=1e-10)


def record(*, noise, samples=60, records=1):
    """y(k) = 0.8 y(k-1) - 0.3 y(k-2) + 0.5 u(k-1), measured with noise."""
    rng = np.random.default_rng(4)
    u, y = rng.normal(size=(records, samples, 1)), np.zeros((records, samples, 1))
    for k in range(2, samples):
        y[:, k] = 0.8 * y[:, k - 1] - 0.3 * y[:, k - 2] + 0.5 * u[:, k - 1]
    y += noise(rng, y.shape)
    data = Dataset.from_arrays(x=list(y), u=list(u), dt=1.0)
    return Normaliser.fit(data).apply(data)


def started(architecture, scaled):
    keys = jax.random.split(jax.random.key(1), 1)
    return points_of(jax.vmap(lambda key: architecture.build(scaled, key=key))(keys))


def joint(layout, points, data, lag, lags):
    """(residuals of weights and starts as one vector, the point): the recorded rows replaced."""
    point = jax.tree.map(lambda leaf: leaf[0], stacked(points))
    given = slice(lag - lags, lag)

    @jax.jit
    def residuals(numbers):
        theta, starts = numbers[: layout.size], numbers[layout.size :]
        y = jnp.asarray(data.y)
        y = y.at[:, given].set(starts.reshape(y[:, given].shape))
        content = curvature.outputs(layout, True, point._replace(theta=theta), data._replace(y=y))
        return (content - data.y)[:, lag - lags :].ravel()

    return residuals, point


MODELS = {
    "NARX": (NARX(widths=(2,), input_lags=3), 3, 2),
    "derivative": (DerivativeMLP(widths=(2,), activation="tanh"), 1, 1),
}


@pytest.mark.parametrize(("architecture", "lag", "lags"), MODELS.values(), ids=MODELS)
def test_the_recursion_agrees_with_automatic_differentiation(architecture, lag, lags):
    scaled = record(noise=lambda rng, n: 0.2 * rng.normal(size=n))
    layout, points = started(architecture, scaled)
    data = windows(scaled, Simulation(LENGTH, STRIDE, estimated=True), lag=lag)
    with jax.enable_x64(True):
        residuals, point = joint(layout, points, data, lag, lags)
        starts = data.y[:, lag - lags : lag] + 0.1
        here = np.concatenate([points.theta[0], starts.ravel()])
        jacobian = np.asarray(jax.jacfwd(residuals)(here))
        expected, size = jacobian.T @ jacobian, layout.size
        estimated = point._replace(starts=jnp.asarray(starts))
        value, slope, gram, arrow = curvature.quadratic(layout, True, estimated, data)
        off = np.asarray(residuals(here))
    assert float(value) == pytest.approx(off @ off, rel=1e-12)
    close = {"rtol": 1e-9, "atol": 1e-9}
    np.testing.assert_allclose(slope, (jacobian.T @ off)[:size], **close)
    np.testing.assert_allclose(arrow.gradient.ravel(), (jacobian.T @ off)[size:], **close)
    np.testing.assert_allclose(gram, expected[:size, :size], **close)
    blocks = np.arange(size, len(here)).reshape(len(arrow.gram), -1)
    for w, block in enumerate(blocks):
        np.testing.assert_allclose(arrow.gram[w], expected[np.ix_(block, block)], **close)
        np.testing.assert_allclose(arrow.shared[w], expected[:size, block], **close)


@pytest.mark.parametrize("name", MODELS)
def test_it_ends_in_scipys_minimum_over_weights_and_starts(name):
    """Linear models, whose minimum is one point."""
    architecture, lag, lags = MODELS[name]
    architecture = architecture.model_copy(update={"widths": ()})
    scaled = record(noise=lambda rng, n: 0.2 * rng.normal(size=n))
    layout, points = started(architecture, scaled)
    points = points._replace(theta=0.1 * points.theta)
    criterion = Simulation(LENGTH, STRIDE, estimated=True)
    data = windows(scaled, criterion, lag=lag)
    ended = run_second_order(
        layout, points, data, SecondOrderPhase(LevenbergMarquardt(), criterion, 200)
    )
    assert ended.points.starts is None
    with jax.enable_x64(True):
        residuals, _ = joint(layout, points, data, lag, lags)
        recorded = data.y[:, lag - lags : lag]
        found = least_squares(
            lambda numbers: np.asarray(residuals(numbers)),
            np.concatenate([points.theta[0], recorded.ravel()]),
            jac=lambda numbers: np.asarray(jax.jacfwd(residuals)(numbers)),
            xtol=1e-12,
            ftol=1e-12,
            gtol=1e-12,
        )
    assert ended.errors[0] == pytest.approx(2 * found.cost, rel=1e-9)
    np.testing.assert_allclose(ended.points.theta[0], found.x[: layout.size], atol=1e-5)
    np.testing.assert_allclose(ended.starts[0].ravel(), found.x[layout.size :], atol=1e-5)


def test_many_short_noisy_records_give_the_plants_own_numbers():
    """Run from their recorded first samples, noise and all, they bend the model."""
    scaled = record(noise=lambda rng, n: 0.4 * rng.normal(size=n), samples=12, records=200)
    layout, points = started(NARX(widths=()), scaled)
    away = []
    for estimated in (True, False):
        criterion = Simulation(estimated=estimated)
        data = windows(scaled, criterion, lag=2)
        descent = SecondOrderPhase(LevenbergMarquardt(start=1e-3), criterion, iterations=200)
        theta = run_second_order(layout, points, data, descent).points.theta[0]
        away.append(np.abs(theta[2:4] - [0.8, -0.3]).max())  # of y(k-1), y(k-2)
    assert away[0] < 0.3 * away[1]


@pytest.mark.parametrize(
    "make",
    [
        lambda: Simulation(perturbation=1.0, estimated=True),
        lambda: SecondOrderPhase(BFGS(), Simulation(estimated=True)),
    ],
)
def test_what_cannot_be_estimated_is_refused(make):
    with pytest.raises(SparsidError, match="estimated"):
        make()
