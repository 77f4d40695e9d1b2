"""BFGS with golden-section line search, as in chaber2018, or with Armijo's rule."""

from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int

from sparsid.training.curvature import Point, error, gradient
from sparsid.training.layout import Layout
from sparsid.training.stopping import RUNNING, Stopping
from sparsid.training.windows import Windows

GOLDEN = (5**0.5 - 1) / 2
BRACKETS = 40  # how often the bracket may widen or shrink
SUFFICIENT = 1e-4  # share of the predicted decrease that Armijo's rule requires


class BFGSState(NamedTuple):
    """State of one member; `inverse` approximates the inverse Hessian of E."""

    point: Point
    error: Float[Array, ""]
    gradient: Float[Array, " size"]
    inverse: Float[Array, "size size"]
    reached: Float[Array, ""]
    iterations: Int[Array, ""]
    reason: Int[Array, ""]


@dataclass(frozen=True)
class BFGS:
    """Quasi-Newton minimisation of E. `search` is the line search.

    "golden" brackets the minimum and cuts the bracket `cuts` times in the golden ratio; "armijo"
    halves from 1 until the decrease is sufficient.
    """

    search: Literal["golden", "armijo"] = "golden"
    cuts: int = 16
    stopping: Stopping = field(default_factory=Stopping)

    def begin(self, layout: Layout, feedback: bool, point: Point, data: Windows) -> BFGSState:
        """The state of one member before its first step."""
        value, slope = gradient(layout, feedback, point, data)
        first = jnp.eye(layout.size) / jnp.maximum(jnp.linalg.norm(slope), 1e-300)
        nothing = jnp.zeros((), int)
        return BFGSState(point, value, slope, first, value, nothing, jnp.full((), RUNNING, int))

    def iterate(self, layout: Layout, feedback: bool, state: BFGSState, data: Windows) -> BFGSState:
        """One direction, one line search, one update."""
        point, slope = state.point, state.gradient
        direction = jnp.where(point.keep, -state.inverse @ slope, 0.0)
        downhill = direction @ slope < 0
        direction = jnp.where(downhill, direction, -slope / jnp.linalg.norm(slope))

        def along(length):
            moved = point._replace(theta=point.theta + length * direction)
            value = error(layout, feedback, moved, data)
            return jnp.where(jnp.isfinite(value), value, jnp.inf)

        if self.search == "golden":
            length = golden_section(along, state.error, cuts=self.cuts)
        else:
            length = armijo(along, state.error, direction @ slope)
        step = length * direction
        there = point._replace(theta=point.theta + step)
        value, slope_there = gradient(layout, feedback, there, data)
        taken = (value < state.error) & jnp.all(jnp.isfinite(slope_there))
        change = slope_there - slope
        inverse = jnp.where(downhill, state.inverse, jnp.eye(layout.size))
        first = state.iterations == 0
        scale = (step @ change) / jnp.maximum(change @ change, 1e-300)
        inverse = jnp.where(first & (scale > 0), scale * jnp.eye(layout.size), inverse)
        after = state._replace(
            point=jax.tree.map(lambda new, old: jnp.where(taken, new, old), there, point),
            error=jnp.where(taken, value, state.error),
            gradient=jnp.where(taken, slope_there, slope),
            inverse=jnp.where(taken, updated(inverse, step, change), state.inverse),
            iterations=state.iterations + 1,
        )
        reason, reached = self.stopping.judge(
            error=after.error,
            reached=state.reached,
            gradient=after.gradient,
            step=jnp.where(taken, jnp.linalg.norm(step), 0.0),
            iterations=after.iterations,
        )
        return after._replace(reason=reason, reached=reached)


def updated(
    inverse: Float[Array, "size size"], step: Float[Array, " size"], change: Float[Array, " size"]
) -> Float[Array, "size size"]:
    """The BFGS update of the inverse Hessian; unchanged where the curvature is not positive.

    Source: Nocedal and Wright 2006, equation 6.17.
    """
    curvature = step @ change
    fine = curvature > 1e-12 * jnp.linalg.norm(step) * jnp.linalg.norm(change)
    rho = 1 / jnp.where(fine, curvature, 1.0)
    left = jnp.eye(len(step)) - rho * jnp.outer(step, change)
    later = left @ inverse @ left.T + rho * jnp.outer(step, step)
    return jnp.where(fine, later, inverse)


def golden_section(along, here: Float[Array, ""], *, cuts: int) -> Float[Array, ""]:
    """The step length that minimises `along`, from a bracket found by golden steps from 1.

    `here` is the value at 0. Returns 0 if no length within the bracket gives less.
    """

    # Shrink until the value decreases, then widen while it decreases further.
    def too_long(carry):
        _, value, tries = carry
        return (value >= here) & (tries < BRACKETS)

    def shrink(carry):
        length, _, tries = carry
        shorter = length * GOLDEN**3
        return shorter, along(shorter), tries + 1

    one = jnp.ones(())
    length, value, tries = jax.lax.while_loop(too_long, shrink, (one, along(one), 0))

    def falling(carry):
        _, best, _, value, tries = carry
        return (value < best) & (tries < BRACKETS)

    def widen(carry):
        _, _, longer, value, tries = carry
        further = longer / GOLDEN
        return longer, value, further, along(further), tries + 1

    shrunk = tries > 0  # then the next longer length is known to give no decrease
    beyond = length / GOLDEN ** jnp.where(shrunk, 3.0, 1.0)
    beyond_value = jax.lax.cond(shrunk, lambda: jnp.full((), jnp.inf), lambda: along(beyond))
    middle, _, high, _, _ = jax.lax.while_loop(
        falling, widen, (length, value, beyond, beyond_value, 0)
    )
    low = jnp.where(middle == length, 0.0, middle * GOLDEN)
    inner, outer = high - GOLDEN * (high - low), low + GOLDEN * (high - low)

    def cut(_, carry):
        low, high, inner, outer, at_inner, at_outer = carry
        left = at_inner < at_outer  # the minimum lies in [low, outer]
        low, high = jnp.where(left, low, inner), jnp.where(left, outer, high)
        probe = jnp.where(left, high - GOLDEN * (high - low), low + GOLDEN * (high - low))
        value = along(probe)
        return (
            low,
            high,
            jnp.where(left, probe, outer),
            jnp.where(left, inner, probe),
            jnp.where(left, value, at_outer),
            jnp.where(left, at_inner, value),
        )

    ends = (low, high, inner, outer, along(inner), along(outer))
    _, _, inner, outer, at_inner, at_outer = jax.lax.fori_loop(0, cuts, cut, ends)
    best = jnp.where(at_inner < at_outer, inner, outer)
    return jnp.where(
        jnp.minimum(at_inner, at_outer) < here, best, jnp.where(value < here, length, 0.0)
    )


def armijo(along, here: Float[Array, ""], slope: Float[Array, ""]) -> Float[Array, ""]:
    """The first of 1, 1/2, 1/4, .. whose decrease is sufficient (Nocedal and Wright 2006, 3.1)."""

    def too_long(carry):
        length, value, tries = carry
        return (value > here + SUFFICIENT * length * slope) & (tries < BRACKETS)

    def halve(carry):
        length, _, tries = carry
        return length / 2, along(length / 2), tries + 1

    one = jnp.ones(())
    length, _, tries = jax.lax.while_loop(too_long, halve, (one, along(one), 0))
    return jnp.where(tries < BRACKETS, length, 0.0)
