"""Stochastic weight averaging (Izmailov 2018): the mean of the weights at each epoch's end."""

from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, PyTree

from sparsid._errors import SparsidError
from sparsid.models.parameters import split_trainable
from sparsid.sparsify.base import Clock, Sparsifier


class Average(NamedTuple):
    """Mean of the trainable leaves over the epochs counted so far."""

    mean: PyTree
    epochs: Array
    begin: Array  # share of the phase after which epochs count


def weight_average(*, from_fraction: float = 0.0) -> Sparsifier:
    """Averages the stored leaves once an epoch with equal weights.

    Put it in a last phase of constant, raised rate; with `from_fraction` only the epochs after
    that share of the phase count. Stored leaves are averaged, never effective weights, and masks
    lie over the average: exact zeros stay. Raises SparsidError for a share out of range.
    """
    if not 0 <= from_fraction < 1:
        raise SparsidError(f"`from_fraction` must be from 0 to below 1; got {from_fraction:g}.")

    def init(model, *, key) -> Average:
        trainable, _ = split_trainable(model)
        blank = jax.tree.map(jnp.zeros_like, trainable)
        return Average(blank, jnp.zeros((), jnp.int32), jnp.asarray(from_fraction, float))

    return Sparsifier(init=init, after_epoch=_after_epoch, finish=_finish)


def _after_epoch(model, moments, state: Average, clock: Clock):
    trainable, _ = split_trainable(model)
    counts = jnp.asarray(clock.epoch > (state.begin + 1e-6) * clock.epochs)
    epochs = state.epochs + counts

    def shift(mean, w):
        return mean + (w - mean) * counts.astype(w.dtype) / jnp.maximum(epochs, 1)

    mean = jax.tree.map(shift, state.mean, trainable)
    return model, moments, Average(mean, epochs, state.begin)


def _finish(model, state: Average):
    trainable, rest = split_trainable(model)
    averaged = jax.tree.map(
        lambda mean, last: jnp.where(state.epochs > 0, mean, last), state.mean, trainable
    )
    return eqx.combine(averaged, rest)
