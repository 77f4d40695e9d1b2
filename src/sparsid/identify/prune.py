"""Pruning a trained model: paths, the selected step, and a control that is only trained further."""

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import equinox as eqx
import jax
import numpy as np

from sparsid._errors import SparsidError
from sparsid._files import atomic_write
from sparsid._registry import unknown
from sparsid.architectures import AbstractArchitecture
from sparsid.architectures.capabilities import check_serves
from sparsid.data import Dataset, Normaliser, Scale, ScaledDataset
from sparsid.identify.parts import Parts
from sparsid.models import Ensemble
from sparsid.training import Pruning, PruningPath, Simulation, prune
from sparsid.training.curvature import Point, error, on_device, program
from sparsid.training.layout import Layout
from sparsid.training.progress import Stop, interruptible
from sparsid.training.pruning import RETRAIN, PruningReport
from sparsid.training.second_order import LARGEST, run_second_order
from sparsid.training.starts import models_of, points_of, stacked
from sparsid.training.windows import Criterion, Windows, windows

CHOICES = ("best", "smallest")
STATE_WINDOW, STATE_SAMPLES = 100, 20_000  # free runs for pruning a derivative network


@dataclass(frozen=True)
class Judged:
    """Sums of squared scaled errors of one network on the three parts; None without a test."""

    train: float
    validation: float
    test: float | None


@dataclass(frozen=True)
class PrunedMember:
    """One member: its path, the step selected on validation data, and the errors.

    `control` is the full network trained further, for as many iterations as the longest path of all
    members took; NaN if interrupted before.
    """

    path: PruningPath
    chosen: int
    full: Judged
    pruned: Judged
    control: Judged


@dataclass(frozen=True)
class Pruned:
    """The ensemble of the selected networks, and the path of every member."""

    ensemble: Ensemble
    members: tuple[PrunedMember, ...]
    names: tuple[str, ...]  # of all parameters, in the order of a path's vectors
    interrupted: bool  # the user stopped before the paths were complete

    def save_paths(self, file: str | Path) -> None:
        """Saves all paths as JSON (docs/file-format.md). Raises SparsidError on failure."""
        content = {
            "format": "sparsid-pruning-paths",
            "schema": 1,
            "numbers": len(self.names),
            "members": [self._as_json(member) for member in self.members],
        }
        with atomic_write(file) as part:
            part.write_text(json.dumps(content, indent=1), encoding="utf-8")

    def _as_json(self, member: PrunedMember) -> dict[str, Any]:
        steps = [
            {
                "left": step.left,
                "train": _json_number(step.train),
                "validation": _json_number(step.validation),
                "iterations": step.iterations,
                "removed": [self.names[i] for i in step.removed],
            }
            for step in member.path.steps
        ]
        judged = {
            name: {part: _json_number(value) for part, value in vars(getattr(member, name)).items()}
            for name in ("full", "pruned", "control")
        }
        return {"chosen": member.chosen, "undone": member.path.undone, **judged, "steps": steps}


def prune_ensemble(
    ensemble: Ensemble,
    parts: Parts,
    *,
    pruning: Pruning | None = None,
    choice: Literal["best", "smallest"] = "best",
    callback: Callable[[PruningReport], Any] | None = None,
) -> Pruned:
    """Prunes every member on the training part, selects on validation, evaluates on the test.

    `choice` "best" selects the step of least validation error, "smallest" the smallest network
    whose validation error is not above the full one's. Ctrl-C ends the paths early. Raises
    SparsidError for a model that is too large, or data that does not match it.
    """
    if choice not in CHOICES:
        raise SparsidError(unknown("choice", choice, CHOICES))
    if constant := parts.train.constant_inputs():
        raise SparsidError(
            f"The input {constant[0]} is constant in the training part: all its weights would be "
            "removed; prune on data in which every input changes."
        )
    check_serves(ensemble.card.architecture, RETRAIN)
    layout, points = points_of(ensemble.stacked.model)
    points = points._replace(keep=points.keep & (points.theta != 0))  # zeros in a file are masked
    active = int(points.keep.sum(axis=1).max())
    if active > LARGEST:
        raise SparsidError(
            f"Pruning by saliency supports up to {LARGEST} active parameters; this model has "
            f"{active}: train a sparse one (`sparsid fit`) instead."
        )
    architecture = ensemble.card.architecture
    criterion = criterion_for(architecture, parts.train, parts.validation)
    pruning = pruning or Pruning(retrain=replace(RETRAIN, criterion=criterion))
    test_part = None if parts.test is None else scaled_as(ensemble, parts.test)
    train, validation, test = pruning_windows(
        architecture,
        scaled_as(ensemble, parts.train),
        scaled_as(ensemble, parts.validation),
        test_part,
    )
    full = errors_of(layout, points, (train, validation, test))
    if not np.isfinite([judged.train for judged in full]).any():
        raise SparsidError(
            "The free runs of all members on the training part become NaN or infinite: the model "
            "cannot simulate these data; check that they are of the plant it was trained on."
        )
    with interruptible() as stop:
        paths = prune(layout, points, train, validation, pruning, callback=callback, stop=stop)
        chosen = [
            path.least_validation() if choice == "best" else path.smallest_not_worse()
            for path in paths
        ]
        interrupted = stop.asked
        control = points
        if not interrupted:
            control = trained_on(layout, points, train, validation, pruning, paths, stop)
        has_control = not stop.asked
    steps = [path.steps[at] for path, at in zip(paths, chosen, strict=True)]
    pruned = points._replace(
        theta=np.stack([step.theta for step in steps]), keep=np.stack([s.keep for s in steps])
    )
    nothing = [Judged(math.nan, math.nan, math.nan)] * len(paths)
    judged = [
        full,
        errors_of(layout, pruned, (train, validation, test)),
        errors_of(layout, control, (train, validation, test)) if has_control else nothing,
    ]
    members = tuple(
        PrunedMember(path, at, *of) for path, at, *of in zip(paths, chosen, *judged, strict=True)
    )
    details = replace(ensemble.card, training=ensemble.card.training | {"pruned": "by saliency"})
    smaller = replace(with_points(ensemble, layout, pruned), card=details)
    return Pruned(smaller, members, tuple(layout.names()), interrupted)


def criterion_for(
    architecture: AbstractArchitecture, train: Dataset, validation: Dataset
) -> Criterion:
    """The criterion for pruning: complete free runs of outputs, short ones of measured states."""
    if architecture.observes == "outputs":
        return Simulation()
    length = min(STATE_WINDOW, max(train.lengths), max(validation.lengths))
    return Simulation(length, max(length - 1, train.samples * length // STATE_SAMPLES))


def pruning_windows(
    architecture: AbstractArchitecture,
    train: ScaledDataset,
    validation: ScaledDataset,
    test: ScaledDataset | None,
) -> tuple[Windows, Windows, Windows | None]:
    """The windows of the training, validation and test parts for pruning."""
    lag = architecture.lag
    criterion = criterion_for(architecture, train.physical, validation.physical)
    tested = None
    if test is not None:
        tested = windows(test, _within(criterion, test.physical), lag=lag)
    return windows(train, criterion, lag=lag), windows(validation, criterion, lag=lag), tested


def _within(criterion: Criterion, part: Dataset) -> Criterion:
    """The same with windows no longer than the records of this part."""
    if not isinstance(criterion, Simulation) or criterion.length is None:
        return criterion
    return replace(criterion, length=min(criterion.length, max(part.lengths)))


def scaled_as(ensemble: Ensemble, part: Dataset) -> ScaledDataset:
    """The data scaled by the model's scaling."""
    s = ensemble.stacked.scaling
    nothing = Scale(np.zeros(0), np.zeros(0))
    rises = Normaliser.fit(part).increments
    own = Normaliser(Scale(s.offset, s.scale), nothing, Scale(s.input_offset, s.input_scale), rises)
    return own.apply(part.select(outputs=()))


def errors_of(layout: Layout, points: Point, parts: Sequence[Windows | None]) -> list[Judged]:
    """Free-run errors of every member on train, validation and test."""
    size, found = len(points.theta), []
    run = program(error, layout, True)
    with jax.enable_x64(True):
        on = stacked(points)
        for data in parts:
            if data is None:
                found.append([None] * size)
            else:
                found.append(np.asarray(run(on, on_device(data)))[:size].tolist())
    return [Judged(*of) for of in zip(*found, strict=True)]


def trained_on(
    layout: Layout,
    points: Point,
    train: Windows,
    validation: Windows,
    pruning: Pruning,
    paths: Sequence[PruningPath],
    stop: Stop,
) -> Point:
    """The full networks after as many further iterations as the longest path took.

    Early stopping is that of retraining.
    """
    iterations = max(path.steps[-1].iterations for path in paths)
    if not iterations:
        return points
    further = replace(pruning.retrain, iterations=iterations)
    active = np.ones(len(points.theta), bool)
    return run_second_order(
        layout, points, train, further, validation=validation, active=active, stop=stop
    ).points


def with_points(ensemble: Ensemble, layout: Layout, points: Point) -> Ensemble:
    """The ensemble with these parameters in its models."""
    stacked_model = eqx.tree_at(
        lambda simulator: simulator.model, ensemble.stacked, models_of(layout, points)
    )
    return replace(ensemble, stacked=stacked_model)


def _json_number(value: float | None) -> float | None:
    """The value, or None (null in JSON) if it is not finite."""
    return value if value is not None and np.isfinite(value) else None
