"""Reading a paper's folder: `paper.toml`, and the tables that it names."""

from functools import cache, cached_property
from importlib import resources
from importlib.resources.abc import Traversable

from pydantic import Field

from sparsid._errors import SparsidError
from sparsid._registry import unknown
from sparsid._tables import Table, parse, read_toml
from sparsid.papers.numbers import (
    FreeRuns,
    PublishedNetwork,
    Rows,
    free_runs,
    network,
    read_rows,
)


class FreeRunTables(Table):
    """[free_runs]: names of tables with a row for each configuration; `source` cites them.

    `counted` holds diverged runs out of `runs` by the authors' own count, which reveals misprints
    in `diverged`.
    """

    source: str
    diverged: str
    rfmse: str
    zeros: str
    counted: str
    runs: int = Field(ge=1)


class Family(Table):
    """Rows that have `combined` added to their method, and reference rows (`beside`)."""

    name: str
    combined: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()


class Selection(Table):
    """Rows that a figure of the paper compares; drawn if the study has all of them."""

    name: str
    rows: tuple[str, ...]


class Figures(Table):
    """[figures]: rows whose free runs are drawn first, and families to compare.

    `combined` are the parts of a row's name that are added to a method ("DSR + L1 + SWA").
    """

    free_runs: tuple[str, ...] = ()
    combined: tuple[str, ...] = ()
    families: tuple[Family, ...] = ()
    selections: tuple[Selection, ...] = ()


class NetworkGroup(Table):
    """Networks from the best to the worst, and the table of their errors along their paths."""

    networks: tuple[str, ...]
    path: str


class PrunedTables(Table):
    """[pruned]: tables of pruned networks.

    `stages` maps networks chosen from a path to the corresponding stage of the paper, `full` and
    `best` name the stages before and after pruning. `note` and `choice` are notes of the tables.
    """

    networks: str
    full: str
    best: str
    stages: dict[str, str]
    note: str = ""
    choice: str = ""
    groups: dict[str, NetworkGroup]


class Paper(Table):
    """The data of one paper; `key` is the name of its folder."""

    key: str
    citation: str
    doi: str
    free_runs: FreeRunTables | None = None
    figures: Figures = Figures()
    pruned: PrunedTables | None = None
    demo: dict[str, str] = Field(default_factory=dict)

    @cached_property
    def rows(self) -> dict[str, FreeRuns]:
        """Published free runs by name of configuration; empty if the paper has none."""
        if (named := self.free_runs) is None:
            return {}
        return free_runs(
            diverged=self._read(named.diverged),
            rfmse=self._read(named.rfmse),
            zeros=self._read(named.zeros),
            counted=self._read(named.counted),
            runs=named.runs,
        )

    def group(self, name: str) -> tuple[PublishedNetwork, ...]:
        """Pruned networks of a group, best first. Raises SparsidError for an unknown group."""
        groups = {} if self.pruned is None else self.pruned.groups
        if self.pruned is None or name not in groups:
            raise SparsidError(unknown(f"group of networks of {self.key}", name, groups))
        stages, path = self._read(self.pruned.networks), self._read(groups[name].path)
        return tuple(network(each, stages, path) for each in groups[name].networks)

    def _read(self, table: str) -> Rows:
        return read_rows(_folder(self.key), table)


def papers() -> tuple[str, ...]:
    """Names of the papers that come with the package."""
    folders = resources.files("sparsid.papers").iterdir()
    return tuple(sorted(f.name for f in folders if (f / "paper.toml").is_file()))


def check(name: str) -> None:
    """Raises SparsidError naming the known papers unless `name` is one of them."""
    if name not in papers():
        raise SparsidError(unknown("paper", name, papers()))


@cache
def paper(name: str) -> Paper:
    """The paper called `name`. Raises SparsidError naming the known ones."""
    check(name)
    with resources.as_file(_folder(name) / "paper.toml") as path:
        return parse(Paper, read_toml(path) | {"key": name}, f"{name}/paper.toml")


def presets() -> dict[str, Traversable]:
    """Name -> file of each study that reproduces a paper."""
    files = [
        file
        for name in papers()
        if (_folder(name) / "presets").is_dir()
        for file in (_folder(name) / "presets").iterdir()
        if file.name.endswith(".toml")
    ]
    return {file.name.removesuffix(".toml"): file for file in files}


def _folder(name: str) -> Traversable:
    return resources.files("sparsid.papers") / name
