"""L1: strength * sum |w| over the weight matrices; biases are not penalised."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar, Literal

from pydantic import Field

from sparsid._errors import SparsidError
from sparsid.sparsify.base import Clock, Sparsifier
from sparsid.sparsify.lazy import jnp, masks, parameters, unit_rows
from sparsid.sparsify.method import constructor
from sparsid.sparsify.roles import ByRole

if TYPE_CHECKING:
    from jaxtyping import Array


class L1(ByRole):
    """Penalty on the sum of |w|: `l1 = {weight = 1e-4, skip = 1e-5}`.

    Added to the mean squared error in scaled numbers (haugstvedt2023: 1e-4). It shrinks weights
    but, under Adam, gives no exact zeros: follow it with `threshold`, or use `proximal_l1`. Where
    the effective weight differs from the stored one (soft thresholding), `of` selects which of the
    two is penalised; haugstvedt2023 penalised the stored ones.
    """

    order: ClassVar = 0
    trial: ClassVar = {"weight": 1e-2, "skip": 1e-3}
    weight: float = Field(default=0.0, ge=0, description="strength of the penalty")
    of: Literal["used", "stored"] = Field(
        default="used", description="under a soft threshold: which weights are penalised"
    )

    def build(self, per_output: Sequence[float] = ()) -> Sparsifier:
        """The method. `per_output` multiplies the strengths of each network of a model with one
        network per output; raises SparsidError for a negative factor.
        """
        strengths, factors = self.by_role(self.weight), tuple(per_output)
        if any(factor < 0 for factor in factors):
            raise SparsidError(f"`per_output` must be at least 0; got {list(factors)}.")

        def init(model, *, key):
            each = jnp.asarray(factors, float) if factors else 1.0
            return {role: jnp.asarray(number * each, float) for role, number in strengths.items()}

        return Sparsifier(init=init, penalty=_PENALTIES[self.of])


def _used(model, state: dict[str, Array], clock: Clock) -> Array:
    return _sum(state, [(w.role, w.value()) for w in parameters.weights(model)])


def _stored(model, state: dict[str, Array], clock: Clock) -> Array:
    unit_rows.check_lengths_count(model, "L1 of the weights as they are stored")
    return _sum(state, [(w.role, masks.active(w)) for w in parameters.weights(model)])


def _sum(state: dict[str, Array], arrays: list[tuple[str, Array]]) -> Array:
    def penalty(strength: Array, w: Array) -> Array:
        if not strength.ndim:
            return strength * jnp.abs(w).sum()
        return (strength * jnp.abs(w).sum(axis=tuple(range(1, w.ndim)))).sum()

    return sum((penalty(state[role], w) for role, w in arrays), start=jnp.zeros(()))


_PENALTIES = {"used": _used, "stored": _stored}

l1 = constructor(L1, "weight")
