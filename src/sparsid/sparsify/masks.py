"""Changing masks during training: weights and the optimiser's moments together."""

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
from jaxtyping import Array, PyTree

from sparsid.models.parameters import (
    AbstractParameter,
    Masked,
    map_weights,
    masked,
    split_trainable,
    stored,
    weights,
    with_stored,
)


def prepare_masks(model, *, key):
    """Every weight under a mask of its own; existing masks stay."""
    return map_weights(masked, model)


def magnitudes(model) -> list[Array]:
    """|w| of every effective weight matrix: masked entries are zero."""
    return [jnp.abs(weight.value()) for weight in weights(model)]


def active(weight: AbstractParameter) -> Array:
    """The stored weight, with masked entries set to zero."""
    return jnp.where(masked(weight).keep, stored(weight), 0)


def keeps(model) -> list[Array]:
    """The masks of all weight matrices, in order."""
    return [masked(weight).keep for weight in weights(model)]


def apply_masks(
    model,
    moments: PyTree,
    active: Sequence[Array],
    *,
    grown: Sequence[Array] | None = None,
    start: Sequence[Array] | None = None,
):
    """(model, moments) under the masks `active`.

    Masked entries are stored as zero; `grown` ones begin at `start` (default: zero). The moments of
    both are zero: neither moves by the momentum of earlier steps.
    """
    fresh = [jnp.zeros_like(a) for a in active] if grown is None else grown
    first = [jnp.zeros(a.shape) for a in active] if start is None else start
    unchanged = [a & ~f for a, f in zip(active, fresh, strict=True)]

    def set_weight(at, weight):
        w = jnp.where(unchanged[at], stored(weight), 0) + jnp.where(fresh[at], first[at], 0)
        return Masked(with_stored(weight.raw, w.astype(stored(weight).dtype)), active[at])

    def clear(at, moment):
        keep = unchanged[at]
        return jax.tree.map(lambda m: jnp.where(keep, m, 0) if m.shape == keep.shape else m, moment)

    return _numbered(set_weight, model), map_moments(
        lambda tree: _numbered(clear, tree), moments, model
    )


def map_moments(change: Callable, moments: PyTree, model) -> PyTree:
    """`change` applied to each tree of moments, laid out as the model's trainable part."""
    trainable, _ = split_trainable(model)
    layout = jax.tree.structure(trainable)

    def is_tree(node) -> bool:
        return jax.tree.structure(node) == layout

    return jax.tree.map(lambda n: change(n) if is_tree(n) else n, moments, is_leaf=is_tree)


def _numbered(change: Callable, tree: PyTree) -> PyTree:
    count = iter(range(len(weights(tree))))
    return map_weights(lambda weight: change(next(count), weight), tree)
