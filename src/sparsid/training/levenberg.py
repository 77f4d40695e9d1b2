"""Levenberg-Marquardt: damped Gauss-Newton steps with adaptive damping."""

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

HIGHEST = 1e16  # largest damping: beyond it steps have no effect
FLOOR = 1e-6  # smallest scale of a weight, relative to the largest diagonal of J'J
GOOD, POOR = 0.75, 0.25  # ratios of actual to predicted decrease
EASE, TIGHTEN = 0.2, 2.0  # factors of the damping after a good and after a poor step


class LevenbergState(NamedTuple):
    """State of one member."""

    point: Point
    near: Quadratic  # with the ridge term
    error: Float[Array, ""]  # without
    damping: Float[Array, ""]
    reached: Float[Array, ""]  # the error `patience` iterations ago
    iterations: Int[Array, ""]
    reason: Int[Array, ""]


@dataclass(frozen=True)
class LevenbergMarquardt:
    """Least squares for models of up to a few thousand parameters: J'J is formed and solved.

    A step solves (J'J + damping D) step = -J'r, with D the diagonal of J'J (Marquardt 1963), which
    makes steps independent of the scale of weights. The damping, initially `start`, is adapted by
    the ratio of actual to predicted decrease (Fletcher 1971); with 1e-3 the first steps led to
    saturated units, where one network in six stayed. `ridge` times the sum of squared weights is
    added to E.
    """

    start: float = 1.0
    ridge: float = 0.0
    stopping: Stopping = field(default_factory=Stopping)

    def begin(self, layout: Layout, feedback: bool, point: Point, data: Windows) -> LevenbergState:
        """The initial state of one member; its first iteration only evaluates the error.

        The derivatives are then part of one program, not two, which halves the compile time.
        """
        # Types as an iteration returns them: weak types would be compiled separately.
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
        """The error with the ridge term."""
        near = quadratic(layout, feedback, point, data)
        indices, used = active(layout, point.keep)
        theta = point.theta[indices] * used
        return near._replace(
            error=near.error + self.ridge * theta @ theta,
            gradient=near.gradient + self.ridge * theta,
            gram=near.gram + self.ridge * jnp.diag(used * 1.0),
        )

    def _without_ridge(self, near: Quadratic, point: Point) -> Float[Array, ""]:
        """The error without the ridge term."""
        return near.error - self.ridge * point.theta @ point.theta

    def iterate(
        self, layout: Layout, feedback: bool, state: LevenbergState, data: Windows
    ) -> LevenbergState:
        """One step, accepted if the error decreases. The first iteration evaluates the start."""
        point, near, damping = state.point, state.near, state.damping
        first = state.iterations < 0
        indices, used = active(layout, point.keep)
        step, shift, predicted = _step(near, used, damping)
        theta = point.theta.at[indices].add(step)
        starts = None if shift is None else point.starts + shift.reshape(point.starts.shape)
        tried = point._replace(theta=theta, starts=starts)
        there = self._near(layout, feedback, tried, data)
        gained = near.error - there.error
        sound = jnp.all(jnp.isfinite(there.gram))
        taken = jnp.where(first, jnp.isfinite(there.error), (gained > 0) & sound)
        ratio = jnp.where(first, 0.5, jnp.where(taken, gained / predicted, 0.0))
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
    """Placeholder before the first evaluation: infinite error, zero step."""
    size = layout.capacity
    starts = None
    if point.starts is not None:
        count, own = len(point.starts), point.starts[0].size
        eye = jnp.tile(jnp.eye(own), (count, 1, 1))
        starts = Arrow(jnp.zeros((count, own)), eye, jnp.zeros((count, size, own)))
    return Quadratic(jnp.full((), jnp.inf, float), jnp.zeros(size), jnp.eye(size), starts)


def _step(
    near: Quadratic, used: Bool[Array, " capacity"], damping: Float[Array, ""]
) -> tuple[Float[Array, " capacity"], Float[Array, "window own"] | None, Float[Array, ""]]:
    """(step of the weights, of estimated initial outputs if any, predicted decrease)."""
    diagonal = jnp.diagonal(near.gram)
    scale = jnp.maximum(diagonal, FLOOR * jnp.max(diagonal))
    damped = near.gram + jnp.diag(jnp.where(used, damping * scale, 1.0))

    def decrease(step, scale, gradient):
        return jnp.sum(step * (damping * scale * step - gradient))

    if near.starts is None:
        step = -jax.scipy.linalg.solve(damped, near.gradient, assume_a="pos")
        step = jnp.where(used, step, 0.0)
        return step, None, decrease(step, scale, near.gradient)
    step, shift = arrow_step(damped, near.gradient, damped_arrow(near.starts, damping))
    step = jnp.where(used, step, 0.0)
    own = jnp.diagonal(near.starts.gram, axis1=1, axis2=2)
    along = decrease(shift, own, near.starts.gradient)
    return step, shift, decrease(step, scale, near.gradient) + along


def _slopes(near: Quadratic) -> Array:
    """Half the gradient with respect to all unknowns."""
    if near.starts is None:
        return near.gradient
    return jnp.concatenate([near.gradient, near.starts.gradient.ravel()])
