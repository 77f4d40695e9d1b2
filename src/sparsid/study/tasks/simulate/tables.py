"""Tables of a study of simulators, as typed cells."""

from collections.abc import Iterator, Sequence

import numpy as np

from sparsid.evaluation import Estimate, agreement
from sparsid.report.document import Cell, Interval, Quantity, Share, Spread, Table
from sparsid.study.results import StudyResults
from sparsid.study.tasks.simulate.published import agreement_table, misprints, published_row
from sparsid.study.tasks.simulate.results import ConfigurationResults, at_largest, sizes
from sparsid.study.tasks.simulate.spec import ClaimSpec
from sparsid.study.tasks.simulate.verdicts import Comparison, diverged_share, pairs, verdicts

EXACT = 6  # significant digits of a number that is given, not estimated


def tables(results: StudyResults) -> tuple[Table, ...]:
    """All tables that have rows."""
    found = [_divergence(results), _rfmse(results), _weights(results), _starts(results)]
    if any(c.has(lambda s: s.long and s.long.rfmse) for c in results.configurations):
        found.append(_long(results))
    if results.study.published is not None:
        found.append(agreement_table(results))
    found += [comparison(pairs(results)), _claims(results)]
    return tuple(table for table in found if table.rows)


def comparison(compared: Sequence[Comparison]) -> Table:
    """First minus second, a row for each pair and measure."""
    horizons = list(dict.fromkeys(h for c in compared for h in c.diverged))
    rows = []
    for pair in compared:
        name, paired = f"{pair.first} minus {pair.second}", "yes" if pair.paired else "no"
        diverged = (_share_difference(pair.diverged[h]) for h in horizons)
        errors = (_difference(pair.rfmse[h]) for h in horizons)
        rows.append((name, paired, "diverged %", *diverged))
        rows.append((name, paired, "RFMSE", *errors))
    note = "95 % intervals by bootstrap over networks and trajectories; paired: networks by seed. "
    note += "RFMSE: if paired, over the runs that diverged in neither; otherwise over each "
    note += "configuration's runs that did not diverge."
    columns = ("pair", "paired", "measure", *map(str, horizons))
    return Table("Differences", columns, rows, note)


def label(found: ConfigurationResults, results: StudyResults) -> str:
    """The configuration's name, with its size if the study has several."""
    return found.name if len(sizes(results)) < 2 else f"{found.name}, {found.size} trajectories"


def _divergence(results: StudyResults) -> Table:
    published = [published_row(found, results) for found in results.configurations]
    printed = [
        h for h in results.study.horizons if any(row and h in row.diverged for row in published)
    ]
    rows = []
    for found, theirs in zip(results.configurations, published, strict=True):
        row: list[Cell] = [label(found, results), len(found.rows)]
        for horizon in results.study.horizons:
            row.append(_share(diverged_share(found, horizon)))
            if horizon in printed:
                given = None if theirs is None else theirs.diverged.get(horizon)
                row.append(None if given is None else Share(given / 100, digits=EXACT))
        rows.append(row)
    note = "Intervals: 95 %, the wider of a two-way bootstrap and Wilson's."
    if misprinted := misprints(results, at_largest(results)):
        note += f" Published numbers are as printed; the authors counted {misprinted}."
    columns = ["configuration", "networks", *_by_horizon(results, printed)]
    return Table("Diverged free runs in % by horizon in samples", columns, rows, note)


def _rfmse(results: StudyResults) -> Table:
    published = [published_row(found, results) for found in results.configurations]
    printed = [
        h for h in results.study.horizons if any(row and h in row.rfmse for row in published)
    ]
    rows = []
    for found, theirs in zip(results.configurations, published, strict=True):
        row: list[Cell] = [label(found, results)]
        for horizon in results.study.horizons:
            kept = found.kept_rfmse(horizon)
            row.append(Spread(float(kept.mean()), float(kept.std())) if kept.size else None)
            if horizon in printed:
                given = None if theirs is None else theirs.rfmse.get(horizon)
                row.append(None if given is None else Spread(*given))
        rows.append(row)
    note = "Mean ± standard deviation over the runs that did not diverge, in training standard "
    columns = ["configuration", *_by_horizon(results, printed)]
    return Table("RFMSE by horizon in samples", columns, rows, note + "deviations.")


def _by_horizon(results: StudyResults, printed: Sequence[int]) -> Iterator[str]:
    for horizon in results.study.horizons:
        yield str(horizon)
        if horizon in printed:
            yield f"published\n{horizon}"


def _weights(results: StudyResults) -> Table:
    published = [published_row(found, results) for found in results.configurations]
    printed = any(row and row.zeros is not None for row in published)
    columns = ["configuration", "exactly zero %", "below 1e-3 %", "non-zero", "weights"]
    columns += ["published zero %"] if printed else []
    rows = []
    for found, theirs in zip(results.configurations, published, strict=True):
        row: list[Cell] = [
            label(found, results),
            Share(float(found.number(lambda s: s.weights.zero_share).mean())),
            Share(float(found.number(lambda s: s.weights.small_share).mean())),
            Quantity(float(np.median(found.number(lambda s: s.weights.nonzero))), EXACT),
            Quantity(float(found.number(lambda s: s.weights.weights)[0]), EXACT),
        ]
        if printed:
            zeros = None if theirs is None else theirs.zeros
            row.append(None if zeros is None else Share(zeros / 100, digits=EXACT))
        rows.append(row)
    note = "Non-zero: median over the networks, without biases."
    return Table("Weights", columns, rows, note)


def _starts(results: StudyResults) -> Table:
    """How much the networks of one configuration differ from each other."""
    last, rows = results.study.horizons[-1], []
    for found in results.configurations:
        if found.spec.baseline is not None or not found.has(lambda s: s.train_loss):
            continue
        similarity = (
            agreement(found.series(lambda s: s.links) > 0) if found.has(lambda s: s.links) else None
        )
        rows.append(
            (
                label(found, results),
                _range(found.last(lambda s: s.train_loss)),
                _range(found.last(lambda s: s.validation_loss)),
                _range(found.by_seed(last)[0]),
                _range(found.number(lambda s: s.weights.live_weights)),
                Quantity(similarity),
            )
        )
    columns = ("configuration", "training loss", "validation loss", f"RFMSE at {last}")
    note = "Median [minimum, maximum] of the networks. Active weights lie on a path of nonzero "
    note += "weights from an input to an output; similarity is the mean Jaccard similarity of the "
    note += "networks' links (which input affects which state)."
    return Table("Spread over seeds", (*columns, "active weights", "similarity"), rows, note)


def _range(values: np.ndarray) -> Interval | None:
    known = values[np.isfinite(values)]
    if not known.size:
        return None
    return Interval(float(np.median(known)), float(known.min()), float(known.max()))


def _long(results: StudyResults) -> Table:
    columns = (
        "configuration",
        "runs",
        "diverged",
        "NaN or infinite",
        "left the box",
        "RFMSE, median",
    )
    rows = []
    for found in results.configurations:
        runs = [scores.long for scores in found.scores if scores.long is not None]
        counts = (
            sum(len(long.rfmse) for long in runs),
            sum(long.diverged.sum() for long in runs),
            sum(long.nonfinite for long in runs),
            sum(long.left_box for long in runs),
        )
        sums = (Quantity(float(count), EXACT) for count in counts)
        errors = np.concatenate([long.rfmse for long in runs])
        middle = np.median(np.where(np.isnan(errors), np.inf, errors))
        rows.append((label(found, results), *sums, Quantity(float(middle))))
    title = f"Long free runs of {results.study.evaluate.long_samples} samples"
    return Table(title, columns, rows, "The box is that of the training data, enlarged by 5 %.")


def _claims(results: StudyResults) -> Table:
    rows = []
    for judged in verdicts(results):
        claim = judged.claim
        as_share = claim.measure == "diverged"
        difference = (_share_difference if as_share else _difference)(judged.difference)
        measure = f"{claim.measure}: {_sides(claim)}"
        rows.append((claim.text, measure, claim.horizon, difference, judged.verdict))
    columns = ("claim", "measure", "horizon", "difference [95 %]", "verdict")
    return Table("Claims", columns, rows, "Holds: the interval excludes zero.")


def _sides(claim: ClaimSpec) -> str:
    """The compared configurations, with the sizes that the claim names."""
    mine, theirs = claim.size, claim.than_size or claim.size
    better, than = (
        name if size is None else f"{name}, {size} trajectories"
        for name, size in ((claim.better, mine), (claim.than, theirs))
    )
    return f"{better} minus {than}"


def _share(given: Estimate) -> Share:
    return Share(given.value, given.low, given.high)


def _share_difference(given: Estimate) -> Share:
    return Share(given.value, given.low, given.high, signed=True)


def _difference(given: Estimate) -> Interval:
    return Interval(given.value, given.low, given.high, signed=True)
