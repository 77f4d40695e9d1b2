"""Stochastic weight averaging (Izmailov 2018): the mean of the weights at each epoch's end."""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, PyTree

from sparsid.models.parameters import split_trainable
from sparsid.sparsify.base import Clock, Sparsifier


class Average(NamedTuple):
    """Mean of the trainable leaves over the epochs counted so far."""

    mean: PyTree
    epochs: Array


def weight_average() -> Sparsifier:
    """Averages the stored leaves once an epoch with equal weights, over its phase.

    Put it in a last phase of constant, raised rate. Stored leaves are averaged, never effective
    weights, and masks lie over the average: exact zeros stay.
    """
    return Sparsifier(init=_init, after_epoch=_after_epoch, finish=_finish)


def _init(model, *, key) -> Average:
    trainable, _ = split_trainable(model)
    return Average(jax.tree.map(jnp.zeros_like, trainable), jnp.zeros((), jnp.int32))


def _after_epoch(model, moments, state: Average, clock: Clock):
    trainable, _ = split_trainable(model)
    epochs = state.epochs + 1
    mean = jax.tree.map(lambda m, w: m + (w - m) / epochs, state.mean, trainable)
    return model, moments, Average(mean, epochs)


def _finish(model, state: Average):
    trainable, rest = split_trainable(model)
    averaged = jax.tree.map(
        lambda mean, last: jnp.where(state.epochs > 0, mean, last), state.mean, trainable
    )
    return eqx.combine(averaged, rest)
