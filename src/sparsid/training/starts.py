"""Conversion between models and points, the parameter vectors of second-order training."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Key, PyTree

from sparsid._devices import padding
from sparsid.models.parameters import (
    Fixed,
    Held,
    Masked,
    is_parameter,
    split_trainable,
    stored,
)
from sparsid.training.curvature import Point, recorded_starts
from sparsid.training.layout import Layout
from sparsid.training.windows import Windows


def points_of(models: PyTree) -> tuple[Layout, Point]:
    """(layout, points) of stacked models, in NumPy float64; masked weights stay masked.

    `models` have a leading member axis.
    """
    one = jax.tree.map(lambda leaf: leaf[0], models)
    layout = Layout.of(one)
    trainable, rest = split_trainable(models)
    with jax.enable_x64(True):
        theta = np.asarray(layout.pack(_float64(trainable), axes=1))
    keeps, _ = split_trainable(jax.tree.map(_keeps, models, is_leaf=is_parameter))
    keep = np.concatenate(
        [np.asarray(leaf).reshape(len(theta), -1) != 0 for leaf in jax.tree.leaves(keeps)], axis=1
    )
    return layout, Point(np.where(keep, theta, 0.0), keep, jax.tree.map(np.asarray, rest))


def models_of(layout: Layout, points: Point) -> PyTree:
    """Stacked models with these parameters, in float64."""
    with jax.enable_x64(True):
        models = jax.vmap(lambda theta, rest: eqx.combine(layout.unpack(theta), rest))(
            jnp.asarray(points.theta), points.rest
        )
        return jax.tree.map(np.asarray, models)


def uniform_start(points: Point, *, key: Key[Array, ""]) -> Point:
    """All active parameters drawn uniformly from [-1, 1], as in chaber2018."""
    with jax.enable_x64(True):
        drawn = jax.random.uniform(key, points.theta.shape, float, -1.0, 1.0)
    return points._replace(theta=np.where(points.keep, drawn, 0.0))


def stacked(points: Point) -> Point:
    """The points as JAX arrays in float64, padded so that every device has equally many."""
    extra = padding(len(points.theta))

    def padded(leaf) -> jax.Array:
        leaf = np.asarray(leaf)
        leaf = np.concatenate([leaf, leaf[-1:].repeat(extra, axis=0)])
        return jnp.asarray(leaf, None if leaf.dtype == bool else float)

    return jax.tree.map(padded, points)


def with_recorded_starts(layout: Layout, points: Point, data: Windows) -> Point:
    """The points with estimated initial outputs of the windows, initially the recorded ones."""
    one = jax.tree.map(lambda leaf: leaf[0], points)
    recorded = recorded_starts(layout.model(one.theta, one.rest), data)
    return points._replace(starts=jnp.tile(recorded, (len(points.theta), 1, 1, 1)))


def without_starts(points: Point) -> Point:
    """The points without estimated initial outputs, which belong to the windows."""
    return points._replace(starts=None)


def _keeps(node):
    """A node of the same structure whose trainable arrays are 1 if active, 0 if masked."""
    if not is_parameter(node):
        return jax.tree.map(np.ones_like, node)
    if isinstance(node, Fixed | Held):
        return node
    ones = jax.tree.map(np.ones_like, node)
    if isinstance(node, Masked):
        return eqx.tree_at(stored, ones, np.asarray(node.keep, float))
    return ones


def _float64(tree: PyTree) -> PyTree:
    return jax.tree.map(lambda leaf: jnp.asarray(leaf, float), tree)
