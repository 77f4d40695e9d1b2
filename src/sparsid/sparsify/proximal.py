"""Proximal steps: penalties that give exact zeros, seen through the optimiser's own scaling.

Adam's step is rate * D * m with D = 1 / (sqrt(v) + eps). The proximal step minimises
(w - z)^2 / (2 rate D) + penalty: in the metric that the gradient step was made in, so that both
together stand still exactly where the penalised loss is least. A proximal step of rate * strength
alone does almost nothing under Adam, because D is large where gradients are small.
"""

import itertools
from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from sparsid.models.mlp import Layer
from sparsid.models.parameters import (
    ROLES,
    is_parameter,
    map_weights,
    stored,
    weights,
    with_stored,
)
from sparsid.sparsify.base import Clock, Seen, Sparsifier
from sparsid.sparsify.l1 import strengths_by_role

ITERATIONS = 6  # of the secular equation: 1e-6 where scales within a group differ a thousandfold


def proximal_l1(
    weight: float = 1e-4,
    *,
    first: float | None = None,
    hidden: float | None = None,
    skip: float | None = None,
    output: float | None = None,
) -> Sparsifier:
    """After each step, every weight is soft-thresholded by strength * rate / (sqrt(v) + eps).

    Strengths as for `l1`. Zeros are exact, and a weight may come back from zero.
    """
    strengths = strengths_by_role(weight, first, hidden, skip, output)

    def init(model, *, key):
        return {role: jnp.asarray(strengths[role], float) for role in ROLES}

    return Sparsifier(init=init, after_step=_proximal_l1)


def _proximal_l1(model, moments, state, clock: Clock, seen: Seen):
    reach = iter(_reaches(model, seen))

    def shrink(weight):
        w = stored(weight)
        by = (state[weight.role] * next(reach)).astype(w.dtype)
        return with_stored(weight, jnp.sign(w) * jax.nn.relu(jnp.abs(w) - by))

    return map_weights(shrink, model), moments, state


def group_l1(weight: float = 1e-4, *, inputs: float | None = None) -> Sparsifier:
    """Penalty strength * sqrt(size) * ||group||: whole hidden units and whole inputs go.

    Groups are the weights into each hidden unit, skip columns included (`weight`), and all weights
    out of each input, skip columns included (`inputs`; None: as `weight`). The proximal steps of
    the two kinds, which overlap, follow each other. Yuan and Lin 2006.
    """

    def init(model, *, key):
        own = weight if inputs is None else inputs
        return {"units": jnp.asarray(weight, float), "inputs": jnp.asarray(own, float)}

    return Sparsifier(init=init, after_step=_group_l1)


def _group_l1(model, moments, state, clock: Clock, seen: Seen):
    arrays, reach = [stored(w) for w in weights(model)], _reaches(model, seen)
    places = itertools.count()  # weights come layer by layer, a layer's skip after its weight
    layers = [
        [next(places) for w in (layer.weight, layer.skip) if w is not None]
        for layer in _layers(model)
    ]
    for entering in layers[:-1]:
        _shrink(arrays, reach, entering, state["units"], axis=-1)
    leaving = [layers[0][0], *(skip for _, skip in (at for at in layers[1:] if len(at) == 2))]
    _shrink(arrays, reach, leaving, state["inputs"], axis=-2)
    left = iter(arrays)
    return map_weights(lambda w: with_stored(w, next(left)), model), moments, state


def _shrink(
    arrays: list[Array], reach: list[Array], at: Sequence[int], strength: Array, *, axis: int
) -> None:
    """The proximal step, in place of `arrays[at]`, of the groups that run through all of them."""
    z = jnp.concatenate([arrays[i] for i in at], axis)
    by = strength * jnp.concatenate([reach[i] for i in at], axis)
    ends = list(itertools.accumulate(arrays[i].shape[axis] for i in at))
    parts = jnp.split(group_shrink(z, by, axis), ends[:-1], axis)
    for i, part in zip(at, parts, strict=True):
        arrays[i] = part.astype(arrays[i].dtype)


def group_shrink(
    z: Float[Array, "*group"], by: Float[Array, "*group"], axis: int
) -> Float[Array, "*group"]:
    """argmin over w of sum (w - z)^2 / (2 by) + sqrt(size) ||w||, for groups along `axis`.

    w = z t / (t + c by) with c = sqrt(size), where t = ||w|| solves ||z / (t + c by)|| = 1; zero
    if ||z / (c by)|| <= 1. Newton's method on 1 / ||.|| - 1, which is nearly linear in t.
    """
    reach = jnp.sqrt(z.shape[axis]) * by
    tiny = jnp.finfo(z.dtype).tiny

    def length(v):
        return jnp.sqrt((v**2).sum(axis, keepdims=True))

    alone = (jnp.abs(z) - reach).max(axis, keepdims=True)  # t is at least this, and at least:
    t = jnp.maximum(jnp.maximum(length(z) - reach.max(axis, keepdims=True), alone), 0)
    for _ in range(ITERATIONS):
        below = jnp.maximum(t + reach, tiny)
        size = jnp.maximum(length(z / below), tiny)
        slope = (z**2 / below**3).sum(axis, keepdims=True) / size**3
        t = jnp.maximum(t - (1 / size - 1) / jnp.maximum(slope, tiny), 0)
    stays = length(z / jnp.maximum(reach, tiny)) > 1
    return jnp.where(stays, z * (t / jnp.maximum(t + reach, tiny)), 0)


def _reaches(model, seen: Seen) -> list[Array]:
    """rate * D of every weight matrix: how far a unit of penalty moves a weight in this step."""
    if seen.scale is None:
        return [seen.rate * jnp.ones_like(stored(w)) for w in weights(model)]
    scales = [stored(w) for w in weights(seen.scale)]  # None: the weight is held
    return [
        jnp.zeros_like(stored(w)) if scale is None else seen.rate * scale
        for w, scale in zip(weights(model), scales, strict=True)
    ]


def _layers(model) -> list[Layer]:
    nodes = jax.tree.leaves(model, is_leaf=lambda n: isinstance(n, Layer) or is_parameter(n))
    return [node for node in nodes if isinstance(node, Layer)]
