"""Fixed-step integrators against closed forms: their order, and exactness on polynomials."""

import numpy as np
import pytest

from sparsid._steppers import STEPPERS, euler, rk4


def logistic(x, u):
    return x * (1 - x)


def end_error(stepper, steps):
    """Error at time 2 on x' = x (1 - x), x(0) = x0 = 0.1: x = x0 e^t / (1 + x0 (e^t - 1))."""
    x = np.array([0.1])
    for _ in range(steps):
        x = stepper(logistic, x, None, 2.0 / steps)
    growth = np.exp(2.0)
    return abs(x[0] - 0.1 * growth / (1 + 0.1 * (growth - 1)))


@pytest.mark.parametrize(("stepper", "order"), [(euler, 1), (rk4, 4)])
def test_order_of_convergence(stepper, order):
    coarse, fine = end_error(stepper, 40), end_error(stepper, 80)
    assert np.log2(coarse / fine) == pytest.approx(order, abs=0.1)


def test_a_linear_step_is_the_truncated_exponential():
    """On x' = a x one step multiplies by the Taylor polynomial of exp(a dt) of the order."""
    z = -0.7
    taylor = {"euler": 1 + z, "rk4": 1 + z + z**2 / 2 + z**3 / 6 + z**4 / 24}
    assert set(taylor) == set(STEPPERS)
    for name, factor in taylor.items():
        step = STEPPERS[name](lambda x, u: -0.35 * x, np.array([3.0]), None, 2.0)
        assert step[0] == pytest.approx(3 * factor, rel=1e-14)


def test_the_input_is_held_over_the_step():
    for stepper in (STEPPERS[name] for name in STEPPERS):
        assert stepper(lambda x, u: u, np.array([1.0]), np.array([4.0]), 0.5)[0] == 3.0
