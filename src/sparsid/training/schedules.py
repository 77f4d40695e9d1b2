"""Learning rate schedules: modules whose numbers are leaves, so members may differ in them."""

from abc import abstractmethod

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array

from sparsid.sparsify import Clock


class AbstractSchedule(eqx.Module):
    """A learning rate as a function of the clock of a phase."""

    @abstractmethod
    def __call__(self, clock: Clock) -> Array:
        """The rate of the next step."""


class Constant(AbstractSchedule):
    """A constant rate."""

    rate: float

    def __call__(self, clock: Clock) -> Array:
        return jnp.asarray(self.rate, jnp.result_type(float))


class Step(AbstractSchedule):
    """`rate`, multiplied by `factor` after every `every` epochs."""

    rate: float
    every: int = 10
    factor: float = 0.1

    def __call__(self, clock: Clock) -> Array:
        factor = jnp.asarray(self.factor, jnp.result_type(float))
        return self.rate * jnp.power(factor, clock.epoch // self.every)


class Cosine(AbstractSchedule):
    """From `rate` down to `final` along half a cosine."""

    rate: float
    final: float = 0.0

    def __call__(self, clock: Clock) -> Array:
        wave = 0.5 * (1 + jnp.cos(jnp.pi * clock.fraction))
        return self.final + (self.rate - self.final) * wave


class Ramp(AbstractSchedule):
    """Linear from `rate` to `final` between the shares `begin` and `end` of the phase.

    As before weight averaging in Izmailov 2018: begin 0.5, end 0.9.
    """

    rate: float
    final: float
    begin: float = 0.5
    end: float = 0.9

    def __call__(self, clock: Clock) -> Array:
        done = jnp.clip((clock.fraction - self.begin) / (self.end - self.begin), 0, 1)
        return self.rate + (self.final - self.rate) * done


class Part(AbstractSchedule):
    """A schedule over `epochs`, of which `done` were made before this phase.

    Training split into phases then follows the same rates as in a single phase.
    """

    whole: AbstractSchedule
    done: int
    epochs: int

    def __call__(self, clock: Clock) -> Array:
        return self.whole(
            clock._replace(
                step=clock.step + self.done * clock.steps_per_epoch,
                epoch=clock.epoch + self.done,
                epochs=self.epochs,
            )
        )
