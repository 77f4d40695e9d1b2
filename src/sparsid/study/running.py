"""Running a study: cells missing from its folder are trained, evaluated and stored."""

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
    """The progress of a run: work (see `Group.work`), cells, and the current activity."""

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
    """The outcome of a run: cells requested, how many of them are stored, and notes."""

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
    """Trains, evaluates and stores every cell that is not yet in `folder`.

    `executor` is a name in `EXECUTORS`: "serial" (this process, all devices), "processes" or "dask"
    (`workers` of one core each, by default one per core; `scheduler` is the address of a running
    Dask cluster). `only` selects configurations by patterns and does not change the groups. Ctrl-C
    stops after the current epoch; stored results are kept. Raises SparsidError before running if
    the study is invalid.
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
    """The store with the study's specification; existing rows are read once to detect damage."""
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
    """The groups that hold a wanted cell: those without work first, then by decreasing work.

    A missing package is thus reported at once, and workers finish at about the same time.
    """
    work = {id(group): group.work(wanted) for group in groups}
    needed = [group for group in groups if group.keys & wanted]
    return sorted(needed, key=lambda group: (work[id(group)] > 0, -work[id(group)]))
