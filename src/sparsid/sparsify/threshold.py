"""Thresholding with masked continuation: small weights go for good, the others train on."""

from typing import Unpack

import jax.numpy as jnp

from sparsid.models.parameters import Masked, map_weights, masked, stored, with_stored
from sparsid.sparsify.base import Sparsifier
from sparsid.sparsify.roles import OwnNumbers, by_role


def threshold(below: float, **own: Unpack[OwnNumbers]) -> Sparsifier:
    """Weights with |w| < `below` (scaled numbers) are exactly zero from the phase's start on.

    The columns of a role may have a threshold of their own (`OwnNumbers`).
    """
    limits = by_role(below, own)

    def cut(weight):
        under = masked(weight)
        keep = under.keep & (jnp.abs(weight.value()) >= limits[weight.role])
        return Masked(with_stored(under.raw, jnp.where(keep, stored(under.raw), 0)), keep)

    def prepare(model, *, key):
        return map_weights(cut, model)

    return Sparsifier(prepare=prepare)
