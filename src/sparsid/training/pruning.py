"""Pruning by saliency: remove weights, retrain, undo harmful removals, keep the entire path.

All members are pruned in common rounds: each has its own candidates, its own number of weights per
round and its own end; one compiled program retrains them together.
"""

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import jax
import numpy as np

from sparsid._errors import SparsidError
from sparsid.sparsify.saliency import Surgeon, brain_damage
from sparsid.training.curvature import (
    Point,
    diagonal,
    error,
    full_gram,
    on_device,
    program,
    quadratic,
)
from sparsid.training.dangling_weights import without_dangling_weights
from sparsid.training.layout import Layout
from sparsid.training.levenberg import LevenbergMarquardt
from sparsid.training.progress import Stop
from sparsid.training.pruning_path import UNBOUNDED, PathState, PruningPath, Step
from sparsid.training.second_order import SecondOrderPhase, check_finite, run_second_order
from sparsid.training.starts import stacked
from sparsid.training.windows import Windows

HARMLESS = 1e-12  # relative to E: no retraining after removals of a smaller saliency
EXPLODED = 100.0  # times the full network's training error: a path with `factor` ends there


RETRAIN = SecondOrderPhase(LevenbergMarquardt(start=1e-2, ridge=1e-4), iterations=50, early=True)


@dataclass(frozen=True)
class Pruning:
    """How weights are ranked and removed, and the network retrained.

    `ranking` "obd" uses the exact second derivative of E; "obs" uses the Gauss-Newton Hessian and
    adapts the other weights when one is removed, less for larger `damping` (the multiple of the
    Hessian's diagonal that is added, as by Marquardt: the free run of a model with large weights is
    quadratic in a small neighbourhood only). `retrain` follows every removal. With `factor`, a
    removal is undone if the training error stays above `factor` times both the error before and the
    full network's, and its weight is not tried again until no other is left; without, no removal is
    undone, and the path ends when only negative saliencies are left (as published). Several
    weights, at most the share `at_once` of the active ones, are removed in one round while the
    predicted increase stays below `tiny` times the error. A path ends at `least` active parameters.

    Retraining may overfit the training record; the validation error tells whether a smaller network
    is a better one. Retraining therefore stops early by default, and with `validation_factor` a
    removal is also undone if the validation error is above `validation_factor` times the one
    before; once no weight can be removed under this constraint, it is dropped, `factor` is squared,
    and the path continues to smaller networks.
    """

    ranking: Literal["obs", "obd"] = "obs"
    factor: float | None = 1.3
    tiny: float = 1e-3
    at_once: float = 0.1
    least: int = 5
    retrain: SecondOrderPhase = field(default_factory=lambda: RETRAIN)
    damping: float = 0.0
    validation_factor: float | None = 1.05

    def __post_init__(self):
        if self.factor is not None and not self.factor > 1:
            raise SparsidError(f"`factor` must be above 1, or None; got {self.factor}.")
        if self.validation_factor is not None and not self.validation_factor > 1:
            raise SparsidError(
                f"`validation_factor` must be above 1, or None; got {self.validation_factor}."
            )
        if not 0 < self.at_once <= 1:
            raise SparsidError(f"`at_once` must be a share in (0, 1]; got {self.at_once}.")
        if not self.damping >= 0:
            raise SparsidError(f"`damping` must not be negative; got {self.damping}.")


@dataclass(frozen=True)
class _Trial:
    """A removal before retraining."""

    theta: np.ndarray
    keep: np.ndarray
    first: int  # the weight of smallest saliency
    chosen: int  # number of weights removed by their saliency
    removed: tuple[int, ...]  # those, and weights left dangling
    harmless: bool


@dataclass(frozen=True)
class PruningReport:
    """A round of all members: active parameters left, and training errors.

    `path_states` are the paths so far; later rounds modify them.
    """

    round: int
    numbers: int
    left: tuple[int, ...]
    train: tuple[float, ...]
    running: int
    seconds: float
    path_states: tuple[PathState, ...]


def prune(
    layout: Layout,
    points: Point,
    train: Windows,
    validation: Windows,
    pruning: Pruning,
    *,
    begun: Sequence[PathState] | None = None,
    callback: Callable[[PruningReport], Any] | None = None,
    stop: Stop | None = None,
) -> tuple[PruningPath, ...]:
    """Each member's path from its trained point, or the part so far if stopped early.

    `begun` are path states of an earlier call that was stopped; they continue with the same result.
    Validation errors are used for what `Pruning` documents only. A member whose free run diverges
    is not pruned. Raises SparsidError if all of them diverge.
    """
    began = time.monotonic()
    tools = _Tools(layout, train, validation, pruning)
    members = _path_states(points, tools) if begun is None else list(begun)
    rounds = 0
    while not all(m.ended for m in members) and not (stop is not None and stop.asked):
        rounds += 1
        _round(members, points, tools)
        if callback is not None:
            left = tuple(m.now.left for m in members)
            errors = tuple(m.now.train for m in members)
            running = sum(not m.ended for m in members)
            callback(
                PruningReport(
                    rounds,
                    layout.size,
                    left,
                    errors,
                    running,
                    time.monotonic() - began,
                    tuple(members),
                )
            )
    return tuple(m.path() for m in members)


def _path_states(points: Point, tools: "_Tools") -> list[PathState]:
    """The state of every member before its first round."""
    train, validation = tools.errors(points)
    check_finite(np.array(train))
    return [
        PathState(
            [Step(points.theta[i], points.keep[i], train[i], validation[i], 0)],
            ended=not np.isfinite(train[i]),
            constrained=tools.pruning.validation_factor is not None,
        )
        for i in range(len(points.theta))
    ]


class _Tools:
    """Data and compiled programs that every round uses: curvature and errors."""

    def __init__(self, layout: Layout, train: Windows, validation: Windows, pruning: Pruning):
        self.layout, self.train, self.validation, self.pruning = layout, train, validation, pruning
        feedback = pruning.retrain.criterion.feedback
        self._error = program(error, layout, feedback)
        self._feedback = feedback

    def errors(self, points: Point) -> tuple[list[float], list[float]]:
        """(train, validation) error of each member."""
        size = len(points.theta)
        with jax.enable_x64(True):
            on_devices = stacked(points)
            train, validation = (
                np.asarray(self._error(on_devices, on_device(data)))[:size].tolist()
                for data in (self.train, self.validation)
            )
        return train, validation

    def curvature(self, points: Point) -> list[np.ndarray]:
        """J'J of each member ("obs"), or the exact diagonal of the Hessian ("obd")."""
        by, layout = diagonal, self.layout
        if self.pruning.ranking == "obs":
            by, layout = quadratic, layout.with_capacity(int(points.keep.sum(axis=1).max()))
        with jax.enable_x64(True):
            curved = program(by, layout, self._feedback)(stacked(points), on_device(self.train))
            if self.pruning.ranking != "obs":
                return list(np.asarray(curved)[: len(points.theta)])
            grams = np.asarray(curved.gram)
        return [full_gram(*of) for of in zip(points.keep, grams[: len(points.keep)], strict=True)]


def _round(members: list[PathState], points: Point, tools: _Tools) -> None:
    """One removal for every member whose path has not ended, retrained together."""
    now = _points([m.now for m in members], points)
    curvature = tools.curvature(now)
    trials: list[_Trial | None] = []
    for member, curved in zip(members, curvature, strict=True):
        trials.append(None if member.ended else _trial(member, curved, tools))
        member.ended |= trials[-1] is None
    if all(trial is None for trial in trials):
        return
    tried = _points([t or m.now for t, m in zip(trials, members, strict=True)], points)
    spent = np.zeros(len(members), int)
    due = np.array([trial is not None and not trial.harmless for trial in trials])
    if due.any():
        retrained = run_second_order(
            tools.layout,
            tried,
            tools.train,
            tools.pruning.retrain,
            validation=tools.validation,
            largest_error=np.array([_largest_error(m, tools.pruning) for m in members]),
            active=due,
        )
        tried, spent = retrained.points, retrained.iterations
    train, validation = tools.errors(tried)
    for i, (member, trial) in enumerate(zip(members, trials, strict=True)):
        if trial is None:
            continue
        step = Step(
            tried.theta[i],
            trial.keep,
            train[i],
            validation[i],
            member.now.iterations + int(spent[i]),
            trial.removed,
        )
        _judge(member, trial, step, tools.pruning)


def _trial(member: PathState, curved: np.ndarray, tools: _Tools) -> _Trial | None:
    """The next removal of this member; None if its path ends."""
    pruning, now = tools.pruning, member.now
    if now.left <= pruning.least:
        return None
    if pruning.ranking == "obs":
        damped = curved + pruning.damping * np.diag(np.diagonal(curved))
        surgeon = Surgeon.at(now.theta, now.keep, damped)
        saliency = surgeon.saliency()
    else:
        surgeon, saliency = None, np.where(now.keep, brain_damage(now.theta, curved), np.inf)
    first = _first(member, saliency, pruning)
    if first is None:
        return None
    theta, keep, removed, predicted = now.theta.copy(), now.keep.copy(), [], 0.0
    most = min(max(int(pruning.at_once * now.left), 1), member.largest)
    if pruning.ranking == "obd" and not pruning.tiny:
        most = 1
    q: int | None = first
    ranked = saliency
    while q is not None and len(removed) < most:
        predicted += abs(float(ranked[q]))  # a negative saliency counts by its magnitude
        if removed and predicted > pruning.tiny * now.train:
            break
        removed.append(q)
        if surgeon is not None:
            surgeon = surgeon.without(q)
            theta, keep, ranked = surgeon.theta, surgeon.keep, surgeon.saliency()
        else:
            theta[q], keep[q] = 0.0, False
            ranked = np.where(keep, saliency, np.inf)
        q = _smallest(ranked, member.waiting, negative=pruning.factor is not None)
    connected_theta, connected_keep = without_dangling_weights(tools.layout, theta, keep)
    dangling = np.flatnonzero(keep & ~connected_keep)
    harmless = predicted <= HARMLESS * now.train
    steps = (*removed, *(int(i) for i in dangling))
    member.steps[-1] = replace(now, saliency=np.where(now.keep, saliency, 0.0))
    return _Trial(connected_theta, connected_keep, first, len(removed), steps, harmless)


def _first(member: PathState, saliency: np.ndarray, pruning: Pruning) -> int | None:
    """The weight to remove first; None if there is none."""
    robust = pruning.factor is not None
    q = _smallest(saliency, member.waiting, negative=robust)
    if q is None and robust and member.waiting and (member.progressed or member.constrained):
        member.waiting.clear()  # others were removed since, or the constraint is dropped: try again
        member.constrained &= member.progressed
        member.progressed = False
        q = _smallest(saliency, member.waiting, negative=True)
    return q


def _smallest(saliency: np.ndarray, waiting: set[int], *, negative: bool) -> int | None:
    """The active weight of least saliency: by magnitude if `negative`, else not a negative one."""
    ranked = np.abs(saliency) if negative else np.where(saliency < 0, np.inf, saliency)
    ranked[list(waiting)] = np.inf
    q = int(np.argmin(ranked))
    return q if np.isfinite(ranked[q]) else None


def _judge(member: PathState, trial: _Trial, step: Step, pruning: Pruning) -> None:
    """Accepts the step, or undoes it."""
    now = member.now
    if pruning.factor is None:
        member.steps.append(step)
        return
    valid = True
    if member.constrained and pruning.validation_factor is not None:
        valid = step.validation <= pruning.validation_factor * now.validation
    if np.isfinite(step.train) and step.train <= _largest_error(member, pruning) and valid:
        member.steps.append(step)
        member.progressed = True
        member.largest = min(2 * max(member.largest, 1), UNBOUNDED)
        member.ended = step.train > EXPLODED * member.steps[0].train
        return
    member.undone += 1
    if trial.chosen > 1:
        member.largest = trial.chosen // 2
    else:
        member.waiting.add(trial.first)


def _largest_error(member: PathState, pruning: Pruning) -> float:
    """The training error above which a removal is undone."""
    if pruning.factor is None:
        return np.inf
    dropped = pruning.validation_factor is not None and not member.constrained
    factor = pruning.factor**2 if dropped else pruning.factor
    return factor * max(member.now.train, member.steps[0].train)


def _points(places: Sequence[Any], like: Point) -> Point:
    """Stacked points of steps or trials."""
    return Point(np.stack([p.theta for p in places]), np.stack([p.keep for p in places]), like.rest)
