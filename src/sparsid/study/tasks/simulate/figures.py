"""The figures of a study of simulators, from its rows and its test trajectories."""

from collections.abc import Callable, Iterator, Mapping

import numpy as np

from sparsid.data import read
from sparsid.evaluation import Estimate, mean_interval
from sparsid.papers import paper
from sparsid.papers.paper import Figures
from sparsid.report import figures as draw
from sparsid.report.figures import UNKNOWN, Bounds
from sparsid.study.documents import Drawn, file_name
from sparsid.study.results import StudyResults
from sparsid.study.tasks.simulate.published import misprints, published_rows
from sparsid.study.tasks.simulate.results import ConfigurationResults, at_largest, sizes
from sparsid.study.tasks.simulate.scores import SimulationScores
from sparsid.study.tasks.simulate.tables import label
from sparsid.study.tasks.simulate.verdicts import (
    diverged_share,
    expected_share,
    mean_rfmse,
    pairs,
)

type Named = Mapping[str, ConfigurationResults]

MANY = 6  # with more configurations, they are also drawn family by family
DRAWN = 6  # number of configurations whose free runs are drawn


def figures(results: StudyResults) -> list[Drawn]:
    """All figures, in the order of the page."""
    named = {label(found, results): found for found in results.configurations}
    drawn = list(_truth(results))
    if len(sizes(results)) > 1:
        drawn += _by_size(results)
        for size in sizes(results):
            same = {f.name: f for f in results.configurations if f.size == size}
            drawn += _judged(f"{size} trajectories", same, results)
    else:
        drawn += _judged("", named, results)
    if len(named) > MANY:
        for family, members in families(named, _published_figures(results)).items():
            drawn += _judged(family, members, results)
    return [*drawn, *_against(named, results), *_pairs(results), *_networks(results)]


def _published_figures(results: StudyResults) -> Figures:
    """The figures of the paper that the study names."""
    named = results.study.published
    return Figures() if named is None else paper(named).figures


def _truth(results: StudyResults) -> Iterator[Drawn]:
    """States and inputs of each test trajectory."""
    truth = read([results.truth_path])
    states, inputs = truth.states, truth.inputs
    for at, trajectory in enumerate(truth, start=1):
        time = np.arange(trajectory.samples) * truth.dt
        drawn = draw.Trajectories(time, trajectory.x, {}, states.names, states.units)
        yield "states", f"States of test trajectory {at}.", drawn
        if len(inputs):
            drawn = draw.Inputs(time, trajectory.u, inputs.names, inputs.units)
            yield "inputs", f"Inputs of test trajectory {at}.", drawn


def _judged(family: str, named: Named, results: StudyResults) -> Iterator[Drawn]:
    """Bars of diverged shares, and violins of the errors of the other runs."""
    horizons = results.study.horizons
    shares = {name: [_bounds(diverged_share(c, h)) for h in horizons] for name, c in named.items()}
    published = {
        name: [_share(row.corrected.get(h)) for h in horizons]
        for name, row in published_rows(results).items()
        if name in named
    }
    errors = {name: {h: c.kept_rfmse(h) for h in horizons} for name, c in named.items()}
    counts = {name: len(c.rows) * c.test_runs for name, c in named.items()}
    tail, of = (f"_{file_name(family)}", f" ({family})") if family else ("", "")
    yield (
        f"diverged_share{tail}",
        f"Share of free runs that diverged{of}, with 95 % intervals.{_counted(results, named)}",
        draw.DivergedShares(horizons, shares, published=published, dt=results.dt),
    )
    yield (
        f"errors{tail}",
        f"RFMSE of the runs that did not diverge{of}.",
        draw.ErrorViolins(horizons, errors, dt=results.dt, counts=counts),
    )


def _by_size(results: StudyResults) -> Iterator[Drawn]:
    """Errors, divergence, active weights and losses against the size of the training data."""

    def panel(title: str, unit: str, of: Callable[..., Bounds], *, log: bool):
        names = [c.name for c in results.study.configuration if c.name in at_largest(results)]
        curves = {
            name: [
                of(results.at[name, size]) if (name, size) in results.at else UNKNOWN
                for size in sizes(results)
            ]
            for name in names
        }
        return draw.SizePanel(title, unit, curves, log)

    def errors(horizon: int) -> draw.SizePanel:
        def of(found: ConfigurationResults) -> Bounds:
            return _bounds(mean_rfmse(found, horizon))

        return panel(f"RFMSE, {horizon} samples", "standard deviations", of, log=True)

    def shares(horizon: int) -> draw.SizePanel:
        def of(found: ConfigurationResults) -> Bounds:
            value, low, high = _bounds(diverged_share(found, horizon))
            return 100 * value, 100 * low, 100 * high

        return panel(f"diverged, {horizon} samples", "% of runs", of, log=False)

    def mean(values: np.ndarray) -> Bounds:
        return _bounds(mean_interval(values[:, None], np.isfinite(values)[:, None]))

    def active(found: ConfigurationResults) -> Bounds:
        return mean(found.number(lambda s: s.weights.live_weights))

    def last(loss: Callable[[SimulationScores], np.ndarray | None]) -> Callable[..., Bounds]:
        def of(found: ConfigurationResults) -> Bounds:
            return mean(found.last(loss)) if found.has(loss) else UNKNOWN

        return of

    judged = [*map(errors, results.study.horizons), *map(shares, results.study.horizons)]
    yield (
        "by_size",
        "RFMSE of the runs that did not diverge and shares of those that did, against the number "
        "of training trajectories; bars: 95 % intervals.",
        draw.AgainstSize(sizes(results), judged),
    )
    made = [
        panel("active weights", "number", active, log=True),
        panel("training", "loss", last(lambda s: s.train_loss), log=True),
        panel("validation", "loss", last(lambda s: s.validation_loss), log=True),
    ]
    yield (
        "by_size_networks",
        "Active weights and losses after the last epoch, mean over the networks, against the "
        "number of training trajectories; bars: 95 % intervals.",
        draw.AgainstSize(sizes(results), made),
    )


def _bounds(estimate: Estimate) -> Bounds:
    return estimate.value, estimate.low, estimate.high


def _share(percent: float | None) -> float | None:
    return None if percent is None else percent / 100


def families(named: Named, published: Figures) -> dict[str, Named]:
    """Configurations grouped by what is added to their method, each with its reference rows."""

    def added(name: str) -> tuple[str, ...]:
        """("L1", "SWA") of "DSR + L1 + SWA", where both are parts that the paper combines."""
        return tuple(part for part in name.split(" + ")[1:] if part in published.combined)

    extras = {name: added(found.name) for name, found in named.items()}
    families: dict[str, Named] = {
        family.name: {
            name: found
            for name, found in named.items()
            if extras[name] == family.combined or found.name in family.beside
        }
        for family in published.families
        if family.combined in extras.values()
    }
    if len(families) < 2:
        return {}
    for selection in published.selections:
        members = {n: found for n, found in named.items() if found.name in selection.rows}
        if {found.name for found in members.values()} == set(selection.rows):
            families[selection.name] = members
    return families


def _counted(results: StudyResults, named: Named) -> str:
    """A sentence for captions about published numbers that are misprints."""
    rows = misprints(results, [found.name for found in named.values()])
    return f" By the authors' own counts, not as printed: {rows}." if rows else ""


def _against(named: Named, results: StudyResults) -> Iterator[Drawn]:
    """Comparison with published shares at the longest horizon; sparsity against errors."""
    last = results.study.horizons[-1]
    theirs = {n: _share(row.corrected.get(last)) for n, row in published_rows(results).items()}
    if any(theirs.get(name) is not None for name in named):
        ours = {name: _bounds(expected_share(found, last)) for name, found in named.items()}
        yield (
            "agreement",
            f"Diverged runs at {last} samples, ours and published. Our 95 % intervals are widened "
            f"by sqrt(2), because theirs are as wide.{_counted(results, named)}",
            draw.PublishedComparison(ours, theirs),
        )
    seeds = {
        name: draw.Seeds(found.number(lambda s: s.weights.zero_share), *found.by_seed(last))
        for name, found in named.items()
        if found.spec.baseline is None
    }
    if seeds:
        yield (
            "sparsity",
            f"Error and divergence at {last} samples against exact zeros, one dot per network.",
            draw.SparsityAgainstError(seeds),
        )


def _pairs(results: StudyResults) -> Iterator[Drawn]:
    if compared := pairs(results):
        labels = [f"{pair.first} minus {pair.second}" for pair in compared]
        panels = {
            f"{h} samples": [
                (100 * e.value, 100 * e.low, 100 * e.high)
                for e in (pair.diverged[h] for pair in compared)
            ]
            for h in results.study.horizons
        }
        drawn = draw.Differences(
            labels, panels, label="difference in diverged runs [percentage points]"
        )
        yield "pairs", "Differences within pairs, with 95 % intervals.", drawn


def _networks(results: StudyResults) -> Iterator[Drawn]:
    """Free runs of all networks of a configuration over the first test trajectory."""
    truth = read([results.truth_path])[0]
    for name in worth_drawing(results):
        found = at_largest(results)[name]
        runs = found.series(lambda s: s.shown_runs)[:, 0]
        at = found.series(lambda s: s.shown_index)[0].astype(int)
        drawn = draw.Trajectories(
            at * results.dt,
            truth.x[at],
            {f"{name}, {len(runs)} networks": runs},
            results.states,
            results.units,
        )
        yield f"runs_{file_name(name)}", f"Free runs of {name}; dashed: truth.", drawn


def worth_drawing(results: StudyResults) -> list[str]:
    """Configurations of the published figures, then of claims, then the first ones."""
    claimed = [name for claim in results.study.claim for name in (claim.better, claim.than)]
    first = dict.fromkeys([*_published_figures(results).free_runs, *claimed, *at_largest(results)])
    return [name for name in first if name in at_largest(results)][:DRAWN]
