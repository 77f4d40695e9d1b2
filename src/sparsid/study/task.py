"""The interface of a task (a kind of study): specification, cells, groups, running and report.

Modules that need JAX are imported on first use, so that reading a study does not load it.
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
    """One result of a study; its key is the digest of everything that the result depends on.

    `name` is the configuration's name, `place` the cell's other coordinates in the study ("seed",
    "size"); neither is part of the key. `of` holds what the task computes the result from.
    """

    name: str
    place: Mapping[str, Any]
    specification: dict[str, Any]
    of: T = field(repr=False)

    @cached_property
    def key(self) -> str:
        return digest(self.specification)


class Group(Protocol):
    """Cells that run together in one process; picklable."""

    @property
    def keys(self) -> frozenset[str]:
        """Keys of all cells of the group."""
        ...

    def work(self, wanted: frozenset[str]) -> float:
        """Work needed to finish the `wanted` cells, in the unit of the progress bar."""
        ...


@dataclass(frozen=True)
class Tick:
    """A progress update: work done (see `Group.work`), cells finished, current activity."""

    work: float = 0.0
    cells: int = 0
    doing: str = ""


type Ticking = Callable[[Tick], None]


@dataclass(frozen=True)
class Job:
    """What every executor passes on to run a group; `wanted` are the keys of missing cells."""

    task: str
    study: Any
    data: Any
    store: ResultStore
    wanted: frozenset[str]

    def run(self, group: Group, *, tick: Ticking, stop: Stop) -> None:
        """Runs one group; each row is stored as soon as its cell is finished."""
        TASKS[self.task].running().run(group, self, tick=tick, stop=stop)


class Running(Protocol):
    """The functions of a task that compute (usually a module)."""

    def prepare(self, study: Any) -> Any:
        """The data of a study. Raises SparsidError if the study cannot run on them."""
        ...

    def cells(self, study: Any, data: Any) -> tuple[Cell[Any], ...]:
        """All cells, in the order in which they are shown."""
        ...

    def groups(self, cells: tuple[Cell[Any], ...]) -> tuple[Group, ...]:
        """Cells grouped by what runs together; determined by the complete specification alone."""
        ...

    def truth(self, study: Any, data: Any) -> Dataset | None:
        """The data that results are compared with (truth.nc); None if there are none."""
        ...

    def run(self, group: Any, job: Job, *, tick: Ticking, stop: Stop) -> None:
        """Runs one group; after a stop request no row of an unfinished cell is written."""
        ...


def _as_given(tables: dict[str, Any], own: dict[str, Any], source: str) -> dict[str, Any]:
    return tables


@dataclass(frozen=True)
class Task:
    """A kind of study; its modules in `package` are imported when they are first used.

    `check` raises SparsidError for conflicts between tables. `by` names what distinguishes the
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
