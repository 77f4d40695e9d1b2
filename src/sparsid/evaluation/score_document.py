"""The scores of free runs as a document, and as plain data for JSON."""

from collections.abc import Mapping
from typing import Any

from sparsid.evaluation.intervals import rate_interval
from sparsid.evaluation.metrics import HorizonScore
from sparsid.graph.sparsity import Sparsity
from sparsid.report.document import Cell, Document, Range, Table

COLUMNS = ("horizon", "runs", "diverged", "95 % interval", "RFMSE mean", "RFMSE std")


def score_document(
    scores: Mapping[int, HorizonScore], zeros: Sparsity, *, members: int, trajectories: int
) -> Document:
    """A row for each horizon, and the share of zero weights."""
    title = f"Free runs of {members} members over {trajectories} trajectories"
    note = (
        f"exactly zero: {zeros.zero_share:.1%} of weights; non-zero, median of members: "
        f"{zeros.nonzero_median:g}; smaller than {zeros.below:g}: {zeros.small_share:.1%}"
    )
    rows = [_row(score) for score in scores.values()]
    return Document(title, tables=(Table(title, COLUMNS, rows, note),))


def score_data(
    scores: Mapping[int, HorizonScore], zeros: Sparsity, *, members: int, trajectories: int
) -> dict[str, Any]:
    """The same as lists and numbers."""
    return {
        "runs": members * trajectories,
        "exact_zero_share": zeros.zero_share,
        "nonzero": sum(zeros.nonzero),
        "nonzero_by_member": list(zeros.nonzero),
        "horizons": {
            str(horizon): {
                "runs": score.runs,
                "diverged": score.diverged_count,
                "rfmse_mean": score.rfmse_mean,
                "rfmse_std": score.rfmse_std,
            }
            for horizon, score in scores.items()
        },
    }


def _row(score: HorizonScore) -> tuple[Cell, ...]:
    counted = score.counted.all(axis=0)  # trajectories that reach the horizon
    low, high = (100 * end for end in rate_interval(score.diverged[:, counted]))
    interval = Range(low, high, decimals=1, unit="%")
    counts = (score.horizon, score.runs, score.diverged_count)
    return (*counts, interval, score.rfmse_mean, score.rfmse_std)
