"""Free run: simulation of a model on its own predictions with known inputs."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float


def rollout(model, start: Float[Array, "*lag observed"], u: Float[Array, "time inputs"]) -> Array:
    """Free run (time, observed) of one resolved model over one trajectory.

    `start` is (observed,) for a model of lag 1, else (lag, observed); the first `lag` rows of the
    result are the given ones, aligned with the record; the last input is not used.
    """
    observed = start[None] if model.lag == 1 else start

    def step(carry, u_k):  # a local function: a bound method under vmap is not hashable
        return model.step(carry, u_k)

    carry = model.init(observed, u[: model.lag])
    _, later = jax.lax.scan(step, carry, u[model.lag - 1 : -1])
    return jnp.concatenate([observed, later])
