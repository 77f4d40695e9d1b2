"""A study run into a folder: what is missing is trained, judged and stored."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from sparsid.results import ResultStore
from sparsid.study.cells import Cell, cells_of, selected
from sparsid.study.executors import executor as executor_of
from sparsid.study.task import Tick
from sparsid.study.tasks.simulate.datasets import StudyData, prepare, sizes
from sparsid.study.tasks.simulate.groups import Job, in_order, run_group, work_of
from sparsid.study.tasks.simulate.plan import groups_of
from sparsid.study.tasks.simulate.spec import StudySpec
from sparsid.training.progress import interruptible


@dataclass
class Progress:
    """How far a run is: work (see `Group.work`), cells, and what it is doing."""

    work: float
    cells: int
    work_done: float = 0.0
    cells_done: int = 0
    doing: str = ""

    def add(self, tick: Tick) -> None:
        self.work_done += tick.work
        self.cells_done += tick.cells
        self.doing = tick.doing or self.doing


@dataclass(frozen=True)
class Outcome:
    """What is stored after a run: cells asked for, how many of them are there, and notes."""

    asked: int
    stored: int
    interrupted: bool
    notes: tuple[str, ...] = field(default=())


@dataclass(frozen=True)
class _Group:
    """A group of a simulate study as executors see it."""

    of: Any

    @property
    def keys(self) -> frozenset[str]:
        return self.of.keys

    def work(self, wanted: frozenset[str]) -> float:
        return work_of(self.of, wanted)


@dataclass(frozen=True)
class _Job:
    """A job of a simulate study as executors see it."""

    store: ResultStore
    wanted: frozenset[str]
    of: Job

    def run(self, group: _Group, *, tick: Any, stop: Any) -> None:
        run_group(group.of, replace(self.of, store=self.store), tick=tick, stop=stop)


def run_study(
    study: StudySpec,
    folder: str | Path,
    *,
    executor: str = "serial",
    workers: int | None = None,
    scheduler: str | None = None,
    only: str | None = None,
    watch: Callable[[Progress], None] | None = None,
) -> Outcome:
    """Trains, judges and stores every cell that `folder` does not hold yet.

    `executor` names one of `EXECUTORS`; `workers` and `scheduler` are options of some. `only`
    names configurations by patterns; groups are
    those of the whole study all the same. Ctrl-C stops after the running epoch; what is stored
    stays. Raises SparsidError for anything that cannot be run, before it runs.
    """
    runs = executor_of(executor, workers=workers, scheduler=scheduler)
    names = selected([c.name for c in study.configuration], only)
    with interruptible() as stop:
        data = prepare(study)
        counts = sizes(study.data, data)
        examples = {n: data.train[:n].samples - n for n in counts}
        cells = cells_of(study, data.identity, counts, examples)
        store = _begin(study, folder, data, cells)
        asked = frozenset(cell.key for cell in cells if cell.name in names)
        wanted = asked - store.keys()
        job = Job(data, study.evaluate, store, wanted, study.training.start)
        groups = in_order(groups_of(cells), wanted)
        progress = Progress(sum(work_of(g, wanted) for g in groups), len(wanted))

        def tick(what: Tick) -> None:
            progress.add(what)
            if watch is not None:
                watch(progress)

        tick(Tick())
        runs.run([_Group(g) for g in groups], _Job(store, wanted, job), tick=tick, stop=stop)
        return Outcome(len(asked), len(asked & store.keys()), stop.asked, data.notes)


def _begin(
    study: StudySpec, folder: str | Path, data: StudyData, cells: tuple[Cell, ...]
) -> ResultStore:
    """The store, which says what the study is; rows it has are read once, so that damage shows."""
    said = {
        "specification": study.model_dump(mode="json"),
        "dt": data.test.dt,
        "states": list(data.test.states.names),
        "units": list(data.test.states.units),
        "cells": [
            {"key": c.key, "configuration": c.name, "size": c.size, "seed": c.seed} for c in cells
        ],
    }
    store = ResultStore.begin(folder, study.name, said)
    for key in sorted(frozenset(cell.key for cell in cells) & store.keys()):
        store.read(key)
    truth = data.test[: study.evaluate.shown]
    truth.to_netcdf(store.folder / "truth.nc")
    return store
