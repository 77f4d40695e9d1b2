"""L1: strength * sum |w| over the weight matrices, biases free."""

from typing import Literal

import jax.numpy as jnp
from jaxtyping import Array

from sparsid._errors import SparsidError
from sparsid._registry import unknown
from sparsid.models.parameters import ROLES, weights
from sparsid.sparsify.base import Clock, Sparsifier
from sparsid.sparsify.masks import living


def l1(
    weight: float = 1e-4,
    *,
    first: float | None = None,
    hidden: float | None = None,
    skip: float | None = None,
    output: float | None = None,
    of: Literal["used", "stored"] = "used",
) -> Sparsifier:
    """Penalty on the sum of |w|, with strengths of their own for the columns of each role.

    `weight` is the strength where none is given. Added to the mean squared error in scaled numbers
    (haugstvedt2023: 1e-4). It shrinks but, under Adam, never to exact zeros: follow it with
    `threshold`, or use `proximal_l1`. Where a weight is not stored as it is used (soft
    thresholding), `of` says which of the two counts; haugstvedt2023 counted the stored ones. What a
    mask covers never counts.
    """
    strengths = strengths_by_role(weight, first, hidden, skip, output)
    if of not in _PENALTIES:
        raise SparsidError(unknown("kind of weights", of, _PENALTIES))

    def init(model, *, key):
        return {role: jnp.asarray(strengths[role], float) for role in ROLES}

    return Sparsifier(init=init, penalty=_PENALTIES[of])


def strengths_by_role(weight: float, *own: float | None) -> dict[str, float]:
    """A strength for each role, `weight` where it has none of its own."""
    return {role: weight if mine is None else mine for role, mine in zip(ROLES, own, strict=True)}


def _used(model, state: dict[str, Array], clock: Clock) -> Array:
    return _sum(state, [(w.role, w.value()) for w in weights(model)])


def _stored(model, state: dict[str, Array], clock: Clock) -> Array:
    return _sum(state, [(w.role, living(w)) for w in weights(model)])


def _sum(state: dict[str, Array], arrays: list[tuple[str, Array]]) -> Array:
    return sum((state[role] * jnp.abs(w).sum() for role, w in arrays), start=jnp.zeros(()))


_PENALTIES = {"used": _used, "stored": _stored}
