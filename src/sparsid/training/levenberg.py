"""Levenberg-Marquardt: damped Gauss-Newton steps, the damping steered by what a step gained."""

from dataclasses import dataclass, field
from typing import NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from sparsid.training.arrow import Arrow, arrow_step, damped_arrow
from sparsid.training.curvature import Point, Quadratic, active, quadratic
from sparsid.training.layout import Layout
from sparsid.training.stopping import RUNNING, STALLED, Stopping
from sparsid.training.windows import Windows

HIGHEST = 1e16  # damping: no step is left beyond it
FLOOR = 1e-6  # least scale of a weight, over the largest diagonal of J'J
GOOD, POOR = 0.75, 0.25  # ratios of gained to promised decrease
EASE, TIGHTEN = 0.2, 2.0  # what the damping is multiplied by after a good and after a poor step


class LevenbergState(NamedTuple):
    """Where a member stands."""

    point: Point
    near: Quadratic  # with the ridge
    error: Float[Array, ""]  # without
    damping: Float[Array, ""]
    reached: Float[Array, ""]  # the error at the last look back
    iterations: Int[Array, ""]
    reason: Int[Array, ""]


@dataclass(frozen=True)
class LevenbergMarquardt:
    """Least squares for models of up to a few thousand numbers: J'J is formed and solved.

    A step solves (J'J + damping D) step = -J'r, with D the diagonal of J'J (Marquardt 1963), which
    moves weights of unlike effect alike. The damping, `start` at first, follows the ratio of gained
    to promised decrease (Fletcher 1971); from 1e-3 first steps leapt to saturated units, and one
    network in six stayed there. `ridge` times the sum of squared weights is added to E.
    """

    start: float = 1.0
    ridge: float = 0.0
    stopping: Stopping = field(default_factory=Stopping)

    def begin(self, layout: Layout, feedback: bool, point: Point, data: Windows) -> LevenbergState:
        """The state of one member that has seen no data: an iteration without a step comes first.

        So the derivatives stand in one program, not in two, which halves what is to be compiled.
        """
        # Types as an iteration leaves them: weak ones would be compiled for apart.
        unseen = jnp.full((), jnp.inf, float)
        return LevenbergState(
            point,
            _flat(layout, point),
            unseen,
            jnp.full((), self.start, float),
            unseen,
            jnp.full((), -1, int),
            jnp.full((), RUNNING, int),
        )

    def _near(self, layout: Layout, feedback: bool, point: Point, data: Windows) -> Quadratic:
        """The error with its ridge."""
        near = quadratic(layout, feedback, point, data)
        live, used = active(layout, point.keep)
        theta = point.theta[live] * used
        return near._replace(
            error=near.error + self.ridge * theta @ theta,
            gradient=near.gradient + self.ridge * theta,
            gram=near.gram + self.ridge * jnp.diag(used * 1.0),
        )

    def _without_ridge(self, near: Quadratic, point: Point) -> Float[Array, ""]:
        """The error without its ridge."""
        return near.error - self.ridge * point.theta @ point.theta

    def iterate(
        self, layout: Layout, feedback: bool, state: LevenbergState, data: Windows
    ) -> LevenbergState:
        """One step tried; taken if the error falls. The first looks where the member stands."""
        point, near, damping = state.point, state.near, state.damping
        first = state.iterations < 0
        live, used = active(layout, point.keep)
        step, shift, promised = _step(near, used, damping)
        theta = point.theta.at[live].add(step)
        starts = None if shift is None else point.starts + shift.reshape(point.starts.shape)
        tried = point._replace(theta=theta, starts=starts)
        there = self._near(layout, feedback, tried, data)
        gained = near.error - there.error
        sound = jnp.all(jnp.isfinite(there.gram))
        taken = jnp.where(first, jnp.isfinite(there.error), (gained > 0) & sound)
        ratio = jnp.where(first, 0.5, jnp.where(taken, gained / promised, 0.0))
        point = jax.tree.map(lambda new, old: jnp.where(taken, new, old), tried, point)
        near = jax.tree.map(lambda new, old: jnp.where(taken, new, old), there, near)
        after = state._replace(
            point=point,
            near=near,
            error=self._without_ridge(near, point),
            damping=damping * jnp.where(ratio > GOOD, EASE, jnp.where(ratio > POOR, 1.0, TIGHTEN)),
            iterations=state.iterations + 1,
        )
        reason, reached = self.stopping.judge(
            error=near.error,
            reached=state.reached,
            gradient=2 * _slopes(near),
            step=jnp.where(taken, jnp.linalg.norm(step), jnp.inf),
            iterations=after.iterations,
        )
        stuck = jnp.where(first, ~taken, (after.damping > HIGHEST) & (reason == RUNNING))
        reason = jnp.where(stuck, STALLED, jnp.where(first, RUNNING, reason))
        return after._replace(reason=reason, reached=reached)


def _flat(layout: Layout, point: Point) -> Quadratic:
    """What is known of E before anything is: any error is less, and no step is called for."""
    size = layout.capacity
    starts = None
    if point.starts is not None:
        count, own = len(point.starts), point.starts[0].size
        eye = jnp.tile(jnp.eye(own), (count, 1, 1))
        starts = Arrow(jnp.zeros((count, own)), eye, jnp.zeros((count, size, own)))
    return Quadratic(jnp.full((), jnp.inf, float), jnp.zeros(size), jnp.eye(size), starts)


def _step(
    near: Quadratic, used: Bool[Array, " room"], damping: Float[Array, ""]
) -> tuple[Float[Array, " room"], Float[Array, "window own"] | None, Float[Array, ""]]:
    """(step of the weights, of estimated starts if there are any, promised decrease)."""
    diagonal = jnp.diagonal(near.gram)
    scale = jnp.maximum(diagonal, FLOOR * jnp.max(diagonal))
    damped = near.gram + jnp.diag(jnp.where(used, damping * scale, 1.0))

    def promise(step, scale, gradient):
        return jnp.sum(step * (damping * scale * step - gradient))

    if near.starts is None:
        step = -jax.scipy.linalg.solve(damped, near.gradient, assume_a="pos")
        step = jnp.where(used, step, 0.0)
        return step, None, promise(step, scale, near.gradient)
    step, shift = arrow_step(damped, near.gradient, damped_arrow(near.starts, damping))
    step = jnp.where(used, step, 0.0)
    own = jnp.diagonal(near.starts.gram, axis1=1, axis2=2)
    along = promise(shift, own, near.starts.gradient)
    return step, shift, promise(step, scale, near.gradient) + along


def _slopes(near: Quadratic) -> Array:
    """Half the gradient in all unknowns."""
    if near.starts is None:
        return near.gradient
    return jnp.concatenate([near.gradient, near.starts.gradient.ravel()])
