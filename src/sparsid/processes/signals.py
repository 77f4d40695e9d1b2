"""Signals: open-loop inputs, drawn for a complete trajectory at once."""

import math
from abc import abstractmethod

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key

from sparsid._errors import SparsidError
from sparsid.processes.sources import AbstractSource


class AbstractSignal(AbstractSource):
    """A source that ignores the state: subclasses implement only `sample`."""

    @abstractmethod
    def sample(
        self, *, samples: int, dt: float, key: Key[Array, ""]
    ) -> Float[Array, "samples ..."]:
        """The value at every sample; `dt` is the sampling time in s."""

    def plan(self, *, samples, dt, key):
        return self.sample(samples=samples, dt=dt, key=key)

    def init(self):
        return ()

    def step(self, carry, planned, x):
        return carry, planned


class Constant(AbstractSignal):
    """The constant `value`."""

    value: float

    def sample(self, *, samples, dt, key):
        return jnp.full(samples, self.value)


class Step(AbstractSignal):
    """`before` until the time `at` (s), `after` from the first sample at or after it."""

    before: float
    after: float
    at: float

    def sample(self, *, samples, dt, key):
        first = math.ceil(self.at / dt - 1e-9)  # 0.3 / 0.1 must not round up to a fourth sample
        return jnp.where(jnp.arange(samples) < first, self.before, self.after)


class APRBS(AbstractSignal):
    """Amplitude-modulated pseudo-random steps: uniform levels held for uniform integer times.

    Levels are in [low, high), hold times in [shortest, longest] samples; the first level is
    random, too. Raises SparsidError for invalid bounds.
    Source: O. Nelles, Nonlinear System Identification, 2001, section 17.7.
    """

    low: float
    high: float
    shortest: int
    longest: int

    def __check_init__(self):
        _check_range("levels", (self.low, self.high))
        _check_counts("hold times", (self.shortest, self.longest))

    def sample(self, *, samples, dt, key):
        count = samples // self.shortest + 1
        held_for, level = jax.random.uniform(key, (2, count))
        holds = _uniform_integers(held_for, self.shortest, self.longest)
        held = jnp.searchsorted(jnp.cumsum(holds), jnp.arange(samples), side="right")
        return self.low + (self.high - self.low) * level[held]


class Impulses(AbstractSignal):
    """Single samples of uniform height in [low, high), 0 between them.

    The first one comes after `first` = (least, most) samples, each next one `gap` samples after
    the previous one, both uniform integers. Raises SparsidError for invalid bounds.
    """

    low: float
    high: float
    first: tuple[int, int]
    gap: tuple[int, int]

    def __check_init__(self):
        _check_range("heights", (self.low, self.high))
        _check_counts("samples before the first impulse", self.first, least=0)
        _check_counts("gaps", self.gap)

    def sample(self, *, samples, dt, key):
        count = samples // self.gap[0] + 1
        waited, height = jax.random.uniform(key, (2, count))
        first = _uniform_integers(waited[:1], *self.first)
        gaps = _uniform_integers(waited[1:], *self.gap)
        at = jnp.cumsum(jnp.concatenate([first, gaps]))
        heights = self.low + (self.high - self.low) * height
        return jnp.zeros(samples).at[at].set(heights, mode="drop")


class Multisine(AbstractSignal):
    """Random-phase multisine: flat over the harmonics lowest..highest of a period in samples.

    `rms` is the root mean square over one period, in the channel's unit; the phases are uniform.
    Raises SparsidError if the highest harmonic is not below half the sampling rate.
    Source: R. Pintelon and J. Schoukens, System Identification, 2nd ed. 2012, chapter 5.
    """

    rms: float
    period: int
    lowest: int
    highest: int

    def __check_init__(self):
        _check_counts("harmonics", (self.lowest, self.highest))
        if 2 * self.highest >= self.period:
            raise SparsidError(
                "`highest` must be below half of `period`, the Nyquist limit; "
                f"got harmonic {self.highest} of a period of {self.period} samples."
            )

    def sample(self, *, samples, dt, key):
        harmonics = jnp.arange(self.lowest, self.highest + 1)
        phases = jax.random.uniform(key, harmonics.shape, maxval=2 * jnp.pi)
        amplitude = self.rms * math.sqrt(2 / len(harmonics))
        turns = jnp.outer(harmonics, jnp.arange(self.period)) % self.period / self.period
        one = amplitude * jnp.cos(2 * jnp.pi * turns + phases[:, None]).sum(axis=0)
        return one[jnp.arange(samples) % self.period]


class Chirp(AbstractSignal):
    """A sine whose frequency changes linearly from `start` to `stop` (Hz) over the record.

    Instantaneous phase 2 pi (start t + (stop - start) t^2 / 2T).
    """

    amplitude: float
    start: float
    stop: float

    def sample(self, *, samples, dt, key):
        time = jnp.arange(samples) * dt
        rate = (self.stop - self.start) / (samples * dt)
        return self.amplitude * jnp.sin(2 * jnp.pi * (self.start + rate * time / 2) * time)


class Recorded(AbstractSignal):
    """A recorded input, (samples,) or (samples, inputs), played back sample by sample."""

    values: Float[Array, "samples ..."]

    def sample(self, *, samples, dt, key):
        if samples > len(self.values):
            raise SparsidError(
                f"`samples` must be at most the {len(self.values)} recorded ones; got {samples}."
            )
        return jnp.asarray(self.values)[:samples]


def _uniform_integers(share: Float[Array, " n"], least: int, most: int) -> Int[Array, " n"]:
    """Uniform integers least..most from uniform numbers in [0, 1).

    One draw for integers and heights compiles several times faster than jax.random.randint.
    """
    return least + jnp.floor(share * (most - least + 1)).astype(int)


def _check_range(what: str, bounds: tuple[float, float]) -> None:
    low, high = bounds
    if not (math.isfinite(low) and math.isfinite(high) and low <= high):
        raise SparsidError(f"The {what} must be finite, low <= high; got {low:g} to {high:g}.")


def _check_counts(what: str, bounds: tuple[int, int], least: int = 1) -> None:
    low, high = bounds
    integers = isinstance(low, int) and isinstance(high, int)
    if not integers or not least <= low <= high:
        raise SparsidError(
            f"The {what} must be integers, {least} <= low <= high; got {low} to {high}."
        )
