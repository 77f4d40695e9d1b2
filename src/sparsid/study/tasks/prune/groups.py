"""A study of pruning paths run into a folder: one group a configuration, all its seeds at once."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from sparsid.architectures import library_versions
from sparsid.data import Dataset, Normaliser, Scale, ScaledDataset
from sparsid.identify.prune import Judged, errors_of, trained_on
from sparsid.models import Card, Ensemble
from sparsid.processes import measured, named, simulate
from sparsid.results import ResultStore, Row, digest
from sparsid.study.cells import selected, told
from sparsid.study.running import Outcome, Progress
from sparsid.study.tasks.prune.spec import DescentSpec, PathConfigurationSpec, PathStudySpec
from sparsid.training import Path as PruningPath
from sparsid.training import Simulation, prune
from sparsid.training.curvature import Point
from sparsid.training.descent import descend
from sparsid.training.layout import Layout
from sparsid.training.paths import Trail, packed, unpacked
from sparsid.training.progress import Stop, interruptible
from sparsid.training.pruning import PruningReport
from sparsid.training.restarts import best_restarts
from sparsid.training.starts import models_of, points_of, uniform_start
from sparsid.training.windows import Windows, windows

SCHEMA = 2  # of a cell's specification: raise it when the same words come to mean another result
PARTS = ("train", "validation", "test")
VERSION = 3  # of what is put aside
EVERY = 60.0  # seconds from one putting aside to the next
SMALL = 0.3  # the share of U[-1, 1] that a small start is drawn from


@dataclass(frozen=True)
class PathCell:
    """One network trained and pruned."""

    name: str  # of the configuration: not part of the specification
    seed: int
    specification: dict[str, Any]

    @cached_property
    def key(self) -> str:
        return digest(self.specification)


@dataclass(frozen=True)
class PathData:
    """The three records, scaled alike, as datasets whose states are the plant's outputs."""

    train: ScaledDataset
    validation: ScaledDataset
    test: ScaledDataset

    @cached_property
    def cut(self) -> dict[int, tuple[Windows, ...]]:
        return {}

    def windows(self, lag: int) -> tuple[Windows, ...]:
        """Whole records of the three parts, for models of this lag."""
        if lag not in self.cut:
            parts = (self.train, self.validation, self.test)
            self.cut[lag] = tuple(windows(part, Simulation(), lag=lag) for part in parts)
        return self.cut[lag]


def run_paths(
    study: PathStudySpec,
    folder: str | Path,
    *,
    only: str | None = None,
    watch: Callable[[Progress], None] | None = None,
) -> Outcome:
    """Trains and prunes every network that `folder` does not hold yet.

    The networks of a configuration go together and are stored together. Their paths are put aside
    every minute and at Ctrl-C, and taken up by the next run. Raises SparsidError for anything that
    cannot be run.
    """
    names = selected([c.name for c in study.configuration], only)
    with interruptible() as stop:
        data = prepare_paths(study)
        cells = path_cells(study)
        store = _begin(study, folder, data, cells)
        asked = [cell for cell in cells if cell.name in names]
        missing = {cell.key for cell in asked} - store.keys()

        def said(configuration: str, doing: str) -> None:
            if watch is not None:
                done = len(asked) - len({c.key for c in asked} - store.keys())
                watch(Progress(len(asked), len(asked), done, done, f"{configuration}: {doing}"))

        for configuration in study.configuration:
            mine = [cell for cell in asked if cell.name == configuration.name]
            if stop.asked or not any(cell.key in missing for cell in mine):
                continue
            run = _Run(configuration, mine, data, stop, lambda d, n=configuration.name: said(n, d))
            run.into(store)
        keys = {cell.key for cell in asked}
        return Outcome(len(asked), len(keys & store.keys()), stop.asked)


def path_cells(study: PathStudySpec) -> tuple[PathCell, ...]:
    """All cells, configuration by configuration, then seed."""
    common = {"schema": SCHEMA, "task": "prune", "data": told(study.data)}
    return tuple(
        PathCell(
            c.name,
            seed,
            {
                **common,
                **{part: told(getattr(c, part)) for part in ("model", "prune")},
                "start": [c.start, c.restarts],
                "train": [told(phase) for phase in c.train],
                "refine": [told(phase) for phase in c.refine],
                "seed": seed,
            },
        )
        for c in study.configuration
        for seed in study.training.seeds
    )


def prepare_paths(study: PathStudySpec) -> PathData:
    """The records of a study, simulated from its seed."""
    spec, key = study.data, jax.random.key(study.data.seed)
    records = simulate(named(spec.process), trajectories=3, samples=spec.samples, key=key)
    records = records.outputs_as_states()
    scale = _scale(records[:1], spec.scale)
    if spec.noise:
        names = records.states.names
        noise = dict(zip(names, spec.noise * scale.states.scale, strict=True))
        clean, noisy = records, measured(records, noise, key=jax.random.fold_in(key, 1))
        records = replace(clean, trajectories=(*noisy.trajectories[:2], clean.trajectories[2]))
    return PathData(*(scale.apply(records[i : i + 1]) for i in range(3)))


def _scale(train: Dataset, given: Mapping[str, tuple[float, float]]) -> Normaliser:
    fitted = Normaliser.fit(train)

    def own(scale: Scale, names: tuple[str, ...]) -> Scale:
        pairs = zip(scale.offset, scale.scale, strict=True)
        both = [given.get(name, pair) for name, pair in zip(names, pairs, strict=True)]
        offset, width = np.array(both).T
        return Scale(offset, width)

    return replace(
        fitted,
        states=own(fitted.states, train.states.names),
        inputs=own(fitted.inputs, train.inputs.names),
    )


class _Run:
    """One configuration: train, choose among restarts, prune, judge, store."""

    def __init__(
        self,
        configuration: PathConfigurationSpec,
        cells: list[PathCell],
        data: PathData,
        stop: Stop,
        said: Callable[[str], None],
    ):
        self.configuration, self.cells, self.data = configuration, cells, data
        self.stop, self.said = stop, said

    def into(self, store: ResultStore) -> None:
        """Brings the cells to their end and stores them; nothing after a stop."""
        aside = _Aside(store, digest({"cells": [cell.key for cell in self.cells]}))
        layout, points = self._begun()
        if aside.trails is None:
            points = self._trained(layout, points)
            if self.stop.asked:
                return
            aside.trained()
        else:
            points = _first_of(aside.trails, points)
        lag = self.configuration.model.lag
        parts = self.data.windows(lag)
        pruning = self.configuration.prune.build()

        def watch(report: PruningReport) -> None:
            self._round(report)
            aside.now_and_then(report.trails, at_once=self.stop.asked)

        paths = prune(
            layout,
            points,
            parts[0],
            parts[1],
            pruning,
            begun=aside.trails,
            watch=watch,
            stop=self.stop,
        )
        aside.pruned()
        if self.stop.asked:
            return
        self.said("training the full networks on as long, for comparison")
        control = trained_on(layout, points, parts[0], parts[1], pruning, paths, self.stop)
        if self.stop.asked:
            return
        timings = aside.seconds | {"together": float(len(self.cells))}
        controls = errors_of(layout, control, parts)
        for i, cell in enumerate(self.cells):
            numbers, series = _judged(layout, points, paths[i], i, parts)
            numbers |= _named("control", controls[i])
            self._model(layout, points, paths[i], i, cell).save(store.model_path(cell.key))
            store.write(
                Row(cell.specification, cell.name, numbers, series, timings, library_versions())
            )
        aside.store.drop(aside.key)
        self.said("stored")

    def _begun(self) -> tuple[Layout, Point]:
        """Each seed's networks, restart after restart, from the seed alone."""
        spec = self.configuration
        keys = [
            jax.random.fold_in(jax.random.key(cell.seed), restart)
            for cell in self.cells
            for restart in range(spec.restarts)
        ]
        models = jax.vmap(lambda key: spec.model.build(self.data.train, key=key))(jnp.stack(keys))
        layout, points = points_of(models)
        drawn = [
            uniform_start(jax.tree.map(lambda leaf, i=i: leaf[i : i + 1], points), key=key).theta
            for i, key in enumerate(keys)
        ]
        share = 1.0 if spec.start == "uniform" else SMALL
        return layout, points._replace(theta=share * np.concatenate(drawn))

    def _trained(self, layout: Layout, points: Point) -> Point:
        spec = self.configuration
        lag = spec.model.lag
        points = self._descended(layout, points, lag, spec.train, "training")
        judged = errors_of(layout, points, self.data.windows(lag))
        best = best_restarts(np.array([j.validation for j in judged]), spec.restarts)
        points = jax.tree.map(lambda leaf: leaf[best], points)
        return self._descended(layout, points, lag, spec.refine, "refining")

    def _descended(
        self, layout: Layout, points: Point, lag: int, phases: Sequence[DescentSpec], doing: str
    ) -> Point:
        """The points after these phases."""
        validation = self.data.windows(lag)[1]
        for at, phase in enumerate(phases):
            descent = phase.build()
            self.said(f"{doing}, phase {at + 1} of {len(phases)}")
            points = descend(
                layout,
                points,
                windows(self.data.train, descent.criterion, lag=lag),
                descent,
                validation=validation,
                active=np.ones(len(points.theta), bool),
                stop=self.stop,
            ).points
        return points

    def _round(self, report: PruningReport) -> None:
        left = sum(report.left) / len(report.left)
        self.said(f"round {report.round}, {left:.0f} numbers left, {report.running} at work")

    def _model(
        self, layout: Layout, points: Point, path: PruningPath, i: int, cell: PathCell
    ) -> Ensemble:
        """The network chosen on the validation record."""
        step = path.steps[path.least_validation()]
        rest = jax.tree.map(lambda leaf: leaf[i : i + 1], points.rest)
        models = models_of(layout, Point(step.theta[None], step.keep[None], rest))
        train = self.data.train
        card = Card.describing(train.physical, self.configuration.model, configuration=cell.name)
        return Ensemble.of(models, train.normaliser, card, 1)


class _Aside:
    """Paths in flight, kept in the store's folder, and the seconds spent on them so far."""

    def __init__(self, store: ResultStore, key: str):
        self.store, self.key = store, key
        found = store.take_up(key)
        if found and int(found.pop("version", np.zeros(()))) != VERSION:
            found = None  # of another sparsid: it begins anew
        spent = found.pop("seconds").tolist() if found else [0.0, 0.0]
        self.trails = unpacked(found) if found else None
        self.seconds = dict(zip(("training_s", "pruning_s"), spent, strict=True))
        self._before = self.seconds["pruning_s"]
        self._began = self._last = time.monotonic()

    def trained(self) -> None:
        """Pruning begins."""
        now = time.monotonic()
        self.seconds["training_s"] += now - self._began
        self._began, self._last = now, now - EVERY  # the first round is kept at once

    def pruned(self) -> None:
        """The paths are at their end."""
        self.seconds["pruning_s"] = self._before + time.monotonic() - self._began

    def now_and_then(self, trails: Sequence[Trail], *, at_once: bool) -> None:
        """Keeps the paths so far, once every `EVERY` seconds or at once."""
        now = time.monotonic()
        if at_once or now - self._last >= EVERY:
            self._last = now
            self.pruned()
            seconds = np.array(list(self.seconds.values()))
            told = {"version": np.array(VERSION), "seconds": seconds}
            self.store.put_aside(self.key, packed(trails) | told)


def _first_of(trails: Sequence[Trail], points: Point) -> Point:
    """The full networks that these paths began with; `points` has what is not trained."""
    first = [trail.steps[0] for trail in trails]
    each = len(points.theta) // len(first)  # restarts, of which one was kept: their rest is alike
    rest = jax.tree.map(lambda leaf: leaf[::each], points.rest)
    return Point(np.stack([s.theta for s in first]), np.stack([s.keep for s in first]), rest)


def _judged(
    layout: Layout, points: Point, path: PruningPath, i: int, parts: tuple[Windows, ...]
) -> tuple[dict[str, float | None], dict[str, np.ndarray]]:
    """Numbers and series of one path; the test record is looked at here only."""
    steps = path.steps
    rest = jax.tree.map(lambda leaf: np.repeat(leaf[i : i + 1], len(steps), axis=0), points.rest)
    stack = Point(np.stack([s.theta for s in steps]), np.stack([s.keep for s in steps]), rest)
    judged = errors_of(layout, stack, parts)
    readings = {
        "full": 0,
        "best": path.least_validation(),
        "smallest": path.smallest_not_worse(),
        "exploding": path.smallest_before_explosion(),
        "last": len(steps) - 1,
    }
    numbers: dict[str, float | None] = {"undone": float(path.undone)}
    for name, at in readings.items():
        numbers |= _named(name, judged[at])
        numbers |= {f"{name}_left": float(steps[at].left), f"{name}_step": float(at)}
        numbers |= {f"{name}_iterations": float(steps[at].iterations)}
    known = [step.saliency for step in steps if step.saliency is not None]
    series = {
        "left": np.array([step.left for step in steps], float),
        "iterations": np.array([step.iterations for step in steps], float),
        "theta": stack.theta,
        "saliency": np.stack(known) if known else np.zeros((0, layout.size)),
    }
    for part in PARTS:
        series[part] = np.array([getattr(of, part) for of in judged], float)
    return numbers, series


def _named(name: str, judged: Judged) -> dict[str, float | None]:
    return {
        f"{name}_{part}": value if value is not None and np.isfinite(value) else None
        for part, value in vars(judged).items()
    }


def _begin(
    study: PathStudySpec, folder: str | Path, data: PathData, cells: tuple[PathCell, ...]
) -> ResultStore:
    test = data.test.physical
    said = {
        "specification": study.model_dump(mode="json", exclude_none=True),
        "dt": test.dt,
        "states": list(test.states.names),
        "units": list(test.states.units),
        "cells": [{"key": c.key, "configuration": c.name, "seed": c.seed} for c in cells],
    }
    store = ResultStore.begin(folder, study.name, said)
    for key in sorted({cell.key for cell in cells} & store.keys()):
        store.read(key)
    return store
