"""Training in the reduced space: unit weights into every hidden unit, bounded thresholds.

Over a bounded domain every ReLU or binary network is equal to one whose hidden units have incoming
weights of norm 1 and thresholds no larger than the norm of the layer's input. Source: qin2018
(arXiv 1805.08340); `graph.reduced` converts trained networks.
"""

from __future__ import annotations

from typing import Any, ClassVar, Literal

import numpy as np
from pydantic import Field, field_validator

from sparsid._errors import SparsidError
from sparsid.sparsify.base import Clock, Seen, Sparsifier
from sparsid.sparsify.lazy import jnp, unit_rows
from sparsid.sparsify.method import Method, constructor


class UnitSphere(Method):
    """Weights of every hidden unit on the unit sphere, its threshold within [-X, X].

    `unit_sphere = {bound = 8.0}`. `bound` is X of the first layer: the largest norm of an input
    over the domain, in scaled numbers. Those of later layers follow: 2 sqrt(J) X after J ReLU
    units, sqrt(J) after binary ones; or give one for each hidden layer. With "data" each is the
    largest norm of the layer's input over the training data when the phase begins: far tighter, but
    only the first is guaranteed to hold to the end, as the others depend on the layers before.
    Exact reparameterisation trains v and beta of w = v / ||v|| and b = X tanh(beta / X); projection
    follows every step. At the start of the phase the function does not change: outgoing weights are
    multiplied by the norm of the row, and the part of a threshold beyond the interval moves to the
    next layer (to a thousandth of it, as tanh only approaches its limit).

    It combines with masks, with L1 of effective weights and with averaging. Methods that shrink
    stored weights (proximal steps) need projection; soft thresholds are refused, as are input skip
    under reparameterisation (its rows lie in two matrices), networks without biases, and
    activations other than ReLU and binary. In a chain it comes last. Raises SparsidError for these
    when the phase begins, and for a bound that is not positive.
    """

    order: ClassVar = 100
    begins: ClassVar = "function"
    apart_from: ClassVar = frozenset({"soft_threshold", "hold"})
    trial: ClassVar = {"bound": 3.0, "by": "projection"}
    bound: float | tuple[float, ...] | str = Field(
        description="incoming weights of every hidden unit have norm 1, and its threshold is at "
        "most the norm of the layer's input (ReLU and binary units). A number: the largest norm "
        "of an input, in scaled numbers, from which the bounds of later layers follow; a list: one "
        'bound for each hidden layer; `"data"`: the largest norms of the layers\' inputs over the '
        "training data when the phase begins",
        json_schema_extra={"type": 'number > 0, a list of them, or `"data"`'},
    )
    by: Literal["reparameterisation", "projection"] = Field(
        default="reparameterisation", description="exact, or projected after every step"
    )

    @field_validator("bound", mode="before")
    @classmethod
    def _check_bound(cls, bound: Any) -> Any:
        if bound != "data" and not _all_positive(bound):
            raise SparsidError(
                f'`bound` of unit_sphere must be positive and finite, or "data"; got {bound!r}.'
            )
        return bound

    def build(self) -> Sparsifier:
        bound, wrap = self.bound, self.by == "reparameterisation"
        of_data = bound == "data"

        def prepare(model, *, key, regressors: Any = None):
            limit = None if of_data else jnp.asarray(bound, float)
            return unit_rows.onto_sphere(model, limit, regressors, wrap=wrap)

        def init(model, *, key, regressors: Any = None):
            if of_data:
                return unit_rows.limits_seen(model, regressors)
            return jnp.asarray(bound, float)

        if wrap:
            return Sparsifier(prepare=prepare, sees_data=of_data)
        return Sparsifier(
            prepare, init, after_step=_project, finish=unit_rows.projected, sees_data=of_data
        )


def _all_positive(numbers: Any) -> bool:
    try:
        array = np.asarray(numbers, float)
    except (TypeError, ValueError):
        return False
    return bool(array.size and np.isfinite(array).all() and (array > 0).all())


def _project(model, moments, state, clock: Clock, seen: Seen):
    return unit_rows.projected(model, state), moments, state


unit_sphere = constructor(UnitSphere, "bound")
