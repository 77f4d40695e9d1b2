"""Evaluation of a finished cell: scores of its free runs over the test trajectories."""

from collections.abc import Callable
from dataclasses import dataclass, replace

import jax
import numpy as np
from jaxtyping import Float

from sparsid.data import Dataset, Normaliser
from sparsid.evaluation import (
    HorizonScore,
    box_exits,
    forecast,
    horizon_scores,
    sparsity,
    structure,
)
from sparsid.models import Ensemble
from sparsid.study.tasks.simulate.datasets import StudyData
from sparsid.study.tasks.simulate.scores import (
    HorizonRuns,
    LongRuns,
    SimulationScores,
    WeightCounts,
)
from sparsid.study.tasks.simulate.spec import EvaluateSpec

# Most floats of free runs in memory at once (320 MB); one network per device always fits.
HELD = 40_000_000

Runs = Float[np.ndarray, "trajectory T n"]


@dataclass(frozen=True)
class Judge:
    """Evaluation of all cells of a study in physical units, so that their rows are comparable.

    `scale` (or that of the test set, if requested) and `box` (minimum, maximum) of the states are
    those of the complete training set, also for a network that was trained on a part of it.
    """

    data: StudyData
    evaluate: EvaluateSpec
    scale: Float[np.ndarray, " n"]
    box: Float[np.ndarray, "2 n"]

    @classmethod
    def of(cls, data: StudyData, evaluate: EvaluateSpec) -> "Judge":
        rows = np.concatenate([t.x for t in data.train])
        box = np.stack([rows.min(axis=0), rows.max(axis=0)])
        by = data.train if evaluate.scale == "train" else data.test
        return cls(data, evaluate, Normaliser.fit(by).states.scale, box)

    def networks(self, ensemble: Ensemble) -> list[SimulationScores]:
        """Scores of every member, a bounded number of runs at a time."""
        judged = []
        width = _together(self.data.test, self.data.long)
        for at in range(0, len(ensemble), width):
            part = ensemble.pick(range(at, min(at + width, len(ensemble))))
            long = self._long_networks(part)
            for k, runs in enumerate(forecast(part, self.data.test)):
                weights, links = counts(part.pick([k]))
                scores = replace(self._one(runs, weights), links=links)
                judged.append(replace(scores, long=long[k]))
        return judged

    def baseline(self, run: Callable[..., Runs], weights: WeightCounts) -> SimulationScores:
        """The same for a model that is no network; `run(start, u)` returns its free runs."""
        scores = self._one(_forecast(run, self.data.test), weights)
        if self.data.long is None:
            return scores
        parts = [self._over_long(_forecast(run, part), part) for part in _parts(self.data.long)]
        return replace(scores, long=_joined(parts))

    def _one(self, runs: Runs, weights: WeightCounts) -> SimulationScores:
        truth, _, _ = self.data.test.padded()
        scores = horizon_scores(
            runs,
            truth,
            scale=self.scale,
            horizons=self.evaluate.horizons,
            lengths=self.data.test.lengths,
        )
        shown = self.data.shown_index
        return SimulationScores(
            weights,
            {horizon: _each(score) for horizon, score in scores.items()},
            shown_runs=runs[: self.evaluate.shown, shown],
            shown_index=shown.astype(float),
        )

    def _long_networks(self, ensemble: Ensemble) -> list[LongRuns | None]:
        """The long runs of every network, a few trajectories at a time; None if not requested."""
        if self.data.long is None:
            return [None] * len(ensemble)
        parts: list[list[LongRuns]] = [[] for _ in range(len(ensemble))]
        for dataset in _parts(self.data.long):
            for k, runs in enumerate(forecast(ensemble, dataset)):
                parts[k].append(self._over_long(runs, dataset))
        return [_joined(of_member) for of_member in parts]

    def _over_long(self, runs: Runs, dataset: Dataset) -> LongRuns:
        """Scores of each run over trajectories that are longer than the test set."""
        truth, _, _ = dataset.padded()
        lengths, exits = dataset.lengths, box_exits(runs, self.box)
        # Each over its own length: a simulation of the plant may have ended early.
        scores = horizon_scores(
            runs, truth, scale=self.scale, horizons=sorted(set(lengths)), lengths=lengths
        )
        at = range(len(lengths))
        finite = [np.isfinite(runs[i, : lengths[i]]).all() for i in at]
        return LongRuns(
            rfmse=np.array([scores[lengths[i]].error[i] for i in at]),
            diverged=np.array([scores[lengths[i]].diverged[i] for i in at], float),
            exit_sample=exits.sample.astype(float),
            exit_state=exits.state.astype(float),
            nonfinite=float(len(finite) - sum(finite)),
        )


def counts(network: Ensemble) -> tuple[WeightCounts, Float[np.ndarray, "outputs inputs"]]:
    """(numbers of weights and units, 1 where a path of nonzero weights exists, else 0)."""
    zeros, found = sparsity(network), structure(network)
    weights = WeightCounts(
        zero_share=zeros.zero_share,
        small_share=zeros.small_share,
        nonzero=zeros.nonzero_median,
        weights=sum(layer.weights for layer in zeros.layers),
        live_units=float(found.units[0]),
        live_weights=float(found.weights[0]),
    )
    return weights, found.links[0].astype(float)


def _each(score: HorizonScore) -> HorizonRuns:
    return HorizonRuns(
        diverged=np.where(score.counted, score.diverged, np.nan),
        rfmse=np.where(score.counted, score.error, np.nan),
        diverged_count=score.diverged_count,
        runs=score.runs,
        rfmse_mean=score.rfmse_mean,
        rfmse_std=score.rfmse_std,
    )


def _joined(parts: list[LongRuns]) -> LongRuns:
    names = ("rfmse", "diverged", "exit_sample", "exit_state")
    joined = (np.concatenate([getattr(part, name) for part in parts]) for name in names)
    return LongRuns(*joined, nonfinite=sum(part.nonfinite for part in parts))


def _parts(long: Dataset) -> list[Dataset]:
    """A few trajectories each; the number depends on the data alone, as rounding depends on it."""
    width = max(HELD // 2 // (max(long.lengths) * len(long.states)), 1)
    return [long[at : at + width] for at in range(0, len(long), width)]


def _together(test: Dataset, long: Dataset | None) -> int:
    """How many networks run at once: a multiple of the number of devices, limited by `HELD`."""
    largest = max(
        len(part) * max(part.lengths) * len(part.states)
        for part in (test, *([] if long is None else _parts(long)))
    )
    devices = jax.device_count()
    return max(HELD // largest // devices, 1) * devices


def _forecast(run: Callable[..., Runs], dataset: Dataset) -> Runs:
    """As `evaluation.forecast`: samples after the end of a trajectory are NaN."""
    x, _, u = dataset.padded()
    past = np.arange(x.shape[1]) >= np.array(dataset.lengths)[:, None]
    return np.where(past[..., None], np.nan, run(x[:, 0], u))
