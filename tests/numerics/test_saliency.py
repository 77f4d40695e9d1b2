"""OBD and OBS against brute force: constrained least squares, and evaluating every deletion."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize

from sparsid.sparsify.saliency import Surgeon, brain_damage

SIZE = 6


def quadratic(seed, dead=()):
    """J, target and the least-squares minimum of |J w - target|^2 over the living weights."""
    rng = np.random.default_rng(seed)
    jacobian, target = rng.normal(size=(30, SIZE)), rng.normal(size=30)
    keep = np.ones(SIZE, bool)
    keep[list(dead)] = False
    theta = np.zeros(SIZE)
    theta[keep] = np.linalg.lstsq(jacobian[:, keep], target)[0]
    return jacobian, target, theta, keep


def error(jacobian, target, theta):
    return np.sum((jacobian @ theta - target) ** 2)


@settings(deadline=None)
@given(seed=st.integers(0, 10_000), order=st.permutations(range(SIZE)))
def test_obs_deletions_are_constrained_least_squares(seed, order):
    """Weight after weight: the increase it promises, and the weights it leaves."""
    jacobian, target, theta, keep = quadratic(seed, dead=order[:1])
    surgeon = Surgeon.at(theta, keep, jacobian.T @ jacobian, ridge=0.0)
    for q in order[1:4]:
        before = error(jacobian, target, surgeon.theta)
        promised = surgeon.saliency()[q]
        surgeon = surgeon.without(q)
        left = np.flatnonzero(surgeon.keep)
        brute = np.zeros(SIZE)
        brute[left] = np.linalg.lstsq(jacobian[:, left], target)[0]
        np.testing.assert_allclose(surgeon.theta, brute, rtol=1e-6, atol=1e-9)
        after = error(jacobian, target, brute)
        assert after - before == pytest.approx(promised, rel=1e-6, abs=1e-9)
    assert not surgeon.keep[list(order[:4])].any()
    assert np.isinf(surgeon.saliency()[list(order[:4])]).all()


def test_obs_agrees_with_a_constrained_optimiser():
    """SciPy's SLSQP with w_q = 0 as the constraint."""
    jacobian, target, theta, keep = quadratic(1)
    surgeon = Surgeon.at(theta, keep, jacobian.T @ jacobian, ridge=0.0).without(2)
    found = minimize(
        lambda w: error(jacobian, target, w),
        theta,
        constraints={"type": "eq", "fun": lambda w: w[2]},
        method="SLSQP",
        options={"ftol": 1e-14, "maxiter": 500},
    )
    np.testing.assert_allclose(surgeon.theta, found.x, atol=1e-5)


@given(seed=st.integers(0, 10_000))
def test_obd_saliency_is_the_increase_of_a_diagonal_quadratic(seed):
    """With a diagonal Hessian the deletion of one weight costs exactly its saliency."""
    rng = np.random.default_rng(seed)
    curvature, theta = rng.normal(size=SIZE), rng.normal(size=SIZE)

    def bowl(w):
        return 0.5 * np.sum(curvature * (w - theta) ** 2)

    for q in range(SIZE):
        without = theta.copy()
        without[q] = 0
        expected = bowl(without) - bowl(theta)
        assert brain_damage(theta, curvature)[q] == pytest.approx(expected, rel=1e-12)


def test_a_singular_hessian_stays_finite():
    jacobian = np.ones((5, SIZE))
    surgeon = Surgeon.at(np.ones(SIZE), np.ones(SIZE, bool), jacobian.T @ jacobian)
    assert np.isfinite(surgeon.saliency()).all()
    assert np.isfinite(surgeon.without(0).theta).all()
