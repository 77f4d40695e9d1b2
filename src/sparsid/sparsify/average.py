"""Stochastic weight averaging (Izmailov 2018): the mean of the weights at each epoch's end."""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar, NamedTuple

from pydantic import Field

from sparsid.sparsify.base import Clock, Sparsifier
from sparsid.sparsify.lazy import eqx, jax, jnp, parameters
from sparsid.sparsify.method import Method, constructor

if TYPE_CHECKING:
    from jaxtyping import Array, PyTree


class Mean(NamedTuple):
    """Mean of the trainable leaves over the epochs counted so far."""

    mean: PyTree
    epochs: Array
    begin: Array  # share of the phase after which epochs are averaged


class WeightAverage(Method):
    """Averages the stored weights and biases once an epoch, all epochs with equal weights.

    `average = true`, or `{from_fraction = 0.75}`. Put it in a last phase of constant, raised rate.
    Stored weights are averaged, never effective ones, and masks are applied to the average: exact
    zeros stay.
    """

    order: ClassVar = 90
    switch: ClassVar = True
    from_fraction: float = Field(
        default=0.0,
        ge=0,
        lt=1,
        description="average only the epochs after this share of the phase; `average = true` "
        "averages all",
    )

    def build(self) -> Sparsifier:
        begin = self.from_fraction

        def init(model, *, key) -> Mean:
            trainable, _ = parameters.split_trainable(model)
            blank = jax.tree.map(jnp.zeros_like, trainable)
            return Mean(blank, jnp.zeros((), jnp.int32), jnp.asarray(begin, float))

        return Sparsifier(init=init, after_epoch=_after_epoch, finish=_finish)


def _after_epoch(model, moments, state: Mean, clock: Clock):
    trainable, _ = parameters.split_trainable(model)
    counts = jnp.asarray(clock.epoch > (state.begin + 1e-6) * clock.epochs)
    epochs = state.epochs + counts

    def shift(mean, w):
        return mean + (w - mean) * counts.astype(w.dtype) / jnp.maximum(epochs, 1)

    mean = jax.tree.map(shift, state.mean, trainable)
    return model, moments, Mean(mean, epochs, state.begin)


def _finish(model, state: Mean):
    trainable, rest = parameters.split_trainable(model)
    averaged = jax.tree.map(
        lambda mean, last: jnp.where(state.epochs > 0, mean, last), state.mean, trainable
    )
    return eqx.combine(averaged, rest)


weight_average = constructor(WeightAverage)
