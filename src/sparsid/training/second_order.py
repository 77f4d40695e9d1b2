"""Second-order training of an ensemble: the Python loop over compiled iterations."""

import functools
import math
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float, Int, PyTree

from sparsid._devices import over_members, replicated, shard
from sparsid._errors import SparsidError
from sparsid.architectures.capabilities import RECURSION, Need
from sparsid.training.bfgs import BFGS
from sparsid.training.curvature import Point, on_device
from sparsid.training.early import Early
from sparsid.training.entering import UNEQUAL
from sparsid.training.layout import Layout
from sparsid.training.levenberg import LevenbergMarquardt
from sparsid.training.members import Members
from sparsid.training.progress import Stop
from sparsid.training.starts import (
    models_of,
    points_of,
    stacked,
    with_recorded_starts,
    without_starts,
)
from sparsid.training.stopping import LONG, RUNNING, STALLED
from sparsid.training.training import Training, phases_done
from sparsid.training.windows import Criterion, Simulation, Windows, check_windows, windows

AT_ONCE = 10  # iterations between two reports
LARGEST = 3000  # active parameters up to which square matrices of them are formed


@dataclass(frozen=True)
class SecondOrderPhase:
    """A phase of second-order training on all data at once, in float64.

    Each member stops by `method.stopping` or after `iterations`, all of them after `seconds`. With
    `early`, the result of a member is its point of least validation error, which is evaluated every
    ten iterations.
    """

    method: LevenbergMarquardt | BFGS = field(default_factory=LevenbergMarquardt)
    criterion: Criterion = field(default_factory=Simulation)
    iterations: int = 200
    seconds: float | None = None
    early: bool = False

    @property
    def needs(self) -> Need:
        """The model's recursion, for derivatives of free runs."""
        return RECURSION

    @property
    def removes_weights(self) -> bool:
        """Whether the phase may set weights to zero: no."""
        return False

    @property
    def epochs(self) -> int:
        """Largest number of reports, one every ten iterations."""
        return -(-self.iterations // AT_ONCE)

    def __post_init__(self):
        if self.iterations < 1:
            raise SparsidError(f"`iterations` must be at least 1; got {self.iterations}.")
        if self.criterion.estimated and not isinstance(self.method, LevenbergMarquardt):
            raise SparsidError(
                "Only Levenberg-Marquardt estimates initial outputs of windows; use it, or leave "
                "`estimated` out."
            )
        if self.seconds is not None and not self.seconds > 0:
            raise SparsidError(f"`seconds` must be positive; got {self.seconds}.")

    def check(self, training: Training, members: Members, *, thinned: bool) -> None:
        """Raises SparsidError for records or windows that are too short, or too many parameters.

        The number of active parameters is unknown if an earlier phase removes weights.
        """
        check_windows(training.train, self.criterion, lag=members.stack.model.lag)
        if not thinned:
            _, points = points_of(members.models())
            check_size(int(points.keep.sum(axis=1).max()))

    def run(
        self, training: Training, members: Members, phases: Sequence["SecondOrderPhase"]
    ) -> Members:
        """The members after this phase, which is the same for all; it resets moments."""
        if any(phase != self for phase in phases):
            raise SparsidError(UNEQUAL)
        layout, points = points_of(members.models())
        lag, at = members.stack.model.lag, phases_done(members.history)
        data = windows(training.train, self.criterion, lag=lag)
        numbers = float(data.counts.sum()) * data.y.shape[-1]

        def callback(report: SecondOrderReport) -> None:
            nonlocal members
            members = training.reported(
                members,
                phase=at,
                epoch=(report.iterations - 1) // AT_ONCE,
                rate=math.nan,
                train=report.errors / numbers,
                validation=np.full(members.size, np.nan),
            )

        validation = None
        if training.monitor is not None:
            complete = type(self.criterion)()
            validation = windows(training.monitor.validation, complete, lag=lag)
        ended = run_second_order(
            layout,
            points,
            data,
            self,
            validation=validation,
            active=np.ones(members.size, bool) if training.allow_diverged else None,
            callback=callback,
            stop=training.stop,
        )
        if (ended.reasons == RUNNING).any() and not training.stop.asked:
            spent = (*members.history.out_of_time, at)
            members = replace(members, history=replace(members.history, out_of_time=spent))
        models = models_of(layout, ended.points)
        members = members.with_models(models)
        if training.monitor is None:
            return members
        members, errors = training.compared(members, models)
        *before, last = members.history.epochs
        epochs = (*before, replace(last, free_run=errors))
        return replace(members, history=replace(members.history, epochs=epochs))


@dataclass(frozen=True)
class SecondOrderResult:
    """Final stacked points in NumPy, their errors, and the reason why each member stopped.

    `starts` are estimated initial outputs of the windows, which are not part of the points: those
    of the last iteration, also with `early`.
    """

    points: Point
    errors: Float[np.ndarray, " member"]
    iterations: Int[np.ndarray, " member"]
    reasons: Int[np.ndarray, " member"]
    seconds: float
    starts: Float[np.ndarray, "member window output_lags observed"] | None = None


@dataclass(frozen=True)
class SecondOrderReport:
    """Progress of all members. Errors are sums of squared scaled errors."""

    iterations: int
    errors: Float[np.ndarray, " member"]
    seconds: float


def run_second_order(
    layout: Layout,
    points: Point,
    data: Windows,
    descent: SecondOrderPhase,
    *,
    validation: Windows | None = None,
    largest_error: Float[np.ndarray, " member"] | None = None,
    active: Bool[np.ndarray, " member"] | None = None,
    callback: Callable[[SecondOrderReport], Any] | None = None,
    stop: Stop | None = None,
) -> SecondOrderResult:
    """Minimises the error of stacked points over `data`, on all devices.

    The error of a member, with its ridge term, never increases. With `early`, the result is instead
    the point of least error over `validation`, the start included, among those whose error (without
    ridge) is at most `largest_error` (None: all). A member that is not `active` is not changed.
    Raises SparsidError if all runs are NaN or infinite at their start, unless `active` is given,
    for early stopping without `validation`, and for more than `LARGEST` active parameters.
    """
    began = time.monotonic()
    size, feedback = len(points.theta), descent.criterion.feedback
    if descent.early and validation is None:
        raise SparsidError(
            "Early stopping needs validation data; give some, or set `early` to False."
        )
    count, sized = int(points.keep.sum(axis=1).max()), layout
    if isinstance(descent.method, LevenbergMarquardt):
        sized = layout.with_capacity(count)
        check_size(count)
    else:
        check_size(layout.size)
    begin, advance = _program(sized, feedback, descent.method)
    with jax.enable_x64(True):
        data = replicated(on_device(data))
        points = stacked(points)
        if descent.criterion.estimated:
            points = with_recorded_starts(layout, points, data)
        state = advance(begin(shard(points), data), data, 0)
        if active is None:
            check_finite(np.asarray(state.error)[:size])
        else:
            inactive = ~np.resize(active, len(state.reason))
            state = state._replace(reason=jnp.where(inactive, STALLED, state.reason))
        early = None
        if descent.early and validation is not None:
            early = Early(layout, feedback, validation, largest_error)
            early.look(without_starts(state.point), np.asarray(state.error)[:size])
        done = 0
        while done < descent.iterations:
            done = min(done + AT_ONCE, descent.iterations)
            state = advance(state, data, done)
            spent = time.monotonic() - began
            errors = np.asarray(state.error)[:size]
            if early is not None:
                early.look(without_starts(state.point), errors)
            if callback is not None:
                callback(SecondOrderReport(done, errors, spent))
            running = (np.asarray(state.reason)[:size] == RUNNING).any()
            out_of_time = descent.seconds is not None and spent > descent.seconds
            if not running or out_of_time or (stop is not None and stop.asked):
                break
        ended = jax.tree.map(lambda leaf: np.asarray(leaf)[:size], state)
    point, errors = without_starts(ended.point), ended.error
    if early is not None:
        theta, errors = early.best()
        point = point._replace(theta=theta)
    used_up = (ended.reason == RUNNING) & (ended.iterations >= descent.iterations)
    reasons = np.where(used_up, LONG, ended.reason)
    seconds = time.monotonic() - began
    return SecondOrderResult(point, errors, ended.iterations, reasons, seconds, ended.point.starts)


@functools.lru_cache(maxsize=64)
def _program(layout: Layout, feedback: bool, method: LevenbergMarquardt | BFGS):
    """(begin, advance) for stacks of points."""

    def begin(point: Point, data: Windows) -> PyTree:
        return method.begin(layout, feedback, point, data)

    def advance(state: PyTree, data: Windows, until) -> PyTree:
        def running(state):
            return (state.reason == RUNNING) & (state.iterations < until)

        def iterate(state):
            return method.iterate(layout, feedback, state, data)

        return jax.lax.while_loop(running, iterate, state)

    return over_members(begin, together=True), over_members(advance, together=True)


def check_size(numbers: int) -> None:
    """Raises SparsidError for more than `LARGEST` active parameters."""
    if numbers > LARGEST:
        raise SparsidError(
            f"Second-order training takes models of up to {LARGEST} active parameters; this one "
            f"has {numbers}: train it by epochs (Adam)."
        )


def check_finite(errors: np.ndarray) -> None:
    """Raises SparsidError if the free runs of all members are NaN or infinite at the start."""
    if not np.isfinite(errors).any():
        raise SparsidError(
            f"The free runs of all {len(errors)} members become NaN or infinite at the start of "
            "training: begin with one-step training, shorter windows or smaller weights."
        )
