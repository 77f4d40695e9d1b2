"""A study run into a folder: what is missing is trained, judged and stored."""

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sparsid.data import Dataset
from sparsid.results import ResultStore
from sparsid.study.cells import json_options, selected
from sparsid.study.executors import executor as executor_named
from sparsid.study.task import TASKS, Cell, Group, Job, Tick
from sparsid.training.progress import interruptible


@dataclass
class Progress:
    """How far a run is; `work` is counted as `Group.work` does, `doing` says what is being done."""

    work: float
    cells: int
    work_done: float = 0.0
    cells_done: int = 0
    doing: str = ""

    def add(self, tick: Tick) -> None:
        self.work_done = min(self.work_done + tick.work, self.work)
        self.cells_done = min(self.cells_done + tick.cells, self.cells)
        self.doing = tick.doing or self.doing


@dataclass(frozen=True)
class Outcome:
    """What is stored after a run: cells asked for, how many of them are there, and notes."""

    asked: int
    stored: int
    interrupted: bool
    notes: tuple[str, ...] = field(default=())


def run_study(
    study: Any,
    folder: str | Path,
    *,
    executor: str = "serial",
    workers: int | None = None,
    scheduler: str | None = None,
    only: str | None = None,
    callback: Callable[[Progress], None] | None = None,
) -> Outcome:
    """Trains, judges and stores every cell that `folder` does not hold yet.

    `executor` names one of `EXECUTORS`: "serial" (this process, all devices), "processes" or "dask"
    (`workers` of one core each, by default as many as there are cores; `scheduler` is the address
    of a running Dask cluster). `only` names configurations by patterns; groups are those of the
    whole study all the same. Ctrl-C stops after the running epoch; what is stored stays. Raises
    SparsidError for anything that cannot be run, before it runs.
    """
    chosen = executor_named(executor, workers=workers, scheduler=scheduler)
    task = TASKS[study.task]
    names = selected([c.name for c in study.configuration], only)
    with interruptible() as stop:
        running = task.running()
        data = running.prepare(study)
        cells = running.cells(study, data)
        store = _begin(study, folder, running.truth(study, data), cells)
        asked = frozenset(cell.key for cell in cells if cell.name in names)
        wanted = asked - store.keys()
        groups = _in_order(running.groups(cells), wanted)
        job = Job(task.name, study, data, store, wanted)
        progress = Progress(sum(group.work(wanted) for group in groups), len(wanted))

        def tick(what: Tick) -> None:
            progress.add(what)
            if callback is not None:
                callback(progress)

        tick(Tick())
        chosen.run(groups, job, tick=tick, stop=stop)
        notes = getattr(data, "notes", ())
        return Outcome(len(asked), len(asked & store.keys()), stop.asked, notes)


def _begin(
    study: Any, folder: str | Path, truth: Dataset | None, cells: tuple[Cell[Any], ...]
) -> ResultStore:
    """The store, which says what the study is; rows it has are read once, so that damage shows."""
    content: dict[str, Any] = {"specification": json_options(study)}
    if truth is not None:
        states = truth.states
        content |= {"dt": truth.dt, "states": list(states.names), "units": list(states.units)}
    content["cells"] = [
        {"key": cell.key, "configuration": cell.name, **cell.place} for cell in cells
    ]
    store = ResultStore.begin(folder, study.name, content)
    for key in sorted(frozenset(cell.key for cell in cells) & store.keys()):
        store.read(key)
    if truth is not None:
        truth.to_netcdf(store.folder / "truth.nc")
    return store


def _in_order(groups: tuple[Group, ...], wanted: frozenset[str]) -> list[Group]:
    """The groups that hold a wanted cell: those without work first, then the largest first.

    So a missing package is noticed at once, and workers end at about the same time.
    """
    work = {id(group): group.work(wanted) for group in groups}
    needed = [group for group in groups if group.keys & wanted]
    return sorted(needed, key=lambda group: (work[id(group)] > 0, -work[id(group)]))
