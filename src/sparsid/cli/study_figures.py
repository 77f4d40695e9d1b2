"""The figures of a study: what its rows and its truth give something for."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np

from sparsid import report
from sparsid.cli.study_tables import label, published_tables
from sparsid.data import read
from sparsid.study.summary import ConfigurationResults, StudyResults
from sparsid.study.verdicts import TWO_STUDIES, diverged_share, pairs

if TYPE_CHECKING:
    from matplotlib.figure import Figure

type Named = Mapping[str, ConfigurationResults]
type Drawn = "tuple[str, str, Figure]"

COMBINED = ("L1", "SWA")  # what the published study adds to every method
MANY = 6  # configurations; with more, they are drawn family by family too
DRAWN = 6  # configurations of which the networks' free runs are drawn


def figures(results: StudyResults) -> list[Drawn]:
    """(name, caption, figure) in the order of the page."""
    named = {label(found, results): found for found in results.configurations}
    drawn = [*_truth(results), *_judged("", named, results)]
    if len(named) > MANY:
        for family, members in _families(named).items():
            drawn += _judged(family, members, results)
    return [*drawn, *_against(named, results), *_pairs(results), *_networks(results)]


def _truth(results: StudyResults) -> Iterator[Drawn]:
    """What the networks are tested on."""
    truth = read([results.truth_path])
    trajectory, time = truth[0], np.arange(truth[0].samples) * truth.dt
    states, inputs = truth.states, truth.inputs
    yield (
        "states",
        "States of a test trajectory.",
        report.trajectories(time, trajectory.x, {}, states.names, states.units),
    )
    if len(inputs):
        drawn = report.inputs(time, trajectory.u, inputs.names, inputs.units)
        yield "inputs", "Inputs of the same trajectory.", drawn


def _judged(family: str, named: Named, results: StudyResults) -> Iterator[Drawn]:
    """Bars of diverged shares, and violins of the errors that are left."""
    horizons, theirs = results.horizons, published_tables(results)["divergence_percent"]
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
    tail, of = (f"_{_file_name(family)}", f" ({family})") if family else ("", "")
    yield (
        f"diverged_share{tail}",
        f"Share of free runs that diverged{of}, with 95 % intervals.",
        report.diverged_share(horizons, shares, published=published, dt=results.dt),
    )
    yield (
        f"errors{tail}",
        f"RFMSE of the runs that did not diverge{of}.",
        report.error_violins(horizons, errors, dt=results.dt, counts=counts),
    )


def _families(named: Named) -> dict[str, Named]:
    """Configurations by what is combined with them: nothing, L1, SWA, or both."""
    families: dict[str, dict[str, ConfigurationResults]] = {}
    for name, found in named.items():
        extra = [part for part in name.split(" + ") if part in COMBINED]
        family = f"with {' and '.join(extra)}" if extra else "alone"
        families.setdefault(family, {})[name] = found
    return dict(families) if len(families) > 1 else {}


def _against(named: Named, results: StudyResults) -> Iterator[Drawn]:
    """Ours against the published at the longest horizon; zeros against errors."""
    last, theirs = results.horizons[-1], published_tables(results)["divergence_percent"]
    if theirs:
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
            "widened by sqrt(2), because theirs are as wide.",
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
    for name in _worth_drawing(results):
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
        yield f"runs_{_file_name(name)}", f"Free runs of {name} against the truth (dashed).", drawn


def _worth_drawing(results: StudyResults) -> list[str]:
    """The configurations that claims speak of, or else the first ones."""
    claimed = [name for claim in results.study.claim for name in (claim.better, claim.than)]
    first = dict.fromkeys([*claimed, *results.whole])
    return [name for name in first if name in results.whole][:DRAWN]


def _file_name(text: str) -> str:
    return "".join(c if c.isalnum() else "_" for c in text.lower())
