"""Figures that others have published for the same plant; tables/README.md names their source."""

import csv
from importlib import resources

from sparsid._errors import SparsidError
from sparsid._registry import unknown

TABLES = {
    "haugstvedt2023": (
        "divergence_percent",
        "diverged_of_400_authors_notebook",
        "rfmse",
        "sparsity_percent",
    ),
    "chaber2018": ("networks", "pruning_K20", "pruning_K30"),
}
RUNS = 400  # behind every share that haugstvedt2023 prints
LABELS = ("model", "stage", "network", "removed")  # columns that name a row


def published(table: str, paper: str = "haugstvedt2023") -> dict[str, dict[str, float | None]]:
    """Row -> column -> number of a paper's table; None where the paper gives none.

    haugstvedt2023: `divergence_percent` has the columns 100, 1000, 2500 and 5000 (samples), `rfmse`
    each of these with `_mean` and `_std`, `sparsity_percent` has `exact_zeros_percent`;
    `diverged_of_400_authors_notebook` counts runs at the same horizons. Rows are "Dense", "L1",
    "Magnitude pruning" and so on. chaber2018: `networks` has a row for each stage and network
    ("full N20_1") with `weights`, `E_train` and `E_validation`; `pruning_K20` and `pruning_K30` one
    for each number of removed weights. Raises SparsidError for another table.
    """
    if table not in TABLES.get(paper, ()):
        known = [name for names in TABLES.values() for name in names]
        raise SparsidError(unknown("published table", table, known))
    file = resources.files("sparsid.report") / "tables" / f"{paper}_{table}.csv"
    rows = csv.DictReader(file.read_text(encoding="utf-8").splitlines())
    return {
        " ".join(row.pop(name) for name in LABELS if name in row): {
            name: float(text) if text else None for name, text in row.items()
        }
        for row in rows
    }


def recounted() -> dict[str, dict[str, float | None]]:
    """Rows of haugstvedt2023's divergence table that its authors' own counts contradict.

    Row -> horizon -> percent by those counts, all horizons of a row where any is further from the
    printed number than rounding. tables/README.md says how the slips came about.
    """
    printed = published("divergence_percent")
    counted = published("diverged_of_400_authors_notebook")
    found: dict[str, dict[str, float | None]] = {}
    for name, row in counted.items():
        shares = {at: 100 * count / RUNS for at, count in row.items() if count is not None}
        if any(_apart(printed[name][at], share) for at, share in shares.items()):
            found[name] = {**shares}
    return found


def _apart(printed: float | None, counted: float) -> bool:
    """Whether they differ by more than half a run, which is all that rounding can do."""
    return printed is not None and abs(printed - counted) > 100 / RUNS / 2
