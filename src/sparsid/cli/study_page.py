"""The page of a study, and beside it what is too long for a table."""

import csv
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

import numpy as np

from sparsid import report
from sparsid._files import written_whole
from sparsid.cli.outputs import EXITS, EXITS_HEADER, check_figures
from sparsid.study.results import StudyResults
from sparsid.study.tasks.simulate.figures import Drawn, figures


def write_page(results: StudyResults, tables: list[report.Table], *, force: bool = False) -> Path:
    """Writes index.html and figures/ into the study's folder; returns the page's path."""
    files: dict[str | Path, str] = {}
    if any(found.has("long_exit_sample") for found in results.configurations):
        with (
            written_whole(results.folder / EXITS) as part,
            part.open("w", encoding="utf-8", newline="") as file,
        ):
            csv.writer(file, lineterminator="\n").writerows(exits(results))
        files[results.folder / EXITS] = "every long run that left the box: when, and in which state"
    return write_page_of(results, tables, figures(results), files, force=force)


def write_page_of(
    results: StudyResults,
    tables: list[report.Table],
    drawn: "Iterable[Drawn]",
    files: Mapping[str | Path, str] = MappingProxyType({}),
    *,
    force: bool = False,
) -> Path:
    """The page of a study of any kind, with what has been drawn of it; `files` beside its own.

    Raises SparsidError where a figure would replace one of somebody else, unless `force` is given.
    """
    study, drawn = results.study, list(drawn)
    check_figures(results.folder / "figures", [name for name, _, _ in drawn], force=force)
    return report.study_page(
        results.folder,
        title=study.title or study.name,
        note=said(results),
        tables=tables,
        figures=drawn,
        files={results.folder / "study.json": "the study's specification", **files},
    )


def exits(results: StudyResults) -> Iterator[tuple[object, ...]]:
    """Rows, a header first: a long run that left the box of the training data, when and in what."""
    yield tuple(EXITS_HEADER.split(","))
    for found in results.configurations:
        if not found.has("long_exit_sample"):
            continue
        sample, state = found.series("long_exit_sample"), found.series("long_exit_state")
        lost = found.series("long_diverged")
        for at, run in np.argwhere(sample >= 0):
            when, what = int(sample[at, run]), results.states[int(state[at, run])]
            seed, fate = found.seeds[at], int(lost[at, run])
            time = f"{when * results.dt:g}"
            yield found.name, found.size, seed, run, when, time, what, fate


def said(results: StudyResults) -> list[str]:
    """What is to be known of the tables: the study's note, how many cells, what they took."""
    done = sum(len(found.rows) for found in results.configurations)
    rows = [row for found in results.configurations for row in found.rows]
    versions = sorted({" ".join(f"{k} {v}" for k, v in row.versions.items()) for row in rows})
    text = f"{done} of {done + results.missing} cells are in these tables."
    return [part for part in (results.study.note, text, "; ".join(versions)) if part]
