"""What every kind of study offers: its specification, cells, groups, how they run, its report.

A task is a record; what it needs JAX for stands behind `running`, so that a study is read, and
refused, without it.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from importlib import import_module
from typing import TYPE_CHECKING, Any, Protocol

from sparsid._errors import SparsidError
from sparsid._registry import Registry
from sparsid._tables import Table
from sparsid.data import Dataset
from sparsid.results import ResultStore, digest
from sparsid.training.progress import Stop

if TYPE_CHECKING:
    from sparsid.report.document import Document


@dataclass(frozen=True)
class Cell[T]:
    """One result of a study, named by the digest of all that it depends on.

    `name` is the configuration's and `place` what else tells it from the others of the study
    ("seed", "size"): neither is in the key. `of` holds what the task builds the result from.
    """

    name: str
    place: Mapping[str, Any]
    specification: dict[str, Any]
    of: T = field(repr=False)

    @cached_property
    def key(self) -> str:
        return digest(self.specification)


class Group(Protocol):
    """Cells that run together, in one process; it can be pickled."""

    @property
    def keys(self) -> frozenset[str]:
        """Keys of all its cells."""
        ...

    def work(self, wanted: frozenset[str]) -> float:
        """The work it takes to finish the `wanted` cells, to weigh progress by."""
        ...


@dataclass(frozen=True)
class Tick:
    """Progress made: work done (see `Group.work`), cells finished, and what is being done."""

    work: float = 0.0
    cells: int = 0
    doing: str = ""


type Ticking = Callable[[Tick], None]


@dataclass(frozen=True)
class Job:
    """What every group of a study needs, wherever it runs; `wanted` are keys of missing cells."""

    task: str
    study: Any
    data: Any
    store: ResultStore
    wanted: frozenset[str]

    def run(self, group: Group, *, tick: Ticking, stop: Stop) -> None:
        """Runs one group; every row is stored as soon as its cell is finished."""
        TASKS[self.task].running().run(group, self, tick=tick, stop=stop)


class Running(Protocol):
    """The part of a task that computes (a module, or a record)."""

    def prepare(self, study: Any) -> Any:
        """The data of a study. Raises SparsidError for what cannot be run on it."""
        ...

    def cells(self, study: Any, data: Any) -> tuple[Cell[Any], ...]:
        """All cells, in the order in which they are shown."""
        ...

    def groups(self, cells: tuple[Cell[Any], ...]) -> tuple[Group, ...]:
        """The cells by what runs together; it follows from the whole specification alone."""
        ...

    def truth(self, study: Any, data: Any) -> Dataset | None:
        """The record that results are shown beside (truth.nc); None where there is none."""
        ...

    def run(self, group: Any, job: Job, *, tick: Ticking, stop: Stop) -> None:
        """Brings one group to its end; after a stop no row of an unfinished cell is written."""
        ...


def _as_given(tables: dict[str, Any], own: dict[str, Any], source: str) -> dict[str, Any]:
    return tables


@dataclass(frozen=True)
class Task:
    """A kind of study; its modules in `package` are imported when they are first used.

    `check` raises SparsidError for what no single table can see. `by` names what distinguishes the
    results of a configuration besides the seed. `expand(tables, own, source)` turns the tables of
    a file, merged with those of its base, into the tables of `spec`; `own` are the file's own.
    `ready` turns a specification as written into the one to run. `recorded`: study.json holds the
    channels and the sampling time. `files` are written next to the page. `compares`: the module
    `report` has `compare(results, first, second)`, a document that compares two configurations.
    """

    name: str
    spec: type[Table]
    check: Callable[[Any], None]
    package: str
    by: tuple[str, ...] = ()
    expand: Callable[[dict[str, Any], dict[str, Any], str], dict[str, Any]] = _as_given
    ready: Callable[[Any], Any] = lambda study: study
    recorded: bool = True
    files: tuple[str, ...] = ()
    compares: bool = False

    def running(self) -> Running:
        """The module that computes; it needs JAX."""
        return self._module("running")

    def view(self, study: Any, stored: Any) -> Any:
        """The results that `report` reads, from what is stored of one configuration."""
        return self._module("results").view(study, stored)

    def report(self, results: Any) -> "Document":
        """The document of a study's results."""
        return self._module("report").report(results)

    def compare(self, results: Any, first: str, second: str) -> "Document":
        """Two configurations compared, by name. Raises SparsidError where the task has none."""
        if not self.compares:
            raise SparsidError(
                f"`study compare` does not support the task {self.name!r} of {results.folder}; "
                "`study show` compares its pairs."
            )
        return self._module("report").compare(results, first, second)

    def _module(self, name: str) -> Any:
        return import_module(f"{self.package}.{name}")


TASKS: Registry[Task] = Registry("task")
TASKS.add("simulate", "sparsid.study.tasks.simulate.task:SIMULATE")
TASKS.add("prune", "sparsid.study.tasks.prune.task:PRUNE")
TASKS.add("map", "sparsid.study.tasks.map.task:MAP")
