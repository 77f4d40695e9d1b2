"""Tables of a study of pruning, over all networks of each configuration."""

from collections.abc import Iterator

import numpy as np

from sparsid.report.document import Cell, Count, Interval, Quantity, Several, Share, Table
from sparsid.study.results import StudyResults
from sparsid.study.tasks.prune.published import EXACT, STEP, published_tables
from sparsid.study.tasks.prune.results import PathResults
from sparsid.study.tasks.prune.stages import CHOICES, ERRORS

QUARTILES = "median [quartiles]"
SHARES = (25, 50)  # percent removed at which two paths are compared
NOTE = "Errors: sums of squared scaled errors of the free run over each complete record. "


def tables(results: StudyResults) -> list[Table]:
    """All tables, in the order in which they are shown."""
    found = [_full(results), _removed(results), _pruned(results), _gains(results)]
    return [*found, *_pairs(results), *published_tables(results)]


def _full(results: StudyResults) -> Table:
    columns = ["configuration", "networks", "parameters", "seconds each"]
    columns += [f"{part} {what}" for part in ERRORS for what in ("best three", QUARTILES)]
    rows = []
    for found in results.configurations:
        three = found.best()
        seconds = found.rows[0].timings["training_s"] / found.rows[0].timings["together"]
        parameters = Quantity(float(found.number("full", "left")[0]), EXACT)
        row: list[Cell] = [found.name, len(found.rows), parameters, Quantity(seconds)]
        for part in ERRORS:
            errors = found.number("full", part)
            row += [Several(tuple(float(errors[i]) for i in three)), _quartiles(errors)]
        rows.append(row)
    note = NOTE + "Best three: networks of least validation error."
    return Table("Full networks", columns, rows, note)


def _removed(results: StudyResults) -> Table:
    columns = ["configuration", "removed", "networks"]
    columns += [f"{part}, {QUARTILES}" for part in ERRORS]
    rows = []
    for found in results.configurations:
        most = int(max(s.left[0] - s.left[-1] for s in found.scores))
        for removed in range(STEP, most + 1, STEP):
            errors = {part: found.at_removed(part, removed) for part in ERRORS}
            there = ~np.isnan(errors["train"])
            quartiles = (_quartiles(errors[part][there]) for part in ERRORS)
            rows.append((found.name, removed, int(there.sum()), *quartiles))
    note = NOTE + "Networks: those whose path reaches that number."
    return Table("Errors by number of removed parameters", columns, rows, note)


def _pruned(results: StudyResults) -> Table:
    columns = ["configuration", "chosen network", f"remaining, {QUARTILES}", "removed %"]
    columns += [f"{part}, {QUARTILES}" for part in ERRORS]
    rows = []
    for found in results.configurations:
        full = found.number("full", "left")
        for choice, content in CHOICES.items():
            left = found.number(choice, "left")
            removed = Share(float(np.median(1 - left / full)))
            errors = (_quartiles(found.number(choice, part)) for part in ERRORS)
            rows.append((found.name, content, _quartiles(left), removed, *errors))
    return Table("Pruned networks", columns, rows, NOTE)


def _gains(results: StudyResults) -> Table:
    columns = (
        "configuration",
        "test error, pruned / full",
        "pruned / control",
        "control / full",
        "55 % removed, not worse on test",
        "iterations",
    )
    rows = []
    for found in results.configurations:
        full, control = found.number("full", "test"), found.number("control", "test")
        best = found.number("best", "test")
        with np.errstate(invalid="ignore"):
            ratios = [_quartiles(r) for r in (best / full, best / control, control / full)]
        reached = sum(_reaches(found, i) for i in range(len(found.rows)))
        iterations = _quartiles(found.number("last", "iterations"))
        rows.append((found.name, *ratios, Count(reached, len(found.rows)), iterations))
    note = "Pruned: the network of least validation error. Control: the full network, trained for "
    note += "as many further iterations without pruning. Medians [quartiles] over networks."
    title = "Pruned networks compared with the full network and with further training"
    return Table(title, columns, rows, note)


def _pairs(results: StudyResults) -> Iterator[Table]:
    """Two configurations that prune the same networks, network by network."""
    by_name = {found.name: found for found in results.configurations}
    columns = (
        "configuration",
        "pair",
        "networks",
        "ratio of test errors, chosen network",
        "ratio of remaining parameters, chosen network",
        *(f"ratio of test errors at {share} % removed" for share in SHARES),
    )
    rows = []
    for found in results.configurations:
        other = by_name.get(found.spec.pair or "")
        if other is None:
            continue
        mine = {row.specification["seed"]: i for i, row in enumerate(found.rows)}
        theirs = {row.specification["seed"]: i for i, row in enumerate(other.rows)}
        seeds = sorted(mine.keys() & theirs.keys())
        a, b = [mine[seed] for seed in seeds], [theirs[seed] for seed in seeds]
        with np.errstate(invalid="ignore"):
            ratios = [
                found.number("best", what)[a] / other.number("best", what)[b]
                for what in ("test", "left")
            ]
            for share in SHARES:
                most = round(share / 100 * found.number("full", "left")[0])
                far = [of.at_removed("test", most)[at] for of, at in ((found, a), (other, b))]
                ratios.append(far[0] / far[1])
        rows.append((found.name, other.name, len(seeds), *map(_quartiles, ratios)))
    if rows:
        note = (
            "Medians [quartiles] over networks that both have; below 1 the configuration is better."
        )
        yield Table("Same networks, two pruning configurations", columns, rows, note)


def _reaches(found: PathResults, i: int) -> bool:
    """Whether a network on the path has 55 % fewer parameters and no greater test error."""
    scores = found.scores[i]
    far = scores.left <= 0.45 * scores.left[0]
    return bool((far & (scores.test <= scores.test[0])).any())


def _quartiles(values: np.ndarray) -> Interval | None:
    values = values[~np.isnan(values)]
    if not len(values):
        return None
    low = np.quantile(values, 0.25, method="lower")  # no interpolation: some may be infinite
    high = np.quantile(values, 0.75, method="higher")
    return Interval(float(np.median(values)), float(low), float(high))
