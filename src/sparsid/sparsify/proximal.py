"""Proximal steps: penalties that give exact zeros, scaled by the optimiser's preconditioner.

Adam's step is rate * D * m with D = 1 / (sqrt(v) + eps). The proximal step minimises
(w - z)^2 / (2 rate D) + penalty, in the metric of the gradient step, so that the fixed points of
both together are exactly the minima of the penalised loss. A proximal step of rate * strength
alone has almost no effect under Adam, because D is large where gradients are small.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from pydantic import Field

from sparsid.sparsify.base import Clock, Seen, Sparsifier
from sparsid.sparsify.lazy import jax, jnp, masks, mlp, parameters, unit_rows
from sparsid.sparsify.method import Method, constructor
from sparsid.sparsify.roles import ByRole

if TYPE_CHECKING:
    from jaxtyping import Array, Float

# Of the secular equation. Two give the norm to rounding error, except for groups that are about to
# vanish and differ much in scale: 1e-4 to 1e-2 of ||z||, which the next step continues from.
ITERATIONS = 2


class ProximalL1(ByRole):
    """After each step, every weight is soft-thresholded by strength * rate / (sqrt(v) + eps).

    `proximal_l1 = {weight = 1e-4, skip = 1e-5}`. Strengths as for `l1`. Zeros are exact, and a
    weight may become nonzero again.
    """

    order: ClassVar = 20
    zeros: ClassVar = "return"
    trial: ClassVar = {"weight": 0.3}
    weight: float = Field(default=0.0, ge=0, description="strength of the penalty; zeros are exact")

    def build(self) -> Sparsifier:
        strengths = self.by_role(self.weight)

        def init(model, *, key):
            return {role: jnp.asarray(strength, float) for role, strength in strengths.items()}

        return Sparsifier(init=init, after_step=_proximal_l1)


def _proximal_l1(model, moments, state, clock: Clock, seen: Seen):
    reach = iter(_reaches(model, seen))

    def shrink(weight):
        w = parameters.stored(weight)
        by = (state[weight.role] * next(reach)).astype(w.dtype)
        return parameters.with_stored(weight, jnp.sign(w) * jax.nn.relu(jnp.abs(w) - by))

    return parameters.map_weights(shrink, model), moments, state


class GroupL1(Method):
    """Penalty strength * sqrt(size) * ||group||: removes entire hidden units and entire inputs.

    `group_l1 = {weight = 1e-4, inputs = 1e-4}`. Groups are the weights into each hidden unit, skip
    columns included (`weight`), and all weights out of each input, skip columns included
    (`inputs`). The two kinds of groups overlap; their proximal steps are made one after the other.
    Yuan and Lin 2006.
    """

    order: ClassVar = 30
    zeros: ClassVar = "return"
    trial: ClassVar = {"weight": 1.0, "inputs": 0.1}
    weight: float = Field(ge=0, description="strength for hidden units")
    inputs: float | None = Field(
        default=None, ge=0, description="strength for inputs; default: `weight`"
    )

    def build(self) -> Sparsifier:
        units, inputs = self.weight, self.weight if self.inputs is None else self.inputs

        def init(model, *, key):
            return {"units": jnp.asarray(units, float), "inputs": jnp.asarray(inputs, float)}

        return Sparsifier(init=init, after_step=_group_l1)


def _group_l1(model, moments, state, clock: Clock, seen: Seen):
    arrays, reach = [masks.active(w) for w in parameters.weights(model)], _reaches(model, seen)
    places = itertools.count()  # weights are ordered by layer, the skip of a layer after its weight
    layers = [
        [next(places) for w in (layer.weight, layer.skip) if w is not None]
        for layer in mlp.layers_of(model)
    ]
    if hidden := layers[:-1]:
        entering = [_transposed(_side_by_side(arrays, at, -1)) for at in hidden]
        by = [state["units"] * _transposed(_side_by_side(reach, at, -1)) for at in hidden]
        for at, shrunk in zip(hidden, _all_shrunk(entering, by), strict=True):
            _write_parts(arrays, at, _transposed(shrunk), -1)
    leaving = [layers[0][0], *(skip for _, skip in (at for at in layers[1:] if len(at) == 2))]
    z, by = _side_by_side(arrays, leaving, -2), _side_by_side(reach, leaving, -2)
    _write_parts(arrays, leaving, group_shrink(z, jnp.sqrt(z.shape[-2]) * state["inputs"] * by), -2)
    left = iter(arrays)
    shrunk = parameters.map_weights(lambda w: parameters.with_stored(w, next(left)), model)
    return shrunk, moments, state


def _all_shrunk(z: Sequence[Array], by: Sequence[Array]) -> list[Array]:
    """The proximal step of the columns of all matrices, concatenated and padded to one length."""
    longest = max(matrix.shape[-2] for matrix in z)

    def stack(matrices) -> Array:
        return jnp.concatenate([_padded(matrix, longest) for matrix in matrices], -1)

    reach = stack([jnp.sqrt(matrix.shape[-2]) * matrix for matrix in by])
    ends = list(itertools.accumulate(matrix.shape[-1] for matrix in z))
    parts = jnp.split(group_shrink(stack(z), reach), ends[:-1], -1)
    return [part[..., : matrix.shape[-2], :] for part, matrix in zip(parts, z, strict=True)]


def _transposed(matrix: Array) -> Array:
    return jnp.swapaxes(matrix, -1, -2)


def _padded(matrix: Array, rows: int) -> Array:
    return jnp.pad(matrix, [(0, 0)] * (matrix.ndim - 2) + [(0, rows - matrix.shape[-2]), (0, 0)])


def _side_by_side(arrays: Sequence[Array], at: Sequence[int], axis: int) -> Array:
    return jnp.concatenate([arrays[i] for i in at], axis)


def _write_parts(arrays: list[Array], at: Sequence[int], joined: Array, axis: int) -> None:
    """Sets `arrays[at]` to the parts of `joined`, their concatenated new values."""
    ends = list(itertools.accumulate(arrays[i].shape[axis] for i in at))
    for i, part in zip(at, jnp.split(joined, ends[:-1], axis), strict=True):
        arrays[i] = part.astype(arrays[i].dtype)


def group_shrink(
    z: Float[Array, "*lead size group"], reach: Float[Array, "*lead size group"]
) -> Float[Array, "*lead size group"]:
    """argmin over w of sum (w - z)^2 / (2 reach) + ||w||; every column is a group.

    w = z t / (t + reach), where t = ||w|| solves ||z / (t + reach)|| = 1; zero if
    ||z / reach|| <= 1. Newton's method on 1 / ||.|| - 1, which is nearly linear in t. Entries
    where z and reach are 0 have no effect. Groups are columns, because adding rows to each other
    is much faster than summing along a row.
    """
    tiny = jnp.finfo(z.dtype).tiny

    def total(v):  # a matrix product: several times as fast here as a sum
        return jnp.ones((1, v.shape[-2]), v.dtype) @ v

    # t is at least |z| - reach of any entry, and nearly ||z|| less the mean reach weighted by z^2.
    square = z * z
    size = total(square)
    t = jnp.sqrt(size) - total(square * reach) / jnp.maximum(size, tiny)
    t = jnp.maximum(jnp.maximum(t, (jnp.abs(z) - reach).max(-2, keepdims=True)), 0)
    for _ in range(ITERATIONS):
        part = 1 / jnp.maximum(t + reach, tiny)
        square = (z * part) ** 2
        squared, slope = total(square), total(square * part)
        t = t + (jnp.sqrt(squared) - 1) * squared / jnp.maximum(slope, tiny)
        t = jnp.maximum(t, 0)
    stays = total((z / jnp.maximum(reach, tiny)) ** 2) > 1
    return jnp.where(stays, z * (t / jnp.maximum(t + reach, tiny)), 0)


def _reaches(model, seen: Seen) -> list[Array]:
    """rate * D of every weight matrix: the step per unit of penalty."""
    unit_rows.check_lengths_count(model, "Proximal steps")
    found = [parameters.stored(w) for w in parameters.weights(model)]
    if seen.scale is None:
        return [seen.rate * jnp.ones_like(w) for w in found]
    scales = [parameters.stored(w) for w in parameters.weights(seen.scale)]  # None: frozen
    return [
        jnp.zeros_like(w) if scale is None else seen.rate * scale
        for w, scale in zip(found, scales, strict=True)
    ]


proximal_l1 = constructor(ProximalL1, "weight")
group_l1 = constructor(GroupL1, "weight")
