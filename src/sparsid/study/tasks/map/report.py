"""Tables and page of a study of fitting functions."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sparsid import report
from sparsid.cli.console import number
from sparsid.cli.study_page import write_page_of
from sparsid.evaluation import rate_difference, wilson
from sparsid.report import Table
from sparsid.study.results import StudyResults
from sparsid.study.tasks.map.results import MapResults
from sparsid.study.tasks.simulate.figures import file_name

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def map_tables(results: StudyResults) -> list[Table]:
    """A table for each problem, then the differences within pairs."""
    tables = [
        _problem([c for c in results.configurations if c.problem.name == problem.name])
        for problem in results.study.problem
    ]
    return [table for table in (*tables, _pairs(results)) if table.rows]


def write_map_page(results: StudyResults, tables: list[Table], *, force: bool = False) -> Path:
    """Writes index.html and figures/ into the study's folder; returns the page's path."""
    return write_page_of(results, tables, _figures(results), force=force)


def _problem(found: list[MapResults]) -> Table:
    rows = []
    for one in found:
        errors, below = one.test, one.problem.below
        count = int((errors <= below).sum())
        low, high = wilson(count, len(errors))
        rows.append(
            (
                one.name,
                f"{one.rate:g}",
                str(len(errors)),
                f"{100 * count / len(errors):.3g} [{100 * low:.3g}, {100 * high:.3g}]",
                *(number(float(q)) for q in _quantiles(errors)),
                number(one.rows[0].timings["training_s"] / one.rows[0].timings["together"]),
            )
        )
    if not found:
        return Table("", ("",), [], "")
    problem = found[0].problem
    header = ("configuration", "rate", "starts", f"at most {problem.below:g}, % [95 %]")
    header += ("best", "lower quartile", "median", "upper quartile", "seconds each")
    note = "Test errors are root mean squares in standard deviations of the function. "
    note += f"{problem.activation} units {list(problem.widths)}, {problem.train} points, "
    note += f"{problem.epochs} epochs in batches of {problem.batch}."
    return Table(problem.name, header, rows, note)


def _quantiles(errors: np.ndarray) -> list[float]:
    ordered = np.sort(errors)
    return [ordered[round(share * (len(ordered) - 1))] for share in (0, 0.25, 0.5, 0.75)]


def _pairs(results: StudyResults) -> Table:
    """Each configuration less its pair, start by start, at every rate."""
    rows = []
    for one in results.configurations:
        other = _same(results, one, one.spec.pair)
        if other is None or len(other.rows) != len(one.rows):
            continue
        below = one.problem.below
        happened = ((c.test <= below)[:, None] for c in (one, other))
        difference = rate_difference(*happened, paired=True)
        ratio = float(np.median(one.test / other.test))
        middle, low, high = (
            100 * end for end in (difference.value, difference.low, difference.high)
        )
        rows.append(
            (
                one.problem.name,
                f"{one.name} less {other.name}",
                f"{one.rate:g}",
                f"{middle:+.3g} [{low:+.3g}, {high:+.3g}]",
                number(ratio),
                f"{100 * float((one.test < other.test).mean()):.3g}",
            )
        )
    header = ("problem", "pair", "rate", "difference in % that succeed [95 %]")
    header += ("ratio of errors, median", "better in % of starts")
    note = "Start by start from the same seed; intervals by redrawing starts."
    return Table("Differences", header, rows, note)


def _same(results: StudyResults, one: MapResults, name: str | None) -> MapResults | None:
    place = (one.problem.name, name, one.rate)
    for other in results.configurations:
        if (other.problem.name, other.name, other.rate) == place:
            return other
    return None


def _figures(results: StudyResults) -> "Iterator[tuple[str, str, Figure]]":
    for at, problem in enumerate(results.study.problem):
        panels: dict[str, dict[str, np.ndarray]] = {}
        for one in results.configurations:
            if one.problem.name == problem.name:
                panels.setdefault(f"rate {one.rate:g}", {})[one.name] = one.test
        if panels:
            drawn = report.distributions(
                panels, label="test error [standard deviations]", limit=problem.below
            )
            caption = f"{problem.name}: share of starts whose final error is at most x; dashed: "
            caption += "the error from which a start counts as successful."
            yield f"errors-{at}-{file_name(problem.name)}", caption, drawn
