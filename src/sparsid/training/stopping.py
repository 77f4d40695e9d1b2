"""Stopping criteria of second-order training."""

from dataclasses import dataclass

import jax.numpy as jnp
from jaxtyping import Array, Float, Int

RUNNING, FLAT, SMALL_STEP, STALLED, LONG = range(5)


@dataclass(frozen=True)
class Stopping:
    """Criteria for one member. `gradient` and `step` bound norms; 1e-9 as in chaber2018.

    `progress` is the least relative decrease of the error over `patience` iterations; 0: none
    is required.
    """

    gradient: float = 1e-9
    step: float = 1e-9
    progress: float = 0.0
    patience: int = 20

    def judge(
        self,
        *,
        error: Float[Array, ""],
        reached: Float[Array, ""],
        gradient: Float[Array, " size"],
        step: Float[Array, ""],
        iterations: Int[Array, ""],
    ) -> tuple[Int[Array, ""], Float[Array, ""]]:
        """(reason to stop or RUNNING, the error at the last check of progress)."""
        due = iterations % self.patience == 0
        slow = due & (reached - error <= self.progress * reached) if self.progress else False
        reason = jnp.full((), RUNNING, int)
        for met, code in (
            (slow, STALLED),
            (step <= self.step, SMALL_STEP),
            (jnp.linalg.norm(gradient) <= self.gradient, FLAT),
        ):
            reason = jnp.where(met, code, reason)
        return reason, jnp.where(due, error, reached)
