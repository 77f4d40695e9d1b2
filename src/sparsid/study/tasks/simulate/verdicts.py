"""Conclusions of a study: agreement with published numbers, pairs and claims, with intervals."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import sqrt

from sparsid.evaluation import rate_interval
from sparsid.evaluation.pairs import (
    Estimate,
    error_difference,
    mean_interval,
    rate_difference,
)
from sparsid.papers import FreeRuns
from sparsid.study.results import StudyResults
from sparsid.study.tasks.simulate.results import ConfigurationResults, at_largest, sizes
from sparsid.study.tasks.simulate.spec import ClaimSpec

TWO_STUDIES = sqrt(2)  # an interval is wider by this factor if the other study is as uncertain


@dataclass(frozen=True)
class Agreement:
    """A published number compared with ours; `expected` is our interval, widened for theirs."""

    name: str
    measure: str  # "diverged" (shares in 0..1) or "rfmse"
    horizon: int
    expected: Estimate
    published: float
    slack: float  # half a unit of the last digit printed

    @property
    def agrees(self) -> bool:
        low, high = self.expected.low - self.slack, self.expected.high + self.slack
        return bool(low - 1e-9 <= self.published <= high + 1e-9)


@dataclass(frozen=True)
class Comparison:
    """`first` minus `second` at each horizon; `paired`: networks of the same seed are compared."""

    first: str
    second: str
    paired: bool
    diverged: dict[int, Estimate]
    rfmse: dict[int, Estimate]


@dataclass(frozen=True)
class Verdict:
    """A claim and its verdict; the difference is `better` minus `than`."""

    claim: ClaimSpec
    difference: Estimate
    verdict: str  # "holds", "does not hold" or "undecided"


def diverged_share(found: ConfigurationResults, horizon: int) -> Estimate:
    """Share of diverged runs in 0..1."""
    diverged = found.diverged(horizon)
    return Estimate(float(diverged.mean()), *rate_interval(diverged))


def expected_share(found: ConfigurationResults, horizon: int) -> Estimate:
    """The same with the interval for the share of another study that is as uncertain as ours."""
    wide = diverged_share(found, horizon).widened(TWO_STUDIES)
    return Estimate(wide.value, max(wide.low, 0.0), min(wide.high, 1.0))


def mean_rfmse(found: ConfigurationResults, horizon: int) -> Estimate:
    """Mean RFMSE of the runs that did not diverge, in training standard deviations."""
    return mean_interval(found.rfmse(horizon), ~found.diverged(horizon))


def compare(first: ConfigurationResults, second: ConfigurationResults) -> Comparison:
    """Differences at every horizon, over networks paired by seed if both have common seeds."""
    common = [seed for seed in first.seeds if seed in second.seeds]
    paired = first.spec.baseline is None and second.spec.baseline is None and len(common) > 0

    def rows(found: ConfigurationResults) -> list[int]:
        return [found.seeds.index(s) for s in common] if paired else list(range(len(found.rows)))

    a, b = rows(first), rows(second)
    diverged, rfmse = {}, {}
    for horizon in first.horizons:
        runs = first.diverged(horizon)[a], second.diverged(horizon)[b]
        error = first.rfmse(horizon)[a], second.rfmse(horizon)[b]
        diverged[horizon] = rate_difference(*runs, paired=paired)
        rfmse[horizon] = error_difference(*error, kept=(~runs[0], ~runs[1]), paired=paired)
    return Comparison(first.name, second.name, paired, diverged, rfmse)


def pairs(results: StudyResults) -> tuple[Comparison, ...]:
    """Every configuration compared with its `pair`, where both have rows."""
    largest = at_largest(results)
    return tuple(
        compare(found, largest[found.spec.pair])
        for found in largest.values()
        if found.spec.pair in largest
    )


def verdicts(results: StudyResults) -> tuple[Verdict, ...]:
    """Verdicts on all claims whose configurations have rows: whether the interval excludes zero."""
    found = []
    for claim in results.study.claim:
        size = claim.size or max(sizes(results), default=0)
        better = results.at.get((claim.better, size))
        than = results.at.get((claim.than, claim.than_size or size))
        if better is not None and than is not None:
            compared = compare(better, than)
            given = compared.diverged if claim.measure == "diverged" else compared.rfmse
            difference = given[claim.horizon]
            wanted = -1 if claim.expected == "less" else 1
            content = {wanted: "holds", -wanted: "does not hold", 0: "undecided"}
            found.append(Verdict(claim, difference, content[difference.sign]))
    return tuple(found)


def agreements(results: StudyResults, published: Mapping[str, FreeRuns]) -> tuple[Agreement, ...]:
    """Our result for every published number of a row of the same name and horizon.

    Where the printed shares of diverged runs are misprints, the authors' own counts are used.
    """
    found = []
    for name in (name for name in at_largest(results) if name in published):
        ours, theirs = at_largest(results)[name], published[name]
        for horizon in results.study.horizons:
            if (percent := theirs.corrected.get(horizon)) is not None:
                expected = expected_share(ours, horizon)
                found.append(Agreement(name, "diverged", horizon, expected, percent / 100, 0.0))
            if horizon in theirs.rfmse:
                expected, (error, _) = mean_rfmse(ours, horizon), theirs.rfmse[horizon]
                expected = expected.widened(TWO_STUDIES)
                found.append(Agreement(name, "rfmse", horizon, expected, error, 0.005))
    return tuple(found)
