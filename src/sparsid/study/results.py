"""Reading a study's folder: its specification, and the stored rows of its configurations."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from sparsid._errors import SparsidError
from sparsid._tables import parse
from sparsid.results import ResultStore, Row
from sparsid.study.task import TASKS, Task


@dataclass(frozen=True)
class Stored:
    """The stored rows and models of one configuration at one place, in the order of the seeds.

    `place` holds the coordinates other than the seed ({"size": 40}); `missing` counts cells that
    are not stored yet.
    """

    name: str
    place: dict[str, Any]
    rows: tuple[Row, ...]
    models: tuple[Path, ...]
    missing: int


@dataclass(frozen=True)
class StudyResults:
    """The contents of a study's folder.

    `study` is its specification; `configurations` are the task's views of those with at least one
    row. `missing` counts cells that are not stored yet. `dt` is in s, `states` are the simulated
    channels; 0 and empty for a study without time series.
    """

    folder: Path
    task: Task
    study: Any
    configurations: tuple[Any, ...]
    missing: int
    dt: float = 0.0
    states: tuple[str, ...] = ()
    units: tuple[str | None, ...] = ()

    @cached_property
    def at(self) -> dict[tuple[Any, ...], Any]:
        """Views by name and place: ("Dense", 40)."""
        by = self.task.by
        return {(v.name, *(getattr(v, name) for name in by)): v for v in self.configurations}

    @property
    def truth_path(self) -> Path:
        """The data that results are compared with (NetCDF)."""
        return self.folder / "truth.nc"


RECORDED = {"dt": (int, float), "states": list, "units": list}


def load_results(folder: str | Path) -> StudyResults:
    """Reads a study's folder. Raises SparsidError if it holds no study or is damaged."""
    store = ResultStore.open(folder)
    task, content, path = task_of(store), store.study(), store.folder / "study.json"
    study = parse(task.spec, content["specification"], str(path))
    about: dict[str, Any] = {}
    if task.recorded:
        for name, wanted in RECORDED.items():
            if not isinstance(content.get(name), wanted):
                raise _damaged(path, name)
        names, units = tuple(content["states"]), tuple(content["units"])
        about = {"dt": content["dt"], "states": names, "units": units}
    found = _stored(store, content, task, path)
    missing = sum(of.missing for of in found)
    views = tuple(task.view(study, of) for of in found if of.rows)
    return StudyResults(store.folder, task, study, views, missing, **about)


def task_of(store: ResultStore) -> Task:
    """The task of the study in a store. Raises SparsidError if `study.json` is damaged."""
    specification = store.study().get("specification")
    if not isinstance(specification, dict):
        raise _damaged(store.folder / "study.json", "specification")
    return TASKS[specification.get("task", "simulate")]


def _stored(
    store: ResultStore, content: dict[str, Any], task: Task, path: Path
) -> tuple[Stored, ...]:
    keys: dict[tuple[Any, ...], list[str]] = {}
    try:
        for cell in content["cells"]:
            place = tuple(cell[name] for name in ("configuration", *task.by))
            keys.setdefault(place, []).append(cell["key"])
    except (KeyError, TypeError):
        raise _damaged(path, "cells") from None
    there, found = store.keys(), []
    for (name, *place), wanted in keys.items():
        stored = [key for key in wanted if key in there]
        rows = tuple(store.read(key) for key in stored)
        models = tuple(map(store.model_path, stored))
        at = dict(zip(task.by, place, strict=True))
        found.append(Stored(name, at, rows, models, len(wanted) - len(rows)))
    return tuple(found)


def _damaged(path: Path, name: str) -> SparsidError:
    return SparsidError(
        f"{path} is damaged (`{name}` is missing or invalid); delete it and run the study again."
    )
