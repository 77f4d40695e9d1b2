"""The paper's tables of a path study, network by network beside our best three."""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from sparsid import report
from sparsid.cli.console import number
from sparsid.report import Table
from sparsid.study.results import StudyResults
from sparsid.study.tasks.prune.results import PathResults

BEST = 3
# What is chosen from a path -> the paper's stage of that name.
STAGES = {"last": "fully_pruned", "exploding": "best_pruned", "best": "best_pruned"}
CHOSEN = {
    "last": "last of the path",
    "exploding": "last before the error explodes",
    "best": "least validation error",
}
SHOWN = (
    "Ours: the three of least validation error before pruning, as the paper picks its three of "
    "ten; its records are other ones. "
)
READINGS = "The rule behind the paper's best networks is not stated; both readings are shown."


@dataclass(frozen=True)
class _Pair:
    """One of our best three, and the published network of that rank."""

    ours: PathResults
    at: int  # of our network
    network: str  # N20_1

    def own(self, name: str) -> float:
        return float(self.ours.number(name)[self.at])

    @property
    def nodes(self) -> str:
        return f"K{self.network[1:3]}"


def tables_beside(results: StudyResults) -> Iterator[Table]:
    """Full networks, paths, pruned networks and shares; none without published numbers."""
    paper = results.study.published
    pairs = [
        _Pair(found, at, f"{found.spec.published}_{rank + 1}")
        for found in results.configurations
        if found.spec.published
        for rank, at in enumerate(found.best(BEST))
    ]
    if paper is None or not pairs:
        return
    networks = report.published("networks", paper)
    yield _full(pairs, networks)
    yield _paths(pairs, paper)
    yield _pruned(pairs, networks)
    yield _shares(pairs, networks)


def _full(pairs: list[_Pair], networks: dict[str, dict[str, float | None]]) -> Table:
    header = ("configuration", "published network", *_columns(), "test")
    rows = []
    for pair in pairs:
        theirs = networks[f"full {pair.network}"]
        rows.append((pair.ours.name, pair.network, *_beside(pair, "full", theirs)))
    return Table("The best three full networks beside the published", header, rows, SHOWN)


def _pruned(pairs: list[_Pair], networks: dict[str, dict[str, float | None]]) -> Table:
    header = ("configuration", "network chosen", "published network", *_columns(), "test")
    rows = []
    for reading, stage in STAGES.items():
        for pair in pairs:
            theirs = networks[f"{stage} {pair.network}"]
            row = _beside(pair, reading, theirs)
            rows.append((pair.ours.name, CHOSEN[reading], pair.network, *row))
    return Table("The best three, pruned, beside the published", header, rows, SHOWN + READINGS)


def _shares(pairs: list[_Pair], networks: dict[str, dict[str, float | None]]) -> Table:
    header = ["configuration", "network chosen", "published network"]
    for name in ("removed %", "train, % of full", "validation, % of full"):
        header += [name, f"published {name}"]
    header.append("test, % of full")
    rows = []
    for reading in ("exploding", "best"):
        for pair in pairs:
            full, best = (networks[f"{stage} {pair.network}"] for stage in ("full", "best_pruned"))
            row = [pair.ours.name, CHOSEN[reading], pair.network]
            row.append(number(100 - _share(pair, reading, "left")))
            row.append(number(100 - _percent(best["weights"], full["weights"])))
            for part, theirs in (("train", "E_train"), ("validation", "E_validation")):
                row.append(number(_share(pair, reading, part)))
                row.append(number(_percent(best[theirs], full[theirs])))
            rows.append((*row, number(_share(pair, reading, "test"))))
    return Table("Shares of the best pruned networks", header, rows, SHOWN + READINGS)


def _paths(pairs: list[_Pair], paper: str) -> Table:
    header = ["configuration", "published network", "removed"]
    header += ["train", "published train", "validation", "published validation", "test"]
    rows = []
    for pair in pairs:
        theirs = report.published(f"pruning_{pair.nodes}", paper)
        series = pair.ours.rows[pair.at].series
        ours = int(series["left"][0] - series["left"][-1])
        for removed in range(10, max(ours, *map(int, theirs)) + 1, 10):
            said = theirs.get(str(removed), {})
            row = [pair.ours.name, pair.network, str(removed)]
            for part, name in (("train", "E_train"), ("validation", "E_validation")):
                row.append(number(float(pair.ours.at_removed(part, removed)[pair.at])))
                row.append(number(said.get(f"{pair.network}_{name}"), 4))
            row.append(number(float(pair.ours.at_removed("test", removed)[pair.at])))
            if any(cell != "-" for cell in row[3:]):
                rows.append(row)
    return Table("Errors after the removal of so many weights, the best three", header, rows, SHOWN)


def _columns() -> Iterator[str]:
    for name in ("weights", "train", "validation"):
        yield name
        yield f"published {name}"


def _beside(pair: _Pair, reading: str, theirs: dict[str, float | None]) -> Iterator[str]:
    """Cells under `_columns` and the test error."""
    for part, name in (("left", "weights"), ("train", "E_train"), ("validation", "E_validation")):
        yield number(pair.own(f"{reading}_{part}"))
        yield number(theirs[name], 6)
    yield number(pair.own(f"{reading}_test"))


def _share(pair: _Pair, reading: str, part: str) -> float:
    return _percent(pair.own(f"{reading}_{part}"), pair.own(f"full_{part}"))


def _percent(part: float | None, whole: float | None) -> float:
    return np.nan if part is None or whole is None else 100 * part / whole
