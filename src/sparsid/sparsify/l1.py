"""L1: strength * sum |w| over the weight matrices, biases free."""

import jax.numpy as jnp
from jaxtyping import Array

from sparsid.models.parameters import ROLES, weights
from sparsid.sparsify.base import Clock, Sparsifier


def l1(
    weight: float = 1e-4,
    *,
    first: float | None = None,
    hidden: float | None = None,
    skip: float | None = None,
    output: float | None = None,
) -> Sparsifier:
    """Penalty on the sum of |w|, with strengths of their own for the columns of each role.

    `weight` is the strength where none is given. Added to the mean squared error in scaled numbers
    (haugstvedt2023: 1e-4). It shrinks but, under Adam, never to exact zeros: follow it with
    `threshold`.
    """
    given = {"first": first, "hidden": hidden, "skip": skip, "output": output}
    strengths = {role: weight if given[role] is None else given[role] for role in ROLES}

    def init(model, *, key):
        own = jnp.result_type(float)
        return {role: jnp.asarray(strength, own) for role, strength in strengths.items()}

    return Sparsifier(init=init, penalty=_penalty)


def _penalty(model, state: dict[str, Array], clock: Clock) -> Array:
    return sum(
        (state[w.role] * jnp.abs(w.value()).sum() for w in weights(model)), start=jnp.zeros(())
    )
