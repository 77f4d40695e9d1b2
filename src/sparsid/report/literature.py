"""Figures that others have published for the same plant; tables/README.md names their source."""

import csv
from importlib import resources

from sparsid._errors import SparsidError
from sparsid._registry import unknown

_PREFIX = "haugstvedt2023_"
TABLES = (
    "divergence_percent",
    "diverged_of_400_authors_notebook",
    "rfmse",
    "sparsity_percent",
)


def published(table: str) -> dict[str, dict[str, float | None]]:
    """Row -> column -> number of a table of haugstvedt2023; None where the paper gives none.

    `divergence_percent` has the columns 100, 1000, 2500 and 5000 (samples), `rfmse` each of these
    with `_mean` and `_std`, `sparsity_percent` has `exact_zeros_percent`;
    `diverged_of_400_authors_notebook` counts runs at the same horizons. Rows are "Dense", "L1",
    "Magnitude pruning" and so on. Raises SparsidError for another table.
    """
    if table not in TABLES:
        raise SparsidError(unknown("published table", table, TABLES))
    file = resources.files("sparsid.report") / "tables" / f"{_PREFIX}{table}.csv"
    rows = csv.DictReader(file.read_text(encoding="utf-8").splitlines())
    return {
        row.pop("model"): {name: float(text) if text else None for name, text in row.items()}
        for row in rows
    }
