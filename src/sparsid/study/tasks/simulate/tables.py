"""Tables of a study, for the console and for the page alike."""

from collections.abc import Collection, Mapping, Sequence

import numpy as np

from sparsid import report
from sparsid.cli.console import number
from sparsid.evaluation import Estimate, agreement
from sparsid.report import Table
from sparsid.report.literature import recounted
from sparsid.study.results import StudyResults
from sparsid.study.tasks.simulate.results import ConfigurationResults
from sparsid.study.tasks.simulate.spec import ClaimSpec
from sparsid.study.tasks.simulate.verdicts import (
    Agreement,
    Comparison,
    Published,
    agreements,
    diverged_share,
    pairs,
    verdicts,
)

CLOSE = 5.0  # percentage points: shares of zeros that agree


def tables(results: StudyResults) -> list[Table]:
    """All tables that the rows stored so far give something for."""
    compared, judged = pairs(results), verdicts(results)
    found = [_divergence(results), _rfmse(results), _weights(results), _starts(results)]
    if any(c.has("long_rfmse") for c in results.configurations):
        found.append(_long(results))
    if results.study.published is not None:
        found.append(_agreement(results))
    if compared:
        found.append(comparison(compared))
    if judged:
        header = ("claim", "measure", "horizon", "difference [95 %]", "verdict")
        rows = [
            (
                v.claim.text,
                f"{v.claim.measure}: {_sides(v.claim)}",
                v.claim.horizon,
                _difference(v.difference, percent=v.claim.measure == "diverged"),
                v.verdict,
            )
            for v in judged
        ]
        found.append(Table("Claims", header, rows, "Holds: the interval leaves zero out."))
    return [table for table in found if table.rows]


def _sides(claim: ClaimSpec) -> str:
    """Who is compared, with the sizes that the claim names."""
    mine, theirs = claim.size, claim.than_size or claim.size
    better, than = (
        name if size is None else f"{name}, {size} trajectories"
        for name, size in ((claim.better, mine), (claim.than, theirs))
    )
    return f"{better} less {than}"


def comparison(compared: Sequence[Comparison]) -> Table:
    """First less second, a row for each pair and measure."""
    horizons = list(dict.fromkeys(h for c in compared for h in c.diverged))
    rows = []
    for pair in compared:
        name = f"{pair.first} less {pair.second}"
        for measure, given in (("diverged %", pair.diverged), ("RFMSE", pair.rfmse)):
            cells = (_difference(given[h], percent=measure[0] == "d") for h in horizons)
            rows.append((name, "yes" if pair.paired else "no", measure, *cells))
    note = "95 % intervals by redrawing networks and trajectories; paired: networks by seed. "
    note += "RFMSE: over the runs that neither diverged, where networks are paired; else over each "
    note += "one's own."
    header = ("pair", "paired", "measure", *map(str, horizons))
    return Table("Differences", header, rows, note)


def published_tables(results: StudyResults) -> dict[str, Published]:
    """The published tables that the study names; empty ones where it names none."""
    names = ("divergence_percent", "rfmse", "sparsity_percent")
    if results.study.published is None:
        return {name: {} for name in names}
    return {name: report.published(name) for name in names}


def fair_divergence(results: StudyResults) -> Published:
    """The published shares that ours are judged by: of rows that are slips the authors' counts."""
    theirs = published_tables(results)["divergence_percent"]
    return {**theirs, **recounted()} if theirs else {}


def slips(results: StudyResults, names: Collection[str]) -> str:
    """The configurations of which the printed shares are slips, with the authors' counts."""
    if results.study.published is None:
        return ""
    said = []
    for name, row in recounted().items():
        shares = [row[str(h)] for h in results.horizons if row.get(str(h)) is not None]
        if name in names and shares:
            said.append(f"{name} ({', '.join(f'{share:g}' for share in shares)} %)")
    return " and ".join(said)


def label(found: ConfigurationResults, results: StudyResults) -> str:
    """The configuration's name, with its size where there are several."""
    return found.name if len(results.sizes) < 2 else f"{found.name}, {found.size} trajectories"


def _divergence(results: StudyResults) -> Table:
    theirs = published_tables(results)["divergence_percent"]
    printed = [h for h in results.horizons if _any(theirs, results, str(h))]
    header, rows = ["configuration", "networks"], []
    for horizon in results.horizons:
        header += [str(horizon)] + [f"published\n{horizon}"] * (horizon in printed)
    for found in results.configurations:
        row = [label(found, results), str(len(found.rows))]
        for horizon in results.horizons:
            ours = diverged_share(found, horizon)
            row.append(f"{100 * ours.value:.3g} [{100 * ours.low:.3g}, {100 * ours.high:.3g}]")
            if horizon in printed:
                row.append(_published(theirs, found, results, str(horizon)))
        rows.append(row)
    note = "Intervals: 95 %, the wider of a two-way bootstrap and Wilson's."
    if rows_of_slips := slips(results, results.whole):
        note += f" Published numbers stand as printed; the authors counted {rows_of_slips}."
    return Table("Diverged free runs in %, by horizon in samples", header, rows, note)


def _rfmse(results: StudyResults) -> Table:
    theirs = published_tables(results)["rfmse"]
    printed = [h for h in results.horizons if _any(theirs, results, f"{h}_mean")]
    header, rows = ["configuration"], []
    for horizon in results.horizons:
        header += [str(horizon)] + [f"published\n{horizon}"] * (horizon in printed)
    for found in results.configurations:
        row = [label(found, results)]
        for horizon in results.horizons:
            kept = found.kept_rfmse(horizon)
            row.append(f"{kept.mean():.3g} ± {kept.std():.2g}" if kept.size else "-")
            if horizon in printed:
                mean, std = (
                    _published(theirs, found, results, f"{horizon}_{part}")
                    for part in ("mean", "std")
                )
                row.append("-" if mean == "-" else f"{mean} ± {std}")
        rows.append(row)
    note = "Mean ± standard deviation over the runs that did not diverge, in training standard "
    return Table("RFMSE by horizon in samples", header, rows, note + "deviations.")


def _weights(results: StudyResults) -> Table:
    theirs = published_tables(results)["sparsity_percent"]
    printed = _any(theirs, results, "exact_zeros_percent")
    header = ["configuration", "exactly zero %", "below 1e-3 %", "non-zero", "weights"]
    header += ["published zero %"] if printed else []
    rows = []
    for found in results.configurations:
        zero, small = found.number("zero_share"), found.number("small_share")
        row = [
            label(found, results),
            number(100 * float(zero.mean())),
            number(100 * float(small.mean())),
            f"{np.median(found.number('nonzero')):g}",
            f"{found.number('weights')[0]:g}",
        ]
        if printed:
            row.append(_published(theirs, found, results, "exact_zeros_percent"))
        rows.append(row)
    note = "Non-zero: median of the networks; biases are not counted."
    return Table("Weights", header, rows, note)


def _starts(results: StudyResults) -> Table:
    """How much the networks of one configuration differ among themselves."""
    last, rows = results.horizons[-1], []
    for found in results.configurations:
        if found.spec.baseline is not None or not found.has("train_loss"):
            continue
        structured = found.has("links")
        rows.append(
            (
                label(found, results),
                *(_range(found.last(name)) for name in ("train_loss", "validation_loss")),
                _range(found.by_seed(last)[0]),
                _range(found.number("live_weights")),
                number(agreement(found.series("links") > 0)) if structured else "-",
            )
        )
    header = ("configuration", "training loss", "validation loss", f"RFMSE at {last}")
    note = (
        "Median [lowest, highest] of the networks. Live weights lie on a path of nonzero weights "
    )
    note += "from an input to an output; agreement is the mean Jaccard similarity of the networks' "
    note += "links (which input feeds which state)."
    return Table("Spread over starts", (*header, "live weights", "agreement"), rows, note)


def _range(values: np.ndarray) -> str:
    known = values[np.isfinite(values)]
    if not known.size:
        return "-"
    return f"{np.median(known):.3g} [{known.min():.3g}, {known.max():.3g}]"


def _long(results: StudyResults) -> Table:
    evaluate = results.study.evaluate
    header = ("configuration", "runs", "diverged", "not finite", "left the box", "RFMSE, median")
    rows = []
    for found in results.configurations:
        sums = (
            f"{found.number(f'long_{name}').sum():g}"
            for name in ("runs", "diverged", "nonfinite", "left_box")
        )
        errors = found.series("long_rfmse")
        middle = np.median(np.where(np.isnan(errors), np.inf, errors))
        rows.append((label(found, results), *sums, number(float(middle))))
    title = f"Fresh free runs of {evaluate.long_samples} samples"
    return Table(title, header, rows, "The box is that of the training data, and 5 % around it.")


def _agreement(results: StudyResults) -> Table:
    """For each published row: agrees or not, where not, and what is known to differ."""
    theirs = published_tables(results)
    judged = agreements(results, divergence_percent=fair_divergence(results), rfmse=theirs["rfmse"])
    counted, rows = recounted(), []
    for name in dict.fromkeys(a.name for a in judged):
        mine = [a for a in judged if a.name == name]
        said = []
        for measure in ("diverged", "rfmse"):
            of = [a for a in mine if a.measure == measure]
            by = "counted" if measure == "diverged" and name in counted else "published"
            away = ", ".join(_away(a, by) for a in of if not a.agrees)
            said.append("-" if not of else f"not at {away}" if away else "agrees")
        zeros = _zeros(results.whole[name], theirs["sparsity_percent"].get(name, {}))
        odd = any(text.startswith("not") for text in (*said, zeros))
        departure = results.whole[name].spec.departure or ("unexplained" if odd else "-")
        rows.append((name, *said, zeros, departure))
    note = "Agrees: the published number lies within our 95 % interval, widened by sqrt(2) because "
    note += f"theirs is as uncertain as ours; for zeros, within {CLOSE:g} percentage points."
    if rows_of_slips := slips(results, results.whole):
        note += " Rows whose printed shares of diverged runs are slips are judged by the authors' "
        note += f"own counts: {rows_of_slips}."
    header = ("configuration", "diverged", "RFMSE", "exact zeros", "known departure")
    return Table("Ours against the published", header, rows, note)


def _zeros(found: ConfigurationResults, theirs: Mapping[str, float | None]) -> str:
    published = theirs.get("exact_zeros_percent")
    ours = 100 * float(found.number("zero_share").mean())
    if published is None:
        return "-"
    near = abs(ours - published) <= CLOSE
    return "agrees" if near else f"not ({number(ours)} %, published {published:g} %)"


def _away(agreement: Agreement, by: str) -> str:
    ours, theirs, unit = agreement.expected.value, agreement.published, ""
    if agreement.measure == "diverged":
        ours, theirs, unit = 100 * ours, 100 * theirs, " %"
    return f"{agreement.horizon} ({number(ours)}{unit}, {by} {theirs:g}{unit})"


def _any(table: Published, results: StudyResults, column: str) -> bool:
    """Whether any configuration has a published number in this column."""
    return any(_published(table, c, results, column) != "-" for c in results.configurations)


def _published(
    table: Published, found: ConfigurationResults, results: StudyResults, column: str
) -> str:
    """Their number, beside our configuration of that name at full size only."""
    if found.size != results.sizes[-1]:
        return "-"
    value = table.get(found.name, {}).get(column)
    return "-" if value is None else f"{value:g}"


def _difference(given: Estimate, *, percent: bool) -> str:
    if np.isnan(given.value):
        return "-"
    scale = 100.0 if percent else 1.0
    middle, low, high = (scale * end for end in (given.value, given.low, given.high))
    return f"{middle:+.3g} [{low:+.3g}, {high:+.3g}]"
