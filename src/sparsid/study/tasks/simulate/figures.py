"""The figures of a study: what its rows and its truth give something for."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np

from sparsid import report
from sparsid.data import read
from sparsid.evaluation import Estimate, mean_interval
from sparsid.study.results import StudyResults
from sparsid.study.tasks.simulate.results import ConfigurationResults
from sparsid.study.tasks.simulate.tables import fair_divergence, label, slips
from sparsid.study.tasks.simulate.verdicts import TWO_STUDIES, diverged_share, mean_rfmse, pairs

if TYPE_CHECKING:
    from matplotlib.figure import Figure

type Named = Mapping[str, ConfigurationResults]
type Drawn = "tuple[str, str, Figure]"

COMBINED = ("L1", "SWA")  # what the published study adds to every method

# Families, as the published figures 6 to 14 compare them: what is combined with the methods, and
# the rows that stand beside them for reference.
FAMILIES = {
    "alone": ((), ()),
    "with L1": (("L1",), ("Dense", "L1")),
    "with SWA": (("SWA",), ("Dense", "L1")),
    "with L1 and SWA": (("L1", "SWA"), ("L1", "L1 + SWA")),
}
BEST = ("L1", "L1 + SWA", "Magnitude pruning + L1", "Magnitude pruning + L1 + SWA")

MANY = 6  # configurations; with more, they are drawn family by family too
DRAWN = 6  # configurations of which the networks' free runs are drawn
ALWAYS = ("L1", "Soft thresholding")  # the first of them: those of the published figures 4 and 5
LONGEST = 60  # letters of a configuration's name in the name of a file


def figures(results: StudyResults) -> list[Drawn]:
    """(name, caption, figure) in the order of the page."""
    named = {label(found, results): found for found in results.configurations}
    drawn = list(_truth(results))
    if len(results.sizes) > 1:
        drawn += _by_size(results)
        for size in results.sizes:
            same = {f.name: f for f in results.configurations if f.size == size}
            drawn += _judged(f"{size} trajectories", same, results)
    else:
        drawn += _judged("", named, results)
    if len(named) > MANY:
        for family, members in families(named).items():
            drawn += _judged(family, members, results)
    drawn += [*_against(named, results), *_pairs(results), *_networks(results)]
    return list(told_apart(drawn))


def _truth(results: StudyResults) -> Iterator[Drawn]:
    """What the networks are tested on, trajectory by trajectory."""
    truth = read([results.truth_path])
    states, inputs = truth.states, truth.inputs
    for at, trajectory in enumerate(truth, start=1):
        time = np.arange(trajectory.samples) * truth.dt
        drawn = report.trajectories(time, trajectory.x, {}, states.names, states.units)
        yield "states", f"States of test trajectory {at}.", drawn
        if len(inputs):
            drawn = report.inputs(time, trajectory.u, inputs.names, inputs.units)
            yield "inputs", f"Inputs of test trajectory {at}.", drawn


def _judged(family: str, named: Named, results: StudyResults) -> Iterator[Drawn]:
    """Bars of diverged shares, and violins of the errors that are left."""
    horizons, theirs = results.horizons, fair_divergence(results)
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
    counts = {name: len(c.rows) * results.test_runs(c) for name, c in named.items()}
    tail, of = (f"_{file_name(family)}", f" ({family})") if family else ("", "")
    yield (
        f"diverged_share{tail}",
        f"Share of free runs that diverged{of}, with 95 % intervals.{_counted(results, named)}",
        report.diverged_share(horizons, shares, published=published, dt=results.dt),
    )
    yield (
        f"errors{tail}",
        f"RFMSE of the runs that did not diverge{of}.",
        report.error_violins(horizons, errors, dt=results.dt, counts=counts),
    )


def _by_size(results: StudyResults) -> Iterator[Drawn]:
    """What more data buys: errors and divergence at every horizon, and what is left alive."""

    def panel(title: str, unit: str, of: Callable[..., report.Interval], *, log: bool):
        names = [c.name for c in results.study.configuration if c.name in results.whole]
        curves = {
            name: [
                of(results.at[name, size]) if (name, size) in results.at else NO_INTERVAL
                for size in results.sizes
            ]
            for name in names
        }
        return report.SizePanel(title, unit, curves, log)

    def errors(horizon: int) -> report.SizePanel:
        def of(found: ConfigurationResults) -> report.Interval:
            return _interval(mean_rfmse(found, horizon))

        return panel(f"RFMSE, {horizon} samples", "standard deviations", of, log=True)

    def shares(horizon: int) -> report.SizePanel:
        def of(found: ConfigurationResults) -> report.Interval:
            value, low, high = _interval(diverged_share(found, horizon))
            return 100 * value, 100 * low, 100 * high

        return panel(f"diverged, {horizon} samples", "% of runs", of, log=False)

    def middle(name: str) -> Callable[[ConfigurationResults], report.Interval]:
        def of(found: ConfigurationResults) -> report.Interval:
            if name.endswith("loss") and not found.has(name):
                return NO_INTERVAL
            values = (found.last(name) if name.endswith("loss") else found.number(name))[:, None]
            return _interval(mean_interval(values, np.isfinite(values)))

        return of

    judged = [*map(errors, results.horizons), *map(shares, results.horizons)]
    yield (
        "by_size",
        "RFMSE of the runs that did not diverge and shares of those that did, against the number "
        "of training trajectories; bars: 95 % intervals.",
        report.against_size(results.sizes, judged),
    )
    made = [
        panel("live weights", "number", middle("live_weights"), log=True),
        panel("training", "loss", middle("train_loss"), log=True),
        panel("validation", "loss", middle("validation_loss"), log=True),
    ]
    yield (
        "by_size_networks",
        "Mean over the networks of live weights and of losses after the last epoch, against the "
        "number of training trajectories; bars: 95 % intervals.",
        report.against_size(results.sizes, made),
    )


NO_INTERVAL = (np.nan, np.nan, np.nan)


def _interval(estimate: Estimate) -> report.Interval:
    return estimate.value, estimate.low, estimate.high


def families(named: Named) -> dict[str, Named]:
    """Configurations by what is combined with them, each family beside its reference rows."""
    extras = {name: _extra(found.name) for name, found in named.items()}
    found: dict[str, Named] = {
        family: {n: c for n, c in named.items() if extras[n] == extra or c.name in beside}
        for family, (extra, beside) in FAMILIES.items()
        if extra in extras.values()
    }
    if len(found) < 2:
        return {}
    best = {n: c for n, c in named.items() if c.name in BEST}
    whole = {c.name for c in best.values()} == set(BEST)
    return found | ({"L1 and magnitude pruning": best} if whole else {})


def _extra(name: str) -> tuple[str, ...]:
    """What is combined with a method: ("L1", "SWA") of "DSR + L1 + SWA", nothing of "L1"."""
    return tuple(part for part in name.split(" + ")[1:] if part in COMBINED)


def _counted(results: StudyResults, named: Named) -> str:
    """A sentence for captions about published numbers that are slips."""
    rows = slips(results, [found.name for found in named.values()])
    return f" By the authors' own counts, not as printed: {rows}." if rows else ""


def _against(named: Named, results: StudyResults) -> Iterator[Drawn]:
    """Ours against the published at the longest horizon; zeros against errors."""
    last, theirs = results.horizons[-1], fair_divergence(results)
    if any(theirs.get(name, {}).get(str(last)) is not None for name in named):
        ours = {}
        for name, found in named.items():
            share = diverged_share(found, last)
            fair = share.widened(TWO_STUDIES)  # as the table judges it
            ours[name] = (share.value, max(fair.low, 0.0), min(fair.high, 1.0))
        published = {n: row.get(str(last)) for n, row in theirs.items()}
        shares = {n: None if p is None else p / 100 for n, p in published.items()}
        yield (
            "agreement",
            f"Diverged runs at {last} samples, ours and the published. Our 95 % intervals are "
            f"widened by sqrt(2), because theirs are as wide.{_counted(results, named)}",
            report.agreement(ours, shares),
        )
    seeds = {
        name: report.Seeds(found.number("zero_share"), *found.by_seed(last))
        for name, found in named.items()
        if found.spec.baseline is None
    }
    if seeds:
        yield (
            "sparsity",
            f"Exact zeros against error and divergence at {last} samples, network by network.",
            report.sparsity_against_error(seeds),
        )


def _pairs(results: StudyResults) -> Iterator[Drawn]:
    if compared := pairs(results):
        labels = [f"{pair.first} less {pair.second}" for pair in compared]
        panels = {
            f"{h} samples": [
                (100 * e.value, 100 * e.low, 100 * e.high)
                for e in (pair.diverged[h] for pair in compared)
            ]
            for h in results.horizons
        }
        drawn = report.pairs(
            labels, panels, label="difference in diverged runs [percentage points]"
        )
        yield "pairs", "Differences within pairs, with 95 % intervals.", drawn


def _networks(results: StudyResults) -> Iterator[Drawn]:
    """All networks of a configuration against one true trajectory."""
    truth = read([results.truth_path])[0]
    for name in worth_drawing(results):
        found = results.whole[name]
        runs = found.series("shown_runs")[:, 0]
        at = found.series("shown_index")[0].astype(int)
        drawn = report.trajectories(
            at * results.dt,
            truth.x[at],
            {f"{name}, {len(runs)} networks": runs},
            results.states,
            results.units,
        )
        yield f"runs_{file_name(name)}", f"Free runs of {name} against the truth (dashed).", drawn


def worth_drawing(results: StudyResults) -> list[str]:
    """Those of the published figures, then those that claims speak of, then the first ones."""
    claimed = [name for claim in results.study.claim for name in (claim.better, claim.than)]
    first = dict.fromkeys([*ALWAYS, *claimed, *results.whole])
    return [name for name in first if name in results.whole][:DRAWN]


def file_name(text: str) -> str:
    """Plain letters and digits; several texts may give the same (see `told_apart`)."""
    return "".join(c if c.isascii() and c.isalnum() else "_" for c in text.lower())[:LONGEST]


def told_apart(drawn: Iterable[Drawn]) -> Iterator[Drawn]:
    """The figures under names that differ: the second "states" becomes "states_2"."""
    taken: set[str] = set()
    for name, caption, figure in drawn:
        own, at = name, 1
        while own in taken:
            at += 1
            own = f"{name}_{at}"
        taken.add(own)
        yield own, caption, figure
