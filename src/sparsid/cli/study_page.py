"""The page of a study: its tables, and the figures that its rows give something for."""

from pathlib import Path
from typing import TYPE_CHECKING

from sparsid import report
from sparsid.cli.study_tables import label, published_tables
from sparsid.study.summary import StudyResults
from sparsid.study.verdicts import diverged_share, pairs

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def write_page(results: StudyResults, tables: list[report.Table]) -> Path:
    """Writes index.html and figures/ into the study's folder; returns the page's path."""
    study = results.study
    note = [text for text in (study.note, _said(results)) if text]
    return report.study_page(
        results.folder,
        title=study.title or study.name,
        note=note,
        tables=tables,
        figures=figures(results),
        files={results.folder / "study.json": "the study's specification"},
    )


def figures(results: StudyResults) -> "list[tuple[str, str, Figure]]":
    """(name, caption, figure) in the order of the page."""
    horizons, theirs = results.horizons, published_tables(results)["divergence_percent"]
    named = {label(found, results): found for found in results.configurations}
    shares = {
        name: [(e.value, e.low, e.high) for e in (diverged_share(c, h) for h in horizons)]
        for name, c in named.items()
    }
    published = {
        name: [None if p is None else p / 100 for p in (theirs[name].get(str(h)) for h in horizons)]
        for name in shares
        if name in theirs
    }
    errors = {name: {h: c.kept_rfmse(h) for h in horizons} for name, c in named.items()}
    found = [
        (
            "diverged_share",
            "Share of free runs that diverged, with 95 % intervals.",
            report.diverged_share(horizons, shares, published=published, dt=results.dt),
        ),
        (
            "errors",
            "RFMSE of the runs that did not diverge.",
            report.error_violins(horizons, errors, dt=results.dt),
        ),
    ]
    if compared := pairs(results):
        labels = [f"{pair.first} less {pair.second}" for pair in compared]
        panels = {
            f"{h} samples": [
                (100 * e.value, 100 * e.low, 100 * e.high)
                for e in (pair.diverged[h] for pair in compared)
            ]
            for h in horizons
        }
        drawn = report.pairs(
            labels, panels, label="difference in diverged runs [percentage points]"
        )
        found.append(("pairs", "Differences within pairs, with 95 % intervals.", drawn))
    return found


def _said(results: StudyResults) -> str:
    done = sum(len(found.rows) for found in results.configurations)
    return f"{done} of {done + results.missing} cells are in these tables."
