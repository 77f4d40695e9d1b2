"""Sources of a plant's inputs: the common interface of signals and controllers.

A source is evaluated along with the plant. Random parts are drawn beforehand, for all samples at
once (`plan`); feedback is computed during integration (`init`, `step`), from the true state at the
same sample. Sources compose: `a + b`, `Clipped(a, low, high)`, `Deadband(a, below)`,
`Stack((a, b))`.
"""

from abc import abstractmethod
from collections.abc import Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key, PyTree

from sparsid._errors import SparsidError


class AbstractSource(eqx.Module):
    """Computes one input channel at every sample; a `Stack` computes all channels."""

    @abstractmethod
    def plan(self, *, samples: int, dt: float, key: Key[Array, ""]) -> PyTree[Array]:
        """Everything that does not depend on the state: arrays with a first axis of `samples`.

        `dt` is the sampling time in s.
        """

    @abstractmethod
    def init(self) -> PyTree[Array]:
        """The initial carry; () for a source without memory."""

    @abstractmethod
    def step(
        self, carry: PyTree[Array], planned: PyTree[Array], x: Float[Array, " states"]
    ) -> tuple[PyTree[Array], Float[Array, "..."]]:
        """The next carry and the value at this sample, from its row of the plan and its state."""

    def __add__(self, other: "AbstractSource") -> "Sum":
        return Sum((self, other))


class Sum(AbstractSource):
    """The sum of its terms; each has its own random key."""

    terms: tuple[AbstractSource, ...]

    def plan(self, *, samples, dt, key):
        return _plan_all(self.terms, samples=samples, dt=dt, key=key)

    def init(self):
        return tuple(term.init() for term in self.terms)

    def step(self, carry, planned, x):
        carry, values = _step_all(self.terms, carry, planned, x)
        return carry, sum(values[1:], start=values[0])


class Stack(AbstractSource):
    """One source per channel, stacked to the input vector u of a process."""

    channels: tuple[AbstractSource, ...]

    def plan(self, *, samples, dt, key):
        return _plan_all(self.channels, samples=samples, dt=dt, key=key)

    def init(self):
        return tuple(channel.init() for channel in self.channels)

    def step(self, carry, planned, x):
        carry, values = _step_all(self.channels, carry, planned, x)
        return carry, jnp.stack(values)


class Clipped(AbstractSource):
    """`inner` clipped to [low, high], in its unit; raises SparsidError if low > high."""

    inner: AbstractSource
    low: float = -jnp.inf
    high: float = jnp.inf

    def __check_init__(self):
        if self.low > self.high:
            raise SparsidError(
                f"`low` must not be above `high`; got low {self.low:g} and high {self.high:g}."
            )

    def plan(self, *, samples, dt, key):
        return self.inner.plan(samples=samples, dt=dt, key=key)

    def init(self):
        return self.inner.init()

    def step(self, carry, planned, x):
        carry, value = self.inner.step(carry, planned, x)
        return carry, jnp.clip(value, self.low, self.high)


class Deadband(AbstractSource):
    """`inner` where it is at least `below` (in its unit), else 0: an actuator's minimum dose."""

    inner: AbstractSource
    below: float

    def plan(self, *, samples, dt, key):
        return self.inner.plan(samples=samples, dt=dt, key=key)

    def init(self):
        return self.inner.init()

    def step(self, carry, planned, x):
        carry, value = self.inner.step(carry, planned, x)
        return carry, jnp.where(value < self.below, 0.0, value)


def play(
    source: AbstractSource,
    states: Float[Array, "samples states"],
    *,
    dt: float,
    key: Key[Array, ""],
) -> Float[Array, "samples ..."]:
    """The values of `source` along recorded states, without a plant in the loop.

    For signals, which ignore the state, `states` may have no columns.
    """

    def step(carry, row):
        planned, x = row
        return source.step(carry, planned, x)

    plan = source.plan(samples=len(states), dt=dt, key=key)
    return jax.lax.scan(step, source.init(), (plan, states))[1]


def _plan_all(sources: Sequence[AbstractSource], *, samples: int, dt: float, key: Key[Array, ""]):
    keys = jax.random.split(key, len(sources))
    return tuple(s.plan(samples=samples, dt=dt, key=k) for s, k in zip(sources, keys, strict=True))


def _step_all(sources: Sequence[AbstractSource], carries, planned, x):
    each = [s.step(c, p, x) for s, c, p in zip(sources, carries, planned, strict=True)]
    return tuple(carry for carry, _ in each), [value for _, value in each]
