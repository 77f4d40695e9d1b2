"""The document of a study of fitting functions."""

from collections.abc import Iterator

import numpy as np

from sparsid.evaluation import rate_difference, wilson
from sparsid.report.document import Document, Quantity, Share, Table
from sparsid.report.figures import ErrorDistributions
from sparsid.study.documents import Drawn, document_of, file_name
from sparsid.study.results import StudyResults
from sparsid.study.tasks.map.results import MapResults


def report(results: StudyResults) -> Document:
    """A table and a figure for each problem, and the differences within pairs."""
    return document_of(results, tables(results), _figures(results))


def tables(results: StudyResults) -> Iterator[Table]:
    """A table for each problem, then the differences within pairs."""
    for problem in results.study.problem:
        found = [c for c in results.configurations if c.problem.name == problem.name]
        if found:
            yield _problem(found)
    yield _pairs(results)


def _problem(found: list[MapResults]) -> Table:
    rows = []
    for one in found:
        errors, timings = one.test, one.rows[0].timings
        count = int((errors <= one.problem.below).sum())
        share = Share(count / len(errors), *wilson(count, len(errors)))
        quantiles = (Quantity(float(q)) for q in _quantiles(errors))
        seconds = Quantity(timings["training_s"] / timings["together"])
        rate = Quantity(one.rate, 6)
        rows.append((one.name, rate, len(errors), share, *quantiles, seconds))
    problem = found[0].problem
    columns = ("configuration", "rate", "starts", f"at most {problem.below:g}, % [95 %]")
    columns += ("best", "lower quartile", "median", "upper quartile", "seconds each")
    note = "Test errors are root mean squares in standard deviations of the function. "
    note += f"{problem.activation} units {list(problem.widths)}, {problem.train} points, "
    note += f"{problem.epochs} epochs in batches of {problem.batch}."
    return Table(problem.name, columns, rows, note)


def _quantiles(errors: np.ndarray) -> list[float]:
    ordered = np.sort(errors)
    return [ordered[round(share * (len(ordered) - 1))] for share in (0, 0.25, 0.5, 0.75)]


def _pairs(results: StudyResults) -> Table:
    """Differences between each configuration and its pair, start by start, at every rate."""
    rows = []
    for one in results.configurations:
        other = _same(results, one, one.spec.pair)
        if other is None or len(other.rows) != len(one.rows):
            continue
        below = one.problem.below
        successes = ((c.test <= below)[:, None] for c in (one, other))
        difference = rate_difference(*successes, paired=True)
        rows.append(
            (
                one.problem.name,
                f"{one.name} minus {other.name}",
                Quantity(one.rate, 6),
                Share(difference.value, difference.low, difference.high, signed=True),
                Quantity(float(np.median(one.test / other.test))),
                Share(float((one.test < other.test).mean())),
            )
        )
    columns = ("problem", "pair", "rate", "difference in success rate, % [95 %]")
    columns += ("ratio of errors, median", "better in % of starts")
    note = "Starts are paired by seed; intervals by bootstrap over starts."
    return Table("Differences", columns, rows, note)


def _same(results: StudyResults, one: MapResults, name: str | None) -> MapResults | None:
    place = (one.problem.name, name, one.rate)
    for other in results.configurations:
        if (other.problem.name, other.name, other.rate) == place:
            return other
    return None


def _figures(results: StudyResults) -> Iterator[Drawn]:
    for at, problem in enumerate(results.study.problem):
        panels: dict[str, dict[str, np.ndarray]] = {}
        for one in results.configurations:
            if one.problem.name == problem.name:
                panels.setdefault(f"rate {one.rate:g}", {})[one.name] = one.test
        if panels:
            drawing = ErrorDistributions(
                panels, label="test error [standard deviations]", limit=problem.below
            )
            caption = f"{problem.name}: share of starts with a final error of at most x; dashed: "
            caption += "the largest error of a successful start."
            yield f"errors-{at}-{file_name(problem.name)}", caption, drawing
