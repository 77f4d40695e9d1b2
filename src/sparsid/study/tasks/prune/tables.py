"""Tables of a path study: all networks of a configuration at once."""

from collections.abc import Iterator

import numpy as np

from sparsid.cli.console import number
from sparsid.report import Table
from sparsid.study.results import StudyResults
from sparsid.study.tasks.prune.published import tables_beside
from sparsid.study.tasks.prune.results import PathResults

READINGS = {
    "best": "least validation error",
    "smallest": "smallest not worse on validation",
    "exploding": "last before the error explodes",
    "last": "last of the path",
}
SHARES = (25, 50)  # percent removed at which two paths are compared
ERRORS = "Sums of squared scaled errors of the free run over each whole record. "


def path_tables(results: StudyResults) -> list[Table]:
    """All tables, in the order in which they are shown."""
    tables = [_full(results), _removed(results), _pruned(results), _gains(results)]
    return [*tables, *_pairs(results), *tables_beside(results)]


def _full(results: StudyResults) -> Table:
    header = ["configuration", "networks", "numbers", "seconds each"]
    header += [f"{part} {what}" for part in PARTS for what in ("best three", "median [quartiles]")]
    rows = []
    for found in results.configurations:
        three = found.best()
        seconds = found.rows[0].timings["training_s"] / found.rows[0].timings["together"]
        row = [found.name, str(len(found.rows)), f"{found.number('full_left')[0]:g}"]
        row.append(number(seconds))
        for part in PARTS:
            errors = found.number(f"full_{part}")
            row += [", ".join(number(errors[i]) for i in three), _quartiles(errors)]
        rows.append(row)
    note = ERRORS + "Best three: of least validation error, as the paper shows them."
    return Table("Full networks", header, rows, note)


def _removed(results: StudyResults) -> Table:
    header = ["configuration", "removed", "networks that far"]
    header += [f"{part}, median [quartiles]" for part in PARTS]
    rows = []
    for found in results.configurations:
        most = int(max(row.series["left"][0] - row.series["left"][-1] for row in found.rows))
        for removed in range(10, most + 1, 10):
            errors = {part: found.at_removed(part, removed) for part in PARTS}
            there = ~np.isnan(errors["train"])
            row = [found.name, str(removed), str(int(there.sum()))]
            rows.append(row + [_quartiles(errors[part][there]) for part in PARTS])
    return Table("Errors after the removal of so many numbers", header, rows, ERRORS)


def _pruned(results: StudyResults) -> Table:
    header = ["configuration", "network chosen", "left, median [quartiles]", "removed %"]
    header += [f"{part}, median [quartiles]" for part in PARTS]
    rows = []
    for found in results.configurations:
        full = found.number("full_left")
        for reading, said in READINGS.items():
            left = found.number(f"{reading}_left")
            share = 100 * np.median(1 - left / full)
            row = [found.name, said, _quartiles(left), number(float(share))]
            rows.append(row + [_quartiles(found.number(f"{reading}_{p}")) for p in PARTS])
    return Table("Pruned networks", header, rows, ERRORS)


def _gains(results: StudyResults) -> Table:
    header = (
        "configuration",
        "test error, pruned over full",
        "pruned over trained on as long",
        "trained on over full",
        "reach 55 % fewer, not worse on test",
        "iterations",
    )
    rows = []
    for found in results.configurations:
        full, control = found.number("full_test"), found.number("control_test")
        best = found.number("best_test")
        with np.errstate(invalid="ignore"):
            ratios = [_quartiles(r) for r in (best / full, best / control, control / full)]
        reach = sum(_reaches(found, i) for i in range(len(found.rows)))
        iterations = _quartiles(found.number("last_iterations"))
        rows.append((found.name, *ratios, f"{reach} of {len(found.rows)}", iterations))
    note = "Pruned: the network of least validation error. Medians [quartiles] over networks."
    return Table(
        "What pruning gains over the full network and over mere training", header, rows, note
    )


def _pairs(results: StudyResults) -> Iterator[Table]:
    """Two ways of pruning the same networks, network by network."""
    by_name = {found.name: found for found in results.configurations}
    header = (
        "configuration",
        "against",
        "networks",
        "test error of the chosen, ratio",
        "numbers left in the chosen, ratio",
        *(f"test error at {share} % removed, ratio" for share in SHARES),
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
            ratios = [found.number(n)[a] / other.number(n)[b] for n in ("best_test", "best_left")]
            for share in SHARES:
                most = round(share / 100 * found.number("full_left")[0])
                far = [of.at_removed("test", most)[at] for of, at in ((found, a), (other, b))]
                ratios.append(far[0] / far[1])
        rows.append((found.name, other.name, str(len(seeds)), *map(_quartiles, ratios)))
    if rows:
        note = (
            "Medians [quartiles] over networks that both paths hold; below 1 the first is better."
        )
        yield Table("The same networks, pruned in two ways", header, rows, note)


def _reaches(found: PathResults, i: int) -> bool:
    """Whether a network on the path has 55 % fewer numbers and no greater test error."""
    series = found.rows[i].series
    far = series["left"] <= 0.45 * series["left"][0]
    return bool((far & (series["test"] <= series["test"][0])).any())


def _quartiles(values: np.ndarray) -> str:
    values = values[~np.isnan(values)]
    if not len(values):
        return "-"
    low = np.quantile(values, 0.25, method="lower")  # values: some may be infinite
    high = np.quantile(values, 0.75, method="higher")
    return f"{number(float(np.median(values)))} [{number(low)}, {number(high)}]"


PARTS = ("train", "validation", "test")
