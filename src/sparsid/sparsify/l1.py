"""L1: strength * sum |w| over the weight matrices, biases free."""

from collections.abc import Sequence
from typing import Literal, Unpack

import jax.numpy as jnp
from jaxtyping import Array

from sparsid._errors import SparsidError
from sparsid._registry import unknown
from sparsid.models.parameters import weights
from sparsid.sparsify.base import Clock, Sparsifier
from sparsid.sparsify.masks import living
from sparsid.sparsify.roles import OwnNumbers, by_role
from sparsid.sparsify.sphere import check_lengths_count


def l1(
    weight: float = 1e-4,
    *,
    of: Literal["used", "stored"] = "used",
    per_output: Sequence[float] | None = None,
    **own: Unpack[OwnNumbers],
) -> Sparsifier:
    """Penalty on the sum of |w|, with strengths of their own for the columns of each role.

    `weight` is the strength where none is given (roles: `OwnNumbers`). Added to the mean squared
    error in scaled numbers (haugstvedt2023: 1e-4). It shrinks but, under Adam, never to exact
    zeros: follow it with `threshold`, or use `proximal_l1`. Where a weight is not stored as it is
    used (soft thresholding), `of` says which of the two counts; haugstvedt2023 counted the stored
    ones. Where every output has a network of its own, `per_output` multiplies the strengths of
    each. Raises SparsidError for a negative number.
    """
    strengths = by_role(weight, own)
    if of not in _PENALTIES:
        raise SparsidError(unknown("kind of weights", of, _PENALTIES))

    factors = () if per_output is None else tuple(per_output)
    if any(factor < 0 for factor in factors):
        raise SparsidError(f"`per_output` must be at least 0; got {list(factors)}.")

    def init(model, *, key):
        each = jnp.asarray(factors, float) if factors else 1.0
        return {role: jnp.asarray(strength * each, float) for role, strength in strengths.items()}

    return Sparsifier(init=init, penalty=_PENALTIES[of])


def _used(model, state: dict[str, Array], clock: Clock) -> Array:
    return _sum(state, [(w.role, w.value()) for w in weights(model)])


def _stored(model, state: dict[str, Array], clock: Clock) -> Array:
    check_lengths_count(model, "L1 of the weights as they are stored")
    return _sum(state, [(w.role, living(w)) for w in weights(model)])


def _sum(state: dict[str, Array], arrays: list[tuple[str, Array]]) -> Array:
    def penalty(strength: Array, w: Array) -> Array:
        if not strength.ndim:
            return strength * jnp.abs(w).sum()
        return (strength * jnp.abs(w).sum(axis=tuple(range(1, w.ndim)))).sum()

    return sum((penalty(state[role], w) for role, w in arrays), start=jnp.zeros(()))


_PENALTIES = {"used": _used, "stored": _stored}
