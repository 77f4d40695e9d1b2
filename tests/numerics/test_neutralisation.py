"""The pH reactor against numbers stated elsewhere, a bracketing solver, and closed forms."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import brentq

from sparsid._steppers import rk4
from sparsid.processes import Neutralisation, simulate
from sparsid.processes.neutralisation import acidity

PLANT = Neutralisation()


def balance(ph, wa, wb):
    """The charge balance, written again: Henson and Seborg 1994 with pK1 = 6.35, pK2 = 10.25."""
    h, k1, k2, kw = 10**-ph, 10**-6.35, 10**-10.25, 1e-14
    bicarbonate = 1 / (h / k1 + 1 + k2 / h)
    carbonate = 1 / (h * h / (k1 * k2) + h / k2 + 1)
    return wa + kw / h - h + wb * (bicarbonate + 2 * carbonate)


@pytest.mark.parametrize(
    ("base", "ph"),
    [(15.55, 7.000), (0.0, 2.71), (10.0, 3.98), (17.0, 8.99), (20.0, 10.01), (30.0, 10.75)],
)
def test_resting_ph(base, ph):
    x = PLANT.resting(base)
    assert PLANT.output(x, np.array([base]))[0] == pytest.approx(ph, abs=0.0051)
    np.testing.assert_allclose(PLANT.flow(x, np.array([base])), 0.0, atol=1e-18)


def test_resting_invariants_at_the_usual_flow():
    np.testing.assert_allclose(PLANT.resting(15.55), [-4.320e-4, 5.284e-4], atol=5e-8)


slope_of_acidity = jax.jit(jax.grad(acidity))
INVARIANTS = {"wa": st.floats(-3e-3, 3e-3), "wb": st.floats(1e-6, 3e-2)}


@settings(deadline=None)
@given(**INVARIANTS)
def test_the_ph_is_the_root_that_bracketing_finds(wa, wb):
    ph = PLANT.output(np.array([wa, wb]), np.array([15.0]))[0]
    assert ph == pytest.approx(brentq(balance, -2, 16, args=(wa, wb), xtol=1e-13), abs=1e-11)


@settings(deadline=None)
@given(**INVARIANTS)
def test_derivatives_of_the_implicit_ph(wa, wb):
    """dpH/dWa = -1 / (df/dpH), and the second derivative, by central differences of a solver."""

    def solved(value):
        return brentq(balance, -2, 16, args=(value, wb), xtol=1e-15, rtol=1e-15)

    with jax.enable_x64(True):
        first = slope_of_acidity(jnp.asarray(wa), jnp.asarray(wb))
    ph, step = solved(wa), 1e-5
    slope = (balance(ph + step, wa, wb) - balance(ph - step, wa, wb)) / (2 * step)
    assert float(first) == pytest.approx(-1 / slope, rel=1e-5)


def test_the_second_derivative_of_the_implicit_ph():
    wa, wb, step = -4.0e-4, 5.0e-4, 1e-8
    with jax.enable_x64(True):
        slope = jax.grad(acidity)
        second = jax.grad(slope)(jnp.asarray(wa), jnp.asarray(wb))
        near = [float(slope(jnp.asarray(wa + s), jnp.asarray(wb))) for s in (-step, step)]
    assert float(second) == pytest.approx((near[1] - near[0]) / (2 * step), rel=1e-4)


def test_mixing_is_exponential_under_a_constant_flow():
    """With q constant, W(t) = W_rest + (W(0) - W_rest) exp(-q t / V)."""
    base, start = 12.0, PLANT.resting(25.0)
    rest, total = PLANT.resting(base), 12.0 + 0.55 + 16.6
    x = start
    for _ in range(500):
        x = rk4(PLANT.flow, x, np.array([base]), 1.0)
    expected = rest + (start - rest) * np.exp(-total * 500.0 / 2900.0)
    np.testing.assert_allclose(x, expected, rtol=1e-9)


def test_the_excitation_holds_each_flow_for_thirty_samples():
    data = simulate(PLANT, trajectories=2, samples=300, key=jax.random.key(0))
    for t in data:
        levels = t.u[:, 0].reshape(10, 30)
        assert np.ptp(levels, axis=1).max() == 0
        assert len(set(levels[:, 0])) == 10
        assert levels.min() >= 0
        assert levels.max() <= 30
