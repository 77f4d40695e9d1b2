"""Comparison with the paper that a study names: published rows, misprints and agreement."""

from collections.abc import Collection, Mapping

from sparsid.papers import FreeRuns, paper
from sparsid.report.document import Table
from sparsid.study.results import StudyResults
from sparsid.study.tasks.simulate.results import ConfigurationResults, at_largest, sizes
from sparsid.study.tasks.simulate.verdicts import Agreement, agreements

CLOSE = 5.0  # largest difference of shares of zeros that agree, in percentage points


def published_rows(results: StudyResults) -> Mapping[str, FreeRuns]:
    """Published rows by name; none if the study names no paper."""
    named = results.study.published
    return {} if named is None else paper(named).rows


def published_row(found: ConfigurationResults, results: StudyResults) -> FreeRuns | None:
    """The published row of the same name; only for a configuration at the largest size."""
    return published_rows(results).get(found.name) if found.size == sizes(results)[-1] else None


def misprints(results: StudyResults, names: Collection[str]) -> str:
    """Configurations whose printed shares are misprints, with the shares by authors' counts."""
    content = []
    for name, row in published_rows(results).items():
        counted = row.counted or {}
        shares = [counted[h] for h in results.study.horizons if h in counted]
        if name in names and shares:
            content.append(f"{name} ({', '.join(f'{share:g}' for share in shares)} %)")
    return " and ".join(content)


def agreement_table(results: StudyResults) -> Table:
    """For each published row: whether it agrees, where not, and the known departure."""
    theirs = published_rows(results)
    judged, rows = agreements(results, theirs), []
    for name in dict.fromkeys(a.name for a in judged):
        content = []
        for measure in ("diverged", "rfmse"):
            of = [a for a in judged if a.name == name and a.measure == measure]
            away = ", ".join(_away(a, theirs[name]) for a in of if not a.agrees)
            content.append(None if not of else f"not at {away}" if away else "agrees")
        zeros = _zeros(at_largest(results)[name], theirs[name].zeros)
        differs = any(text is not None and text.startswith("not") for text in (*content, zeros))
        departure = at_largest(results)[name].spec.departure or ("unexplained" if differs else None)
        rows.append((name, *content, zeros, departure))
    note = "Agrees: the published number lies within our 95 % interval, widened by sqrt(2) because "
    note += f"theirs is as uncertain as ours; for zeros, within {CLOSE:g} percentage points."
    if misprinted := misprints(results, at_largest(results)):
        note += " Where the printed shares of diverged runs are misprints, the authors' own counts "
        note += f"are used: {misprinted}."
    columns = ("configuration", "diverged", "RFMSE", "exact zeros", "known departure")
    return Table("Agreement with published results", columns, rows, note)


def _zeros(found: ConfigurationResults, published: float | None) -> str | None:
    if published is None:
        return None
    ours = 100 * float(found.number(lambda s: s.weights.zero_share).mean())
    agrees = abs(ours - published) <= CLOSE
    return "agrees" if agrees else f"not ({_number(ours)} %, published {published:g} %)"


def _away(agreement: Agreement, row: FreeRuns) -> str:
    ours, theirs, unit, by = agreement.expected.value, agreement.published, "", "published"
    if agreement.measure == "diverged":
        ours, theirs, unit = 100 * ours, 100 * theirs, " %"
        by = by if row.counted is None else "counted"
    return f"{agreement.horizon} ({_number(ours)}{unit}, {by} {theirs:g}{unit})"


def _number(value: float) -> str:
    return "-" if value != value else f"{value:.3g}"
