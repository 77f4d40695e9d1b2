"""A finished cell judged: free runs over test trajectories become a row of results."""

from collections.abc import Callable
from dataclasses import dataclass

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
from sparsid.study.tasks.simulate.spec import EvaluateSpec

# Numbers of free runs held at once (320 MB), unless one network a device makes more of them.
HELD = 40_000_000

Numbers = dict[str, float | None]
Series = dict[str, np.ndarray]
Runs = Float[np.ndarray, "trajectory T n"]


@dataclass(frozen=True)
class Judge:
    """What all cells of a study are judged by, in physical units, so that their rows compare.

    `scale` (or the test set's, if asked for) and `box` (smallest, largest) of the states are those
    of the whole training set, also for a network that was trained on a part of it.
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

    def networks(self, ensemble: Ensemble) -> list[tuple[Numbers, Series]]:
        """Numbers and series of every member, a bounded number of runs at a time."""
        judged = []
        width = _together(self.data.test, self.data.long)
        for at in range(0, len(ensemble), width):
            part = ensemble.pick(range(at, min(at + width, len(ensemble))))
            for alone, runs in zip(_alone(part), forecast(part, self.data.test), strict=True):
                numbers, links = counts(alone)
                numbers, series = self._one(runs, numbers)
                judged.append((numbers, series | links))
            for k, (exits, long) in enumerate(self._long_networks(part)):
                numbers, series = judged[at + k]
                judged[at + k] = (numbers | exits, series | long)
        return judged

    def baseline(self, run: Callable[..., Runs], weights: Numbers) -> tuple[Numbers, Series]:
        """The same of one model that is no network; `run(start, u)` gives its free runs."""
        numbers, series = self._one(_forecast(run, self.data.test), weights)
        if self.data.long is None:
            return numbers, series
        parts = [self._over_long(_forecast(run, part), part) for part in _parts(self.data.long)]
        exits, long = _joined(parts)
        return numbers | exits, series | long

    def _one(self, runs: Runs, weights: Numbers) -> tuple[Numbers, Series]:
        truth, _, _ = self.data.test.padded()
        scores = horizon_scores(
            runs,
            truth,
            scale=self.scale,
            horizons=self.evaluate.horizons,
            lengths=self.data.test.lengths,
        )
        shown = self.data.shown_index
        series: Series = {
            "shown_runs": runs[: self.evaluate.shown, shown],
            "shown_index": shown.astype(float),
        }
        numbers = dict(weights)
        for horizon, score in scores.items():
            numbers |= {
                f"diverged_{horizon}": score.diverged_count,
                f"runs_{horizon}": score.runs,
                f"rfmse_mean_{horizon}": score.rfmse_mean,
                f"rfmse_std_{horizon}": score.rfmse_std,
            }
            series |= {f"{name}_{horizon}": array for name, array in _each(score).items()}
        return numbers, series

    def _long_networks(self, ensemble: Ensemble) -> list[tuple[Numbers, Series]]:
        """Numbers and series of the long runs, a few trajectories at a time; none if not asked."""
        if self.data.long is None:
            return []
        parts: list[list[Series]] = [[] for _ in range(len(ensemble))]
        for dataset in _parts(self.data.long):
            for k, runs in enumerate(forecast(ensemble, dataset)):
                parts[k].append(self._over_long(runs, dataset))
        return [_joined(of_member) for of_member in parts]

    def _over_long(self, runs: Runs, dataset: Dataset) -> Series:
        """What happened to each run over trajectories longer than any of the test set."""
        truth, _, _ = dataset.padded()
        lengths, exits = dataset.lengths, box_exits(runs, self.box)
        # Each over its own length: a plant's run may have ended early.
        scores = horizon_scores(
            runs, truth, scale=self.scale, horizons=sorted(set(lengths)), lengths=lengths
        )
        at = range(len(lengths))
        finite = [np.isfinite(runs[i, : lengths[i]]).all() for i in at]
        return {
            "long_rfmse": np.array([scores[lengths[i]].error[i] for i in at]),
            "long_diverged": np.array([scores[lengths[i]].diverged[i] for i in at], float),
            "long_nonfinite": ~np.array(finite) * 1.0,
            "long_exit_sample": exits.sample.astype(float),
            "long_exit_state": exits.state.astype(float),
        }


def counts(network: Ensemble) -> tuple[Numbers, Series]:
    """What one network is made of; `small` are weights of magnitude below 1e-3, scaled.

    Live are units and weights on a path of nonzero weights from an input to an output; "links" has
    1 where such a path leads (outputs x inputs), else 0.
    """
    zeros, found = sparsity(network), structure(network)
    numbers: Numbers = {
        "zero_share": zeros.zero_share,
        "small_share": zeros.small_share,
        "nonzero": zeros.nonzero_median,
        "weights": sum(layer.weights for layer in zeros.layers),
        "live_units": float(found.units[0]),
        "live_weights": float(found.weights[0]),
    }
    return numbers, {"links": found.links[0].astype(float)}


def _alone(ensemble: Ensemble) -> list[Ensemble]:
    return [ensemble.pick([i]) for i in range(len(ensemble))]


def _each(score: HorizonScore) -> Series:
    """Error and divergence of each run; NaN over trajectories shorter than the horizon."""
    return {
        "rfmse": np.where(score.counted, score.error, np.nan),
        "diverged": np.where(score.counted, score.diverged, np.nan),
    }


def _joined(parts: list[Series]) -> tuple[Numbers, Series]:
    series = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    numbers: Numbers = {
        "long_runs": float(len(series["long_rfmse"])),
        "long_diverged": float(series["long_diverged"].sum()),
        "long_nonfinite": float(series.pop("long_nonfinite").sum()),
        "long_left_box": float((series["long_exit_sample"] >= 0).sum()),
    }
    return numbers, series


def _parts(long: Dataset) -> list[Dataset]:
    """A few trajectories each: how many follows from the data alone, as rounding may from it."""
    width = max(HELD // 2 // (max(long.lengths) * len(long.states)), 1)
    return [long[at : at + width] for at in range(0, len(long), width)]


def _together(test: Dataset, long: Dataset | None) -> int:
    """How many networks run side by side: a multiple of the devices within what may be held."""
    largest = max(
        len(part) * max(part.lengths) * len(part.states)
        for part in (test, *([] if long is None else _parts(long)))
    )
    devices = jax.device_count()
    return max(HELD // largest // devices, 1) * devices


def _forecast(run: Callable[..., Runs], dataset: Dataset) -> Runs:
    """As `evaluation.forecast`: rows past a trajectory's own length are NaN."""
    x, _, u = dataset.padded()
    past = np.arange(x.shape[1]) >= np.array(dataset.lengths)[:, None]
    return np.where(past[..., None], np.nan, run(x[:, 0], u))
