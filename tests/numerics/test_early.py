"""Early stopping against descents cut off by hand, and programs for few living numbers."""

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sparsid._errors import SparsidError
from sparsid.data import Dataset, Normaliser
from sparsid.models import NARX
from sparsid.training import LevenbergMarquardt, SecondOrderPhase, curvature
from sparsid.training.second_order import run_second_order
from sparsid.training.starts import points_of, stacked
from sparsid.training.windows import Simulation, windows


def noisy_record(seed, samples=120):
    rng = np.random.default_rng(seed)
    u, y = rng.normal(size=samples), np.zeros(samples)
    for k in range(1, samples):
        y[k] = 0.6 * np.tanh(y[k - 1]) + 0.5 * u[k - 1] ** 2
    y += rng.normal(size=samples) * 0.1
    return Dataset.from_arrays(x=[y[:, None]], u=[u[:, None]], dt=1.0)


@pytest.fixture(scope="module")
def problem():
    train, validation = noisy_record(0), noisy_record(1)
    normaliser = Normaliser.fit(train)
    parts = [normaliser.apply(data) for data in (train, validation)]
    keys = jax.random.split(jax.random.key(2), 3)
    models = jax.vmap(lambda key: NARX(widths=(8,)).build(parts[0], key=key))(keys)
    layout, points = points_of(models)
    return layout, points, *(windows(part, Simulation(), lag=2) for part in parts)


def free_run_errors(problem, points, data):
    layout, *_ = problem
    run = curvature.program(curvature.error, layout, True)
    with jax.enable_x64(True):
        return np.asarray(run(stacked(points), jax.tree.map(np.asarray, data)))[:3]


@pytest.mark.parametrize(("largest_error", "ridge"), [(None, 0.0), (30.0, 0.0), (30.0, 0.5)])
def test_it_keeps_the_point_that_descents_cut_off_there_end_in(problem, largest_error, ridge):
    """Every ten iterations a descent of its own, each judged on validation by hand."""
    layout, points, train, validation = problem
    method = LevenbergMarquardt(ridge=ridge)
    limits = None if largest_error is None else np.full(3, largest_error)
    ends = [points]
    for iterations in range(10, 101, 10):
        ends.append(
            run_second_order(
                layout, points, train, SecondOrderPhase(method, iterations=iterations)
            ).points
        )
    errors = np.array([free_run_errors(problem, end, train) for end in ends])
    rivals = np.array([free_run_errors(problem, end, validation) for end in ends])
    rivals[errors > (largest_error or np.inf)] = np.inf
    best = rivals.argmin(axis=0)
    assert (best < 10).any()  # else there is nothing to stop
    early = SecondOrderPhase(method, iterations=100, early=True)
    kept = run_second_order(
        layout, points, train, early, validation=validation, largest_error=limits
    )
    for i in range(3):
        np.testing.assert_allclose(kept.points.theta[i], ends[best[i]].theta[i], rtol=1e-7)
        assert kept.errors[i] == pytest.approx(errors[best[i], i])


def test_it_needs_validation_data(problem):
    layout, points, train, _ = problem
    with pytest.raises(SparsidError, match="needs validation data"):
        run_second_order(layout, points, train, SecondOrderPhase(iterations=10, early=True))


@settings(max_examples=4, deadline=None)
@given(st.integers(0, 2**31), st.floats(0.1, 1.0))
def test_a_program_for_few_living_numbers_says_what_that_for_all_says(problem, seed, share):
    layout, points, train, _ = problem
    rng = np.random.default_rng(seed)
    keep = rng.random(layout.size) < share
    point = jax.tree.map(lambda leaf: leaf[0], points)
    point = point._replace(theta=np.where(keep, rng.normal(size=layout.size) * 0.3, 0), keep=keep)
    small = layout.with_capacity(int(keep.sum()))
    assert keep.sum() <= small.capacity <= layout.size
    with jax.enable_x64(True):
        few, every = (
            jax.tree.map(np.asarray, curvature.quadratic(capacity, True, point, train))
            for capacity in (small, layout)
        )
    size = int(keep.sum())
    assert few.gram.shape == (small.capacity, small.capacity)
    np.testing.assert_allclose(few.error, every.error)
    np.testing.assert_allclose(few.gradient[:size], every.gradient[:size], rtol=1e-9, atol=1e-9)
    whole, same = (curvature.full_gram(keep, near.gram) for near in (few, every))
    np.testing.assert_allclose(whole, same, rtol=1e-9, atol=1e-9 * np.abs(same).max())
    assert not few.gram[size:].any()
