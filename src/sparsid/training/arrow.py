"""Least squares with shared weights and a few separate unknowns for each window.

J'J is then an arrow matrix: the unknowns of one window are coupled to the weights and to each
other, not to those of another window. They are eliminated window by window (Schur complement), so
that thousands of them cost little.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float


class Arrow(NamedTuple):
    """The part of gradient / 2 and J'J that belongs to the unknowns of each window."""

    gradient: Float[Array, "window own"]
    gram: Float[Array, "window own own"]
    shared: Float[Array, "window capacity own"]  # between the weights and the unknowns of a window


def arrow_step(
    gram: Float[Array, "capacity capacity"], gradient: Float[Array, " capacity"], arrow: Arrow
) -> tuple[Float[Array, " capacity"], Float[Array, "window own"]]:
    """(step of the weights, of each window's unknowns): -(J'J)^-1 times the gradient."""
    windows, capacity, own = arrow.shared.shape
    right = jnp.concatenate([jnp.swapaxes(arrow.shared, 1, 2), arrow.gradient[..., None]], axis=2)
    solved = jax.vmap(lambda a, b: jax.scipy.linalg.solve(a, b, assume_a="pos"))(arrow.gram, right)
    by_weight, separate = solved[..., :capacity], solved[..., capacity]
    shared = jnp.moveaxis(arrow.shared, 1, 0).reshape(capacity, windows * own)
    reduced = gram - shared @ by_weight.reshape(windows * own, capacity)
    step = -jax.scipy.linalg.solve(reduced, gradient - shared @ separate.ravel(), assume_a="pos")
    return step, -separate - by_weight @ step


def damped_arrow(arrow: Arrow, damping: Float[Array, ""]) -> Arrow:
    """With Marquardt's damping: `damping` times the diagonal is added."""
    diagonal = jnp.diagonal(arrow.gram, axis1=1, axis2=2)
    extra = jax.vmap(jnp.diag)(damping * diagonal)
    return arrow._replace(gram=arrow.gram + extra)
