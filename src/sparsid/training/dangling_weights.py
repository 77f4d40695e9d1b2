"""Removing dangling units from a vector of parameters."""

import jax
import numpy as np
from jaxtyping import Bool, Float, Int

from sparsid.models.dangling import without_dangling
from sparsid.models.mlp import MLP, PerOutput
from sparsid.models.parameters import is_parameter, stored
from sparsid.training.layout import Layout


def without_dangling_weights(
    layout: Layout, theta: Float[np.ndarray, " size"], keep: Bool[np.ndarray, " size"]
) -> tuple[Float[np.ndarray, " size"], Bool[np.ndarray, " size"]]:
    """(theta, keep) without dangling units; the model's outputs do not change."""
    theta, keep = theta.copy(), keep.copy()
    for places in _networks(layout):
        values, keeps = (jax.tree.map(lambda at, a=a: a[at], places) for a in (theta, keep))
        for at, value, kept in zip(
            *map(jax.tree.leaves, (places, *without_dangling(values, keeps))), strict=True
        ):
            theta[at], keep[at] = value, kept
    return theta, keep


def _networks(layout: Layout) -> list[MLP]:
    """The networks of a model, with the index of each parameter in the vector as its value."""
    places: Int[np.ndarray, " size"] = np.arange(layout.size)
    network = jax.tree.map(
        lambda node: stored(node) if is_parameter(node) else node,
        layout.unpack(places).network,
        is_leaf=is_parameter,
    )
    if not isinstance(network, PerOutput):
        return [network]
    count = len(jax.tree.leaves(network.networks)[0])
    return [jax.tree.map(lambda leaf, i=i: leaf[i], network.networks) for i in range(count)]
