"""Feedback controllers: inputs computed from the true state at the same sample.

Dead zones and limits are wrappers: `Clipped(Deadband(Proportional(...), below=14.0), high=22.0)`.
Setpoints are sources, too, so that a closed loop can be excited through its setpoint.
"""

from collections.abc import Callable

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from sparsid._errors import SparsidError
from sparsid.processes.signals import Constant
from sparsid.processes.sources import AbstractSource

Measure = Callable[[Float[Array, " states"]], Float[Array, ""]]


def _as_source(setpoint: float | AbstractSource) -> AbstractSource:
    return setpoint if isinstance(setpoint, AbstractSource) else Constant(float(setpoint))


class Proportional(AbstractSource):
    """u = gain (setpoint - measure(x)); with a negative gain, u > 0 for a measure that is too high.

    `gain` is in the input's unit per unit of the measure; `measure` is a function of the state,
    preferably a named function, so that equal controllers are compiled once.
    """

    measure: Measure = eqx.field(static=True)
    gain: float
    setpoint: AbstractSource = eqx.field(converter=_as_source)

    def plan(self, *, samples, dt, key):
        return self.setpoint.plan(samples=samples, dt=dt, key=key)

    def init(self):
        return self.setpoint.init()

    def step(self, carry, planned, x):
        carry, setpoint = self.setpoint.step(carry, planned, x)
        return carry, self.gain * (setpoint - self.measure(x))


class ProportionalIntegral(AbstractSource):
    """u = gain (e + sum(e dt) / integral_time) with e = setpoint - measure(x).

    The sum includes the current sample; `integral_time` is in s. There is no anti-windup: the
    sum continues to grow while a wrapper clips u. Raises SparsidError if integral_time <= 0.
    """

    measure: Measure = eqx.field(static=True)
    gain: float
    integral_time: float
    setpoint: AbstractSource = eqx.field(converter=_as_source)

    def __check_init__(self):
        if not self.integral_time > 0:
            raise SparsidError(f"`integral_time` must be positive; got {self.integral_time:g} s.")

    def plan(self, *, samples, dt, key):
        share = jnp.full(samples, dt / self.integral_time)
        return self.setpoint.plan(samples=samples, dt=dt, key=key), share

    def init(self):
        return self.setpoint.init(), jnp.zeros(())

    def step(self, carry, planned, x):
        (memory, total), (target, share) = carry, planned
        memory, setpoint = self.setpoint.step(memory, target, x)
        error = setpoint - self.measure(x)
        total = total + share * error
        return (memory, total), self.gain * (error + total)
