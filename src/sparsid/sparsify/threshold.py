"""Thresholding with masked continuation: small weights go for good, the others train on."""

import jax.numpy as jnp

from sparsid.models.parameters import Masked, map_weights, masked
from sparsid.sparsify.base import Sparsifier


def threshold(below: float) -> Sparsifier:
    """Weights with |w| < `below` (scaled numbers) are exactly zero from the phase's start on."""

    def cut(weight):
        under = masked(weight)
        return Masked(under.raw, under.keep & (jnp.abs(weight.value()) >= below))

    def prepare(model, *, key):
        return map_weights(cut, model)

    return Sparsifier(prepare=prepare)
