"""Second-order training against SciPy, closed forms and its own promises."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import least_squares, minimize, minimize_scalar

from sparsid._errors import SparsidError
from sparsid.data import Dataset, Normaliser
from sparsid.models import NARX
from sparsid.training import (
    BFGS,
    LevenbergMarquardt,
    Prediction,
    SecondOrderPhase,
    Simulation,
    Stopping,
    curvature,
)
from sparsid.training.bfgs import armijo, golden_section, updated
from sparsid.training.second_order import SecondOrderReport, _program, run_second_order
from sparsid.training.starts import models_of, points_of, stacked, uniform_start
from sparsid.training.stopping import FLAT, LONG, STALLED
from sparsid.training.windows import windows


def plant(seed, samples=120, noise=0.05):
    """A noisy record of y(k) = 0.6 y(k-1) + tanh(u(k-1)) + 0.2 u(k-2), scaled."""
    rng = np.random.default_rng(seed)
    u, y = rng.uniform(-2, 2, samples), np.zeros(samples)
    for k in range(2, samples):
        y[k] = 0.6 * y[k - 1] + np.tanh(u[k - 1]) + 0.2 * u[k - 2]
    measured = y + noise * rng.normal(size=samples)
    data = Dataset.from_arrays(x=[measured[:, None]], u=[u[:, None]], dt=1.0)
    return Normaliser.fit(data).apply(data)


def started(architecture, scaled, *, size=3, seed=0):
    keys = jax.random.split(jax.random.key(seed), size)
    layout, points = points_of(jax.vmap(lambda k: architecture.build(scaled, key=k))(keys))
    return layout, uniform_start(points, key=jax.random.key(seed + 1))


def residuals_of(layout, point, data, feedback=True):
    @jax.jit
    def residuals(theta):
        content = curvature.outputs(layout, feedback, point._replace(theta=theta), data)
        return ((content - data.y) * data.counts[..., None]).ravel()

    return residuals


def test_levenberg_marquardt_ends_where_scipy_does():
    """In a minimum that MINPACK cannot improve, about as deep as the one it finds from there."""
    scaled = plant(3)
    layout, points = started(NARX(widths=(2,)), scaled)
    data = windows(scaled, Simulation(), lag=2)
    ended = run_second_order(
        layout, points, data, SecondOrderPhase(LevenbergMarquardt(start=10.0), iterations=400)
    )
    with jax.enable_x64(True):
        for i in range(3):
            residuals = residuals_of(layout, jax.tree.map(lambda a, i=i: a[i], points), data)
            found = least_squares(
                lambda theta, r=residuals: np.asarray(r(jnp.asarray(theta))),
                points.theta[i],
                jac=lambda theta, r=residuals: np.asarray(jax.jacfwd(r)(jnp.asarray(theta))),
                method="lm",
                xtol=1e-12,
                ftol=1e-12,
            )
            polished = least_squares(
                lambda theta, r=residuals: np.asarray(r(jnp.asarray(theta))),
                ended.points.theta[i],
                jac=lambda theta, r=residuals: np.asarray(jax.jacfwd(r)(jnp.asarray(theta))),
                method="lm",
            )
            # A minimum: SciPy, started there, finds nothing better.
            assert 2 * polished.cost == pytest.approx(ended.errors[i], rel=1e-4, abs=1e-9)
            assert ended.errors[i] <= 2 * found.cost * 10 + 1e-6


def test_levenberg_marquardt_solves_a_linear_problem_at_once():
    """One-step training of a linear model is linear least squares: NumPy's lstsq."""
    scaled = plant(1)
    layout, points = started(NARX(widths=()), scaled, size=1)
    data = windows(scaled, Prediction(), lag=2)
    method = LevenbergMarquardt(start=1e-12)
    ended = run_second_order(
        layout, points, data, SecondOrderPhase(method, Prediction(), iterations=10)
    )
    t = scaled.scaled[0]
    y, u = t.x[:, 0], t.u[:, 0]
    design = np.stack([u[1:-1], u[:-2], y[1:-1], y[:-2], np.ones(len(y) - 2)], axis=1)
    solution, *_ = np.linalg.lstsq(design, y[2:])
    np.testing.assert_allclose(ended.points.theta[0], solution, rtol=1e-7, atol=1e-9)


@pytest.mark.parametrize("search", ["golden", "armijo"])
def test_bfgs_ends_where_scipy_does(search):
    scaled = plant(2)
    layout, points = started(NARX(widths=(1,)), scaled, size=2)
    data = windows(scaled, Prediction(), lag=2)
    ended = run_second_order(
        layout, points, data, SecondOrderPhase(BFGS(search), Prediction(), iterations=400)
    )
    with jax.enable_x64(True):
        for i in range(2):
            residuals = residuals_of(
                layout, jax.tree.map(lambda a, i=i: a[i], points), data, feedback=False
            )

            def error(theta, r=residuals):
                return float(jnp.sum(r(jnp.asarray(theta)) ** 2))

            found = minimize(error, ended.points.theta[i], method="BFGS")
            assert found.fun == pytest.approx(ended.errors[i], rel=1e-5)
            assert ended.errors[i] < 0.05 * error(points.theta[i])


@settings(deadline=None, max_examples=30)
@given(
    minimum=st.floats(1e-3, 1e3), steep=st.floats(0.1, 10), power=st.sampled_from([2.0, 4.0, 1.5])
)
def test_golden_section_finds_the_minimum_along_a_line(minimum, steep, power):
    def along(length):
        return steep * jnp.abs(length / minimum - 1) ** power

    with jax.enable_x64(True):
        length = golden_section(along, along(jnp.zeros(())), cuts=25)
    found = minimize_scalar(lambda s: float(along(s)), bracket=(0, minimum * 1.3)).x
    assert float(length) == pytest.approx(minimum, rel=2e-3)
    assert float(length) == pytest.approx(found, rel=3e-3)


def test_line_searches_give_nothing_where_nothing_is_gained():
    with jax.enable_x64(True):
        zero = jnp.zeros(())
        assert float(golden_section(lambda s: s, zero, cuts=16)) == 0
        assert float(armijo(lambda s: s, zero, jnp.asarray(-1.0))) == 0


@settings(deadline=None)
@given(seed=st.integers(0, 10_000))
def test_the_bfgs_update_maps_the_change_to_the_step(seed):
    """The secant condition, symmetry and positive definiteness."""
    rng = np.random.default_rng(seed)
    root = rng.normal(size=(4, 4))
    hessian = root @ root.T + np.eye(4)
    step = rng.normal(size=4)
    change = hessian @ step
    with jax.enable_x64(True):
        later = np.asarray(updated(jnp.eye(4), jnp.asarray(step), jnp.asarray(change)))
    np.testing.assert_allclose(later @ change, step, atol=1e-9)
    np.testing.assert_allclose(later, later.T, atol=1e-12)
    assert np.linalg.eigvalsh(later).min() > 0


def test_the_error_never_rises_and_dead_weights_stay_zero():
    scaled = plant(3)
    layout, points = started(NARX(widths=(4,)), scaled)
    keep = np.random.default_rng(0).random(points.keep.shape) < 0.7
    points = points._replace(theta=np.where(keep, points.theta, 0.0), keep=keep)
    data = windows(scaled, Simulation(), lag=2)
    with jax.enable_x64(True):
        start = [
            float(curvature.error(layout, True, jax.tree.map(lambda a, i=i: a[i], points), data))
            for i in range(3)
        ]
    for method in (LevenbergMarquardt(), BFGS()):
        seen: list[SecondOrderReport] = []
        ended = run_second_order(
            layout, points, data, SecondOrderPhase(method, iterations=30), callback=seen.append
        )
        falls = np.stack([report.errors for report in seen])
        assert (np.diff(falls, axis=0) <= 0).all()
        assert (falls[-1] < 0.5 * np.array(start)).all()
        assert (ended.points.theta[~keep] == 0).all()


def test_members_do_not_depend_on_their_company():
    scaled = plant(4)
    layout, points = started(NARX(widths=(3,)), scaled, size=4)
    data = windows(scaled, Simulation(), lag=2)
    together = run_second_order(layout, points, data, SecondOrderPhase(iterations=5))
    alone = run_second_order(
        layout, jax.tree.map(lambda a: a[2:3], points), data, SecondOrderPhase(iterations=5)
    )
    assert together.errors[2] == pytest.approx(alone.errors[0], rel=1e-6)


def test_reasons_for_stopping():
    scaled = plant(5)
    layout, points = started(NARX(widths=(2,)), scaled, size=2)
    data = windows(scaled, Prediction(), lag=2)

    def ended(stopping, iterations):
        method = LevenbergMarquardt(stopping=stopping)
        return run_second_order(
            layout, points, data, SecondOrderPhase(method, Prediction(), iterations)
        )

    assert (ended(Stopping(), 5).reasons == LONG).all()
    assert (ended(Stopping(gradient=1e9), 50).reasons == FLAT).all()
    slow = ended(Stopping(progress=0.999999, patience=5), 50)
    assert (slow.reasons == STALLED).all()
    assert (slow.iterations == 5).all()


def test_an_unstable_start_is_refused_in_a_sentence():
    scaled = plant(6)
    architecture = NARX(widths=(2,), activation="relu")
    layout, points = started(architecture, scaled, size=2)
    points = points._replace(theta=np.abs(points.theta) * 1e6)
    with pytest.raises(SparsidError, match="become NaN or infinite at the start"):
        run_second_order(
            layout, points, windows(scaled, Simulation(), lag=2), SecondOrderPhase(iterations=5)
        )


def test_a_member_that_is_lost_at_its_start_does_not_hold_up_the_others():
    scaled = plant(6)
    layout, points = started(NARX(widths=(2,), activation="relu"), scaled, size=2)
    factors = np.array([[1e6], [1.0]])
    both = points._replace(
        theta=np.where(factors > 1, np.abs(points.theta), points.theta) * factors
    )
    data = windows(scaled, Simulation(), lag=2)
    ended = run_second_order(layout, both, data, SecondOrderPhase(iterations=20))
    alone = run_second_order(layout, points, data, SecondOrderPhase(iterations=20))
    assert not np.isfinite(ended.errors[0])
    np.testing.assert_allclose(ended.points.theta[1], alone.points.theta[1], rtol=1e-6)


def test_models_come_back_from_points():
    scaled = plant(7)
    layout, points = started(NARX(widths=(3,)), scaled, size=2)
    again_layout, again = points_of(models_of(layout, points))
    assert again_layout == layout
    np.testing.assert_array_equal(again.theta, points.theta)


def test_short_and_odd_records_are_refused():
    short = Dataset.from_arrays(x=[np.arange(2.0)[:, None]], u=[np.ones((2, 1))], dt=1.0)
    scaled = Normaliser.fit(short).apply(short)
    with pytest.raises(SparsidError, match="at least 3 samples"):
        windows(scaled, Simulation(), lag=2)
    with pytest.raises(SparsidError, match="longer than the model's 2 lags"):
        windows(plant(0), Simulation(length=2), lag=2)


def test_a_state_comes_from_an_iteration_as_it_went_in():
    """Of the same types, weak ones among them: else the program is compiled twice."""
    scaled = plant(0)
    layout, points = started(NARX(widths=(2,)), scaled)
    data = windows(scaled, Simulation(), lag=2)
    for method in (LevenbergMarquardt(), BFGS()):
        begin, advance = _program(layout, True, method)
        with jax.enable_x64(True):
            on = curvature.on_device(data)
            first = begin(stacked(points), on)
            later = advance(first, on, 1)
        for before, after in zip(jax.tree.leaves(first), jax.tree.leaves(later), strict=True):
            assert (before.dtype, before.weak_type) == (after.dtype, after.weak_type)


@pytest.mark.parametrize("early", [False, True])
def test_a_lost_start_and_a_resting_member_stay_where_they_are(early):
    scaled = plant(0)
    layout, points = started(NARX(widths=(2,)), scaled)
    data = windows(scaled, Simulation(), lag=2)
    theta = points.theta.copy()
    theta[1] *= 1e200
    descent = SecondOrderPhase(iterations=20, early=early)
    options = {"validation": data if early else None, "active": np.array([True, True, False])}
    ended = run_second_order(layout, points._replace(theta=theta), data, descent, **options)
    np.testing.assert_array_equal(ended.points.theta[1:], theta[1:])
    assert ended.iterations.tolist() == [20, 0, 0]
    assert ended.errors[1] == np.inf
    assert (ended.reasons[1:] == STALLED).all()
    alone = run_second_order(
        layout, jax.tree.map(lambda a: a[:1], points), data, SecondOrderPhase(iterations=20)
    )
    assert ended.errors[0] <= alone.errors[0] * (1 + 1e-6) if not early else True
    assert ended.errors[0] < np.inf
