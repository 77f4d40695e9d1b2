"""Soft threshold reparameterisation, STR (Kusupati 2020): a learnt threshold for each matrix."""

import jax.numpy as jnp

from sparsid._errors import SparsidError
from sparsid.models.parameters import (
    Masked,
    SoftThresholded,
    map_weights,
    stored,
    under_mask,
)
from sparsid.sparsify.base import Clock, Seen, Sparsifier
from sparsid.sparsify.sphere import check_lengths_count


def soft_threshold(start: float = -6.0, *, decay: float = 0.0) -> Sparsifier:
    """w is used as sign(w) relu(|w| - sigmoid(s)); s begins at `start` and is learnt.

    `decay` pulls s towards 0, and so the threshold up to 1/2: s falls by rate * decay * s a step,
    apart from the optimiser's own step (decoupled, as Adam needs it). It and `start` decide how
    sparse the network gets: a threshold that begins far below the weights starts dense.
    haugstvedt2023 began at -2, a threshold of 0.12, without decay. Raises SparsidError for a
    negative decay.
    """
    if decay < 0:
        raise SparsidError(f"`decay` must be at least 0; got {decay:g}.")

    def wrap(weight):
        dtype = stored(weight).dtype
        return SoftThresholded(weight, jnp.asarray(start, dtype))

    def prepare(model, *, key):
        check_lengths_count(model, "Soft thresholds")

        def once(weight):
            inner = weight.raw if isinstance(weight, Masked) else weight
            return weight if isinstance(inner, SoftThresholded) else under_mask(wrap, weight)

        return map_weights(once, model)

    def init(model, *, key):
        return jnp.asarray(decay, float)

    return Sparsifier(prepare=prepare, init=init, after_step=_decay)


def _decay(model, moments, state, clock: Clock, seen: Seen):
    def shrink(weight):
        s = weight.s - (seen.rate * state * weight.s).astype(weight.s.dtype)
        return SoftThresholded(weight.raw, s)

    return map_weights(lambda weight: under_mask(shrink, weight), model), moments, state
