"""Recurrent models and their derivatives against plain NumPy loops."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sparsid.data import Dataset, Normaliser
from sparsid.models import NARX
from sparsid.training import curvature
from sparsid.training.curvature import Point
from sparsid.training.starts import points_of
from sparsid.training.windows import Prediction, Simulation, windows

SAMPLES = 40


def record(seed, *, outputs=1, inputs=1, trajectories=1, samples=SAMPLES):
    rng = np.random.default_rng(seed)
    data = Dataset.from_arrays(
        x=[rng.normal(size=(samples + 3 * i, outputs)) for i in range(trajectories)],
        u=[rng.normal(size=(samples + 3 * i, inputs)) for i in range(trajectories)],
        dt=1.0,
    )
    return Normaliser.fit(data).apply(data)


def random_point(architecture, scaled, seed, size=1):
    keys = jax.random.split(jax.random.key(seed), size)
    models = jax.vmap(lambda key: architecture.build(scaled, key=key))(keys)
    layout, points = points_of(models)
    theta = np.random.default_rng(seed).uniform(-0.7, 0.7, points.theta.shape)
    return layout, points._replace(theta=theta)


def alone(points, member=0):
    return jax.tree.map(lambda leaf: leaf[member], points)


def by_name(layout, theta):
    """w1 (K, inputs), b1, w2, b2 of a network of one hidden layer, from the vector."""
    first, last = layout.unpack(theta).network.layers
    return first.weight.raw, first.bias, last.weight.raw, last.bias


def plain_run(layout, theta, y, u, *, lags=2, feedback=True, bend=np.tanh):
    """The free run of a network of one hidden layer and equal lags, sample by sample."""
    w1, b1, w2, b2 = by_name(layout, theta)
    run = y.copy()
    source = run if feedback else y
    for k in range(lags, len(y)):
        past_u = np.concatenate([u[k - 1 - a] for a in range(lags)])
        past_y = np.concatenate([source[k - 1 - a] for a in range(lags)])
        run[k] = w2 @ bend(w1 @ np.concatenate([past_u, past_y]) + b1) + b2
    return run


def published_recursion(layout, theta, y, u):
    """(E, dE/dw, d2E/dw2) for one output and one input by the recursion of chaber2018, eqs. 9-24.

    Written out weight by weight; `kind` is ("w1", i, j), ("b1", i), ("w2", i) or ("b2",).
    """
    w1, b1, w2, b2 = by_name(layout, theta)
    w2, b2 = w2[0], b2[0]
    labels = by_name(layout, np.arange(len(theta)))
    run = plain_run(layout, theta, y[:, None], u[:, None])[:, 0]
    error = np.sum((run - y) ** 2)
    slopes, bends = np.zeros(len(theta)), np.zeros(len(theta))
    for q in range(len(theta)):
        d, h = np.zeros(len(y)), np.zeros(len(y))
        for k in range(2, len(y)):
            x = np.array([u[k - 1], u[k - 2], run[k - 1], run[k - 2]])
            dx = np.array([0.0, 0.0, d[k - 1], d[k - 2]])
            ddx = np.array([0.0, 0.0, h[k - 1], h[k - 2]])
            t = np.tanh(w1 @ x + b1)
            p1, p2 = 1 - t**2, -2 * t * (1 - t**2)
            d[k] = float(labels[3][0] == q)
            for i in range(len(w2)):
                dz, ddz = w1[i] @ dx, w1[i] @ ddx
                for j in range(4):
                    if labels[0][i, j] == q:
                        dz, ddz = dz + x[j], ddz + 2 * dx[j]
                if labels[1][i] == q:
                    dz += 1.0
                mine = float(labels[2][0, i] == q)
                d[k] += mine * t[i] + w2[i] * p1[i] * dz
                h[k] += mine * 2 * p1[i] * dz + w2[i] * (p2[i] * dz**2 + p1[i] * ddz)
        slopes[q] = 2 * np.sum((run - y) * d)
        bends[q] = 2 * np.sum(d**2 + (run - y) * h)
    return error, slopes, bends


@pytest.fixture(scope="module")
def small():
    scaled = record(0, samples=25)
    layout, points = random_point(NARX(widths=(3,)), scaled, seed=1)
    return scaled, layout, points, windows(scaled, Simulation(), lag=2)


def test_first_and_second_derivatives_by_the_published_recursion(small):
    """Every class of weight: w1 of inputs and of outputs, b1, w2, b2."""
    scaled, layout, points, data = small
    t = scaled.scaled[0]
    error, slopes, bends = published_recursion(layout, points.theta[0], t.x[:, 0], t.u[:, 0])
    with jax.enable_x64(True):
        value, gradient = curvature.gradient(layout, True, alone(points), data)
        near = curvature.quadratic(layout, True, alone(points), data)
        diagonal = curvature.diagonal(layout, True, alone(points), data)
        near, gradient = jax.tree.map(np.asarray, (near, gradient))
    assert float(value) == pytest.approx(error, rel=1e-12)
    assert float(near.error) == pytest.approx(error, rel=1e-12)
    np.testing.assert_allclose(gradient, slopes, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(2 * near.gradient, slopes, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(diagonal, bends, rtol=1e-9, atol=1e-9)


SHAPES = [
    NARX(widths=(4,), output_lags=1, input_lags=1),
    NARX(widths=(3, 2), output_lags=3, input_lags=2, delay=2, skip=True),
    NARX(widths=(4,), output_lags=1, input_lags=4, activation="relu"),
    NARX(widths=()),
]


@pytest.mark.parametrize("architecture", SHAPES, ids=lambda a: a.sentence())
@pytest.mark.parametrize("criterion", [Simulation(), Simulation(12, 5), Prediction()])
def test_gauss_newton_is_that_of_the_differentiated_residuals(architecture, criterion, monkeypatch):
    """Against forward differentiation of the whole run; several segments, outputs and records."""
    monkeypatch.setattr(curvature, "SEGMENT_NUMBERS", 700)
    scaled = record(3, outputs=2, inputs=2, trajectories=2)
    layout, points = random_point(architecture, scaled, seed=4)
    point = alone(points)
    dead = np.random.default_rng(0).random(layout.size) < 0.3
    point = point._replace(theta=np.where(dead, 0.0, point.theta), keep=~dead)
    with jax.enable_x64(True):
        model = layout.model(jnp.asarray(point.theta), point.rest)
        data = windows(scaled, criterion, lag=model.lag)

        def residuals(theta):
            content = curvature.outputs(
                layout, criterion.feedback, point._replace(theta=theta), data
            )
            return ((content - data.y) * data.counts[..., None]).ravel()

        theta = jnp.asarray(point.theta)
        wrong, jacobian = residuals(theta), jax.jacfwd(residuals)(theta) * ~dead
        near = curvature.quadratic(layout, criterion.feedback, point, data)
        near, wrong, jacobian = jax.tree.map(np.asarray, (near, wrong, jacobian))
    np.testing.assert_allclose(near.error, wrong @ wrong, rtol=1e-10)
    slopes = (jacobian.T @ wrong)[~dead]
    np.testing.assert_allclose(near.gradient[: len(slopes)], slopes, rtol=1e-8, atol=1e-9)
    gram = curvature.full_gram(~dead, near.gram)
    np.testing.assert_allclose(gram, jacobian.T @ jacobian, rtol=1e-8, atol=1e-9)


@settings(deadline=None, max_examples=15)
@given(
    seed=st.integers(0, 1000),
    feedback=st.booleans(),
    activation=st.sampled_from(["tanh", "relu"]),
)
def test_the_run_is_that_of_a_plain_loop(seed, feedback, activation):
    scaled = record(seed, outputs=2, inputs=3)
    layout, points = random_point(NARX(widths=(4,), activation=activation), scaled, seed=seed)
    bend = np.tanh if activation == "tanh" else lambda z: np.maximum(z, 0)
    t = scaled.scaled[0]
    with jax.enable_x64(True):
        data = windows(scaled, Simulation() if feedback else Prediction(), lag=2)
        content = curvature.outputs(layout, feedback, alone(points), data)
    plain = plain_run(layout, points.theta[0], t.x, t.u, feedback=feedback, bend=bend)
    np.testing.assert_allclose(content[0], plain, rtol=1e-10, atol=1e-12)


def test_windows_cover_the_record_and_its_given_rows_do_not_count():
    scaled = record(0, samples=50)
    data = windows(scaled, Simulation(20, 10), lag=3)
    assert data.y.shape == (4, 20, 1)
    assert (data.counts[:, :3] == 0).all()
    assert (data.counts[:, 3:] == 1).all()
    np.testing.assert_array_equal(data.y[-1], scaled.scaled[0].x[30:50])


def test_records_of_unequal_length_count_their_own_rows_only():
    scaled = record(0, trajectories=3)
    data = windows(scaled, Simulation(), lag=2)
    assert data.counts.sum(axis=1).tolist() == [SAMPLES - 2, SAMPLES + 1, SAMPLES + 4]


def test_points_keep_what_masks_say():
    """Dead places of a masked weight never live, biases always do."""
    import equinox as eqx

    from sparsid.models.parameters import Masked

    scaled = record(0)
    architecture = NARX(widths=(3,))
    model = architecture.build(scaled, key=jax.random.key(0))
    keep = np.random.default_rng(0).random((3, 4)) < 0.5
    first = model.network.layers[0].weight
    model = eqx.tree_at(
        lambda m: m.network.layers[0].weight, model, Masked(first, jnp.asarray(keep))
    )
    layout, points = points_of(jax.tree.map(lambda leaf: jnp.asarray(leaf)[None], model))
    assert isinstance(points, Point)
    assert layout.size == 3 * 4 + 3 + 3 + 1
    assert points.keep.sum() == keep.sum() + 7
    np.testing.assert_array_equal(points.theta[0] == 0, ~points.keep[0] | (points.theta[0] == 0))
