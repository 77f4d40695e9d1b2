"""Levenberg-Marquardt: damped Gauss-Newton steps, the damping steered by what a step gained."""

from dataclasses import dataclass, field
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from sparsid.training.curvature import Point, Quadratic, quadratic
from sparsid.training.layout import Layout
from sparsid.training.stopping import RUNNING, STALLED, Stopping
from sparsid.training.windows import Windows

HIGHEST = 1e16  # damping, over the largest diagonal of J'J: no step is left beyond it


class LevenbergState(NamedTuple):
    """Where a member stands."""

    point: Point
    near: Quadratic
    damping: Float[Array, ""]
    growth: Float[Array, ""]  # what the damping grows by when the next step fails
    reached: Float[Array, ""]  # the error at the last look back
    iterations: Int[Array, ""]
    reason: Int[Array, ""]

    @property
    def error(self) -> Float[Array, ""]:
        return self.near.error


@dataclass(frozen=True)
class LevenbergMarquardt:
    """Least squares for models of up to a few thousand numbers: J'J is formed and solved.

    A step solves (J'J + damping I) step = -J'r. The damping follows the ratio of gained to promised
    decrease (Nielsen 1999); `start` is the first one, over the largest diagonal of J'J.
    """

    start: float = 1e-3
    stopping: Stopping = field(default_factory=Stopping)

    def begin(self, layout: Layout, feedback: bool, point: Point, data: Windows) -> LevenbergState:
        """The state of one member before its first step."""
        near = quadratic(layout, feedback, point, data)
        return LevenbergState(
            point,
            near,
            self.start * jnp.max(jnp.diagonal(near.gram)),
            jnp.full((), 2.0),
            near.error,
            jnp.zeros((), int),
            jnp.full((), RUNNING),
        )

    def iterate(
        self, layout: Layout, feedback: bool, state: LevenbergState, data: Windows
    ) -> LevenbergState:
        """One step tried; taken if the error falls."""
        point, near, damping = state.point, state.near, state.damping
        keep = point.keep
        damped = near.gram + jnp.diag(jnp.where(keep, damping, 1.0))
        step = -jax.scipy.linalg.solve(damped, near.gradient, assume_a="pos")
        step = jnp.where(keep, step, 0.0)
        tried = point._replace(theta=point.theta + step)
        there = quadratic(layout, feedback, tried, data)
        gained = near.error - there.error
        promised = step @ (damping * step - near.gradient)
        taken = (gained > 0) & jnp.all(jnp.isfinite(there.gram))
        ratio = jnp.where(taken, gained / promised, 0.0)
        after = state._replace(
            point=jax.tree.map(lambda new, old: jnp.where(taken, new, old), tried, point),
            near=jax.tree.map(lambda new, old: jnp.where(taken, new, old), there, near),
            damping=damping
            * jnp.where(taken, jnp.maximum(1 / 3, 1 - (2 * ratio - 1) ** 3), state.growth),
            growth=jnp.where(taken, 2.0, 2 * state.growth),
            iterations=state.iterations + 1,
        )
        reason, reached = self.stopping.judge(
            error=after.error,
            reached=state.reached,
            gradient=2 * after.near.gradient,
            step=jnp.where(taken, jnp.linalg.norm(step), jnp.inf),
            iterations=after.iterations,
        )
        stuck = after.damping > HIGHEST * jnp.max(jnp.diagonal(after.near.gram))
        reason = jnp.where(stuck & (reason == RUNNING), STALLED, reason)
        return after._replace(reason=reason, reached=reached)
