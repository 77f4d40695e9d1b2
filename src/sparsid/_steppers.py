"""Fixed-step integrators, for processes and for learnt models.

`flow(x, u)` is the time derivative of the state (per s); the input is held over the step (s).
They accept NumPy and JAX arrays.
"""

from collections.abc import Callable
from typing import Any

from sparsid._registry import Registry

Flow = Callable[[Any, Any], Any]


def euler(flow: Flow, x, u, dt):
    """One explicit Euler step of length `dt`, order 1."""
    return x + dt * flow(x, u)


def rk4(flow: Flow, x, u, dt):
    """One classical Runge-Kutta step of length `dt`, order 4."""
    k1 = flow(x, u)
    k2 = flow(x + dt / 2 * k1, u)
    k3 = flow(x + dt / 2 * k2, u)
    k4 = flow(x + dt * k3, u)
    return x + dt / 6 * (k1 + 2 * k2 + 2 * k3 + k4)


STEPPERS: Registry[Callable] = Registry("stepper")
STEPPERS.register("euler")(euler)
STEPPERS.register("rk4")(rk4)
