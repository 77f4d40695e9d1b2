"""Published numbers as typed records, read from the CSV files of a paper."""

import csv
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from importlib.resources.abc import Traversable
from typing import Any

type Rows = list[dict[str, str]]


@dataclass(frozen=True)
class FreeRuns:
    """Published results of one configuration; keys are horizons in samples.

    `diverged` and `zeros` are in % of the runs and of the weights, `rfmse` mean and standard
    deviation over the runs that did not diverge. Where the printed row is a misprint, `counted` are
    the shares by the authors' own counts.
    """

    diverged: Mapping[int, float]
    rfmse: Mapping[int, tuple[float, float]]
    zeros: float | None
    counted: Mapping[int, float] | None = None

    @property
    def corrected(self) -> Mapping[int, float]:
        """Shares of diverged runs in %; by the authors' counts where the row is a misprint."""
        return self.diverged if self.counted is None else self.counted


@dataclass(frozen=True)
class NetworkErrors:
    """Remaining weights and errors of a published network; None where the paper gives none."""

    left: float | None = None
    train: float | None = None
    validation: float | None = None


@dataclass(frozen=True)
class PublishedNetwork:
    """A pruned network: its errors by stage, and by number of removed weights."""

    name: str
    stages: Mapping[str, NetworkErrors]
    path: Mapping[int, NetworkErrors]


def read_rows(folder: Traversable, table: str) -> Rows:
    """The rows of a paper's table, column -> text."""
    text = (folder / "tables" / f"{table}.csv").read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


def free_runs(
    *, diverged: Rows, rfmse: Rows, zeros: Rows, counted: Rows, runs: int
) -> dict[str, FreeRuns]:
    """Row -> its numbers; `counted` are diverged runs out of `runs` by the authors' own count."""
    errors, shares = (_by_name(table) for table in (rfmse, zeros))
    counts = {
        name: {int(at): 100 * number / runs for at, number in row.items()}
        for name, row in _by_name(counted).items()
    }
    found = {}
    for name, row in _by_name(diverged).items():
        printed = {int(at): share for at, share in row.items()}
        own = counts.get(name, {})
        found[name] = FreeRuns(
            printed,
            _spreads(errors.get(name, {})),
            next(iter(shares.get(name, {}).values()), None),
            own if _differ(printed, own, runs) else None,
        )
    return found


def network(name: str, stages: Rows, path: Rows) -> PublishedNetwork:
    """The network `name` from the tables of stages and of errors by removed weights."""
    named = f"{name}_"
    return PublishedNetwork(
        name,
        {row["stage"]: _errors(row) for row in stages if row["network"] == name},
        {
            int(row["removed"]): _errors({c.removeprefix(named): text for c, text in row.items()})
            for row in path
        },
    )


def _errors(row: Mapping[str, str]) -> NetworkErrors:
    columns = (row.get(name) for name in ("weights", "train", "validation"))
    return NetworkErrors(*(float(text) if text else None for text in columns))


def _by_name(rows: Iterable[Mapping[str, str]]) -> dict[str, dict[str, float]]:
    """Name of a row -> column -> number; empty cells are left out."""
    found = {}
    for row in rows:
        name, *columns = row.items()
        found[name[1]] = {column: float(text) for column, text in columns if text}
    return found


def _spreads(row: Mapping[str, float]) -> dict[int, tuple[float, float]]:
    horizons = [int(name.removesuffix("_mean")) for name in row if name.endswith("_mean")]
    return {at: (row[f"{at}_mean"], row[f"{at}_std"]) for at in horizons}


def _differ(printed: Mapping[int, float], counted: Mapping[int, Any], runs: int) -> bool:
    """Whether any differ by more than half a run, the largest effect of rounding."""
    half = 100 / runs / 2
    return any(abs(printed[at] - share) > half for at, share in counted.items() if at in printed)
