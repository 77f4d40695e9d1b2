"""Least squares whose unknowns are weights in common and a few numbers for each window alone.

J'J then looks like an arrow: the numbers of one window meet the weights and themselves, never those
of another window. They are eliminated window by window (the Schur complement), so that thousands of
them cost little.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float


class Arrow(NamedTuple):
    """The part of gradient / 2 and J'J that belongs to each window's own numbers."""

    gradient: Float[Array, "window own"]
    gram: Float[Array, "window own own"]
    shared: Float[Array, "window room own"]  # between the weights and them


def arrow_step(
    gram: Float[Array, "room room"], gradient: Float[Array, " room"], arrow: Arrow
) -> tuple[Float[Array, " room"], Float[Array, "window own"]]:
    """(step of the weights, of each window's numbers): minus the inverse of J'J on the gradient."""
    windows, capacity, own = arrow.shared.shape
    right = jnp.concatenate([jnp.swapaxes(arrow.shared, 1, 2), arrow.gradient[..., None]], axis=2)
    solved = jax.vmap(lambda a, b: jax.scipy.linalg.solve(a, b, assume_a="pos"))(arrow.gram, right)
    by_weight, alone = solved[..., :capacity], solved[..., capacity]
    shared = jnp.moveaxis(arrow.shared, 1, 0).reshape(capacity, windows * own)
    reduced = gram - shared @ by_weight.reshape(windows * own, capacity)
    step = -jax.scipy.linalg.solve(reduced, gradient - shared @ alone.ravel(), assume_a="pos")
    return step, -alone - by_weight @ step


def damped_arrow(arrow: Arrow, damping: Float[Array, ""]) -> Arrow:
    """With Marquardt's damping: its own diagonal, so many times more."""
    diagonal = jnp.diagonal(arrow.gram, axis1=1, axis2=2)
    extra = jax.vmap(jnp.diag)(damping * diagonal)
    return arrow._replace(gram=arrow.gram + extra)
