"""Scores of one simulator: its weights and its free runs.

`to_row` and `of_row` define their names in rows. Errors are in standard deviations of the states
over the training set.
"""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, fields
from typing import Self

import numpy as np
from jaxtyping import Float

from sparsid.results import Row

Numbers = dict[str, float | None]
Series = dict[str, np.ndarray]


@dataclass(frozen=True)
class WeightCounts:
    """Numbers of weights and units of one network; `small` scaled weights are below 1e-3.

    Live (active) units and weights lie on a path of nonzero weights from an input to an output.
    None where a baseline has no such number.
    """

    zero_share: float | None = None
    small_share: float | None = None
    nonzero: float | None = None
    weights: float | None = None
    live_units: float | None = None
    live_weights: float | None = None

    def to_numbers(self) -> Numbers:
        """Numbers of a row; a baseline has no units."""
        known = asdict(self)
        return known if self.live_weights is not None else {n: known[n] for n in _OF_BASELINES}


@dataclass(frozen=True)
class HorizonRuns:
    """Free runs evaluated at one horizon.

    `diverged` (1 or 0) and `rfmse` of each run are NaN for trajectories that are shorter. The other
    numbers are over the remaining trajectories, `rfmse_mean` and `rfmse_std` over the runs that did
    not diverge (None: all did).
    """

    diverged: Float[np.ndarray, " run"]
    rfmse: Float[np.ndarray, " run"]
    diverged_count: float | None = None
    runs: float | None = None
    rfmse_mean: float | None = None
    rfmse_std: float | None = None


@dataclass(frozen=True)
class LongRuns:
    """Free runs over separate trajectories that are longer than the test set.

    `exit_sample` is the first sample outside the box of the training data (-1: none), and
    `exit_state` the state that left it.
    """

    rfmse: Float[np.ndarray, " run"]
    diverged: Float[np.ndarray, " run"]
    exit_sample: Float[np.ndarray, " run"]
    exit_state: Float[np.ndarray, " run"]
    nonfinite: float

    @property
    def left_box(self) -> float:
        """Number of runs that left the box."""
        return float((self.exit_sample >= 0).sum())


@dataclass(frozen=True)
class SimulationScores:
    """Scores of one simulator: weights, free runs over the test set, and losses.

    `links` (outputs, inputs) is 1 where a path of nonzero weights exists. `shown_runs` are the
    first free runs at the samples `shown_index`; losses are those after each epoch, NaN after the
    network was frozen. None where a score does not exist.
    """

    weights: WeightCounts
    horizons: dict[int, HorizonRuns]
    shown_runs: Float[np.ndarray, "run points n"] | None = None
    shown_index: Float[np.ndarray, " points"] | None = None
    links: Float[np.ndarray, "outputs inputs"] | None = None
    long: LongRuns | None = None
    train_loss: Float[np.ndarray, " epoch"] | None = None
    validation_loss: Float[np.ndarray, " epoch"] | None = None

    def to_row(self) -> tuple[Numbers, Series]:
        """Numbers and series of a row."""
        numbers = self.weights.to_numbers()
        series: Series = {name: getattr(self, name) for name in _ARRAYS}
        for horizon, runs in self.horizons.items():
            numbers |= {_at(horizon, n): getattr(runs, field) for field, n in _AT_HORIZON.items()}
            series |= {_at(horizon, n): getattr(runs, n) for n in _OF_RUNS}
        if self.long is not None:
            numbers |= {
                "long_runs": float(len(self.long.rfmse)),
                "long_diverged": float(self.long.diverged.sum()),
                "long_nonfinite": self.long.nonfinite,
                "long_left_box": self.long.left_box,
            }
            series |= {f"long_{name}": getattr(self.long, name) for name in _LONG}
        return numbers, {name: array for name, array in series.items() if array is not None}

    @classmethod
    def of_row(cls, row: Row, horizons: Sequence[int]) -> Self:
        """The scores in a row of a study with these horizons."""
        numbers, series = row.numbers, row.series
        weights = WeightCounts(**{f.name: numbers.get(f.name) for f in fields(WeightCounts)})
        judged = {
            horizon: HorizonRuns(
                series[_at(horizon, "diverged")],
                series[_at(horizon, "rfmse")],
                **{field: numbers.get(_at(horizon, name)) for field, name in _AT_HORIZON.items()},
            )
            for horizon in horizons
        }
        long = None
        if "long_rfmse" in series:
            arrays = {name: series[f"long_{name}"] for name in _LONG}
            long = LongRuns(**arrays, nonfinite=numbers.get("long_nonfinite") or 0.0)
        return cls(weights, judged, long=long, **{name: series.get(name) for name in _ARRAYS})


_OF_RUNS = ("diverged", "rfmse")
_AT_HORIZON = {
    "diverged_count": "diverged",
    "runs": "runs",
    "rfmse_mean": "rfmse_mean",
    "rfmse_std": "rfmse_std",
}
_LONG = ("rfmse", "diverged", "exit_sample", "exit_state")
_ARRAYS = ("shown_runs", "shown_index", "links", "train_loss", "validation_loss")
_OF_BASELINES = ("zero_share", "small_share", "nonzero", "weights")


def _at(horizon: int, name: str) -> str:
    return f"{name}_{horizon}"
