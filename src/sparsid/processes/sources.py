"""Where a plant's inputs come from: the contract that signals and controllers share.

A source marches beside the plant. What is random is drawn beforehand, for all samples at once
(`plan`); what reacts is decided inside the march (`init`, `step`), from the true state at the same
sample. Sources compose: `a + b`, `Clipped(a, low, high)`, `Deadband(a, below)`, `Stack((a, b))`.
"""

from abc import abstractmethod
from collections.abc import Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Key, PyTree

from sparsid._errors import SparsidError


class AbstractSource(eqx.Module):
    """Gives one input channel its value at every sample; a `Stack` gives all channels theirs."""

    @abstractmethod
    def plan(self, *, samples: int, dt: float, key: Key[Array, ""]) -> PyTree[Array]:
        """All that does not depend on the state: arrays whose first axis is `samples` long.

        `dt` is the sampling time in s.
        """

    @abstractmethod
    def init(self) -> PyTree[Array]:
        """The memory before the first sample; () for a source without memory."""

    @abstractmethod
    def step(
        self, carry: PyTree[Array], planned: PyTree[Array], x: Float[Array, " states"]
    ) -> tuple[PyTree[Array], Float[Array, "..."]]:
        """Memory and value after this sample, from its row of the plan and its true state."""

    def __add__(self, other: "AbstractSource") -> "Sum":
        return Sum((self, other))


class Sum(AbstractSource):
    """The sum of its terms; each draws from a key of its own."""

    terms: tuple[AbstractSource, ...]

    def plan(self, *, samples, dt, key):
        return _plan_all(self.terms, samples=samples, dt=dt, key=key)

    def init(self):
        return tuple(term.init() for term in self.terms)

    def step(self, carry, planned, x):
        carry, values = _step_all(self.terms, carry, planned, x)
        return carry, sum(values[1:], start=values[0])


class Stack(AbstractSource):
    """One source a channel, stacked to the input vector u of a process."""

    channels: tuple[AbstractSource, ...]

    def plan(self, *, samples, dt, key):
        return _plan_all(self.channels, samples=samples, dt=dt, key=key)

    def init(self):
        return tuple(channel.init() for channel in self.channels)

    def step(self, carry, planned, x):
        carry, values = _step_all(self.channels, carry, planned, x)
        return carry, jnp.stack(values)


class Clipped(AbstractSource):
    """`inner` held within [low, high], in its own unit; raises SparsidError if low > high."""

    inner: AbstractSource
    low: float = -jnp.inf
    high: float = jnp.inf

    def __check_init__(self):
        if self.low > self.high:
            raise SparsidError(
                f"`low` must not lie above `high`; got low {self.low:g} and high {self.high:g}."
            )

    def plan(self, *, samples, dt, key):
        return self.inner.plan(samples=samples, dt=dt, key=key)

    def init(self):
        return self.inner.init()

    def step(self, carry, planned, x):
        carry, value = self.inner.step(carry, planned, x)
        return carry, jnp.clip(value, self.low, self.high)


class Deadband(AbstractSource):
    """`inner` where it reaches `below` (in its own unit), else 0: an actuator's least dose."""

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
    """What `source` gives along recorded states, without a plant in the loop.

    A source of signals alone looks at no state: `states` may then have no columns.
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
