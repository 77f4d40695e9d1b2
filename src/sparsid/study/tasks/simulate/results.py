"""A study's rows read back: arrays by configuration, from its folder alone."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from sparsid.results import Row
from sparsid.study.tasks.simulate.spec import ConfigurationSpec


@dataclass(frozen=True)
class ConfigurationResults:
    """What is stored of one configuration at one size; arrays lead with the seed.

    A baseline has the one seed 0. `missing` counts the seeds that are not stored yet.
    """

    spec: ConfigurationSpec
    size: int
    rows: tuple[Row, ...]
    missing: int

    @property
    def name(self) -> str:
        return self.spec.name

    @property
    def seeds(self) -> tuple[int, ...]:
        return tuple(row.seed for row in self.rows)

    def number(self, name: str) -> Float[np.ndarray, " seed"]:
        """A number of every row; NaN where a row has none."""
        found = [row.numbers.get(name) for row in self.rows]
        return np.array([np.nan if value is None else value for value in found])

    def series(self, name: str) -> Float[np.ndarray, "seed ..."]:
        """A series of every row, stacked: "shown_runs", "train_loss", "long_exit_sample" ..."""
        return np.stack([row.series[name] for row in self.rows])

    def has(self, name: str) -> bool:
        """Whether the rows hold this series."""
        return all(name in row.series for row in self.rows)

    def last(self, name: str) -> Float[np.ndarray, " seed"]:
        """The last number of a series over epochs that is not NaN; NaN where none is."""
        return np.array([_last_known(row.series[name]) for row in self.rows])

    def diverged(self, horizon: int) -> Bool[np.ndarray, "seed trajectory"]:
        """Which runs diverged, over the test trajectories that reach the horizon."""
        return self._counted("diverged", horizon) > 0

    def rfmse(self, horizon: int) -> Float[np.ndarray, "seed trajectory"]:
        """RFMSE of every run over the same trajectories, the diverged ones' too."""
        return self._counted("rfmse", horizon)

    def kept_rfmse(self, horizon: int) -> Float[np.ndarray, " run"]:
        """RFMSE of the runs that did not diverge."""
        return self.rfmse(horizon)[~self.diverged(horizon)]

    def by_seed(
        self, horizon: int
    ) -> tuple[Float[np.ndarray, " seed"], Float[np.ndarray, " seed"]]:
        """Each network's mean RFMSE over its runs that did not diverge (NaN: none), and the share
        of those that did."""
        lost = self.diverged(horizon)
        kept = np.where(lost, 0.0, self.rfmse(horizon)).sum(axis=1)
        with np.errstate(invalid="ignore"):
            return kept / (~lost).sum(axis=1), lost.mean(axis=1)

    def _counted(self, name: str, horizon: int) -> np.ndarray:
        counted = ~np.isnan(self.series(f"diverged_{horizon}")).any(axis=0)
        return self.series(f"{name}_{horizon}")[:, counted]


def _last_known(series: Float[np.ndarray, " epochs"]) -> float:
    known = series[~np.isnan(series)]
    return float(known[-1]) if known.size else np.nan
