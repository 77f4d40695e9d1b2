"""Stored results of a study of simulators, as arrays by configuration."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from sparsid._errors import SparsidError
from sparsid.results import Row
from sparsid.study.results import Stored, StudyResults
from sparsid.study.tasks.simulate.scores import HorizonRuns, SimulationScores
from sparsid.study.tasks.simulate.spec import ConfigurationSpec, StudySpec

type Series = np.ndarray


@dataclass(frozen=True)
class ConfigurationResults:
    """Stored results of one configuration at one size; the first axis of arrays is the seed.

    A baseline has only the seed 0. `missing` counts the seeds that are not stored yet.
    """

    spec: ConfigurationSpec
    size: int
    horizons: tuple[int, ...]
    rows: tuple[Row, ...]
    missing: int

    @property
    def name(self) -> str:
        return self.spec.name

    @property
    def seeds(self) -> tuple[int, ...]:
        return tuple(row.seed for row in self.rows)

    @cached_property
    def scores(self) -> tuple[SimulationScores, ...]:
        """The scores of every network."""
        return tuple(SimulationScores.of_row(row, self.horizons) for row in self.rows)

    def number(self, of: Callable[[SimulationScores], float | None]) -> Float[np.ndarray, " seed"]:
        """A score of every network; NaN where it is None."""
        return np.array([np.nan if (value := of(s)) is None else value for s in self.scores])

    def series(self, of: Callable[[SimulationScores], Series | None]) -> Series:
        """A series of every network, stacked along the first axis."""
        return np.stack([series for s in self.scores if (series := of(s)) is not None])

    def has(self, of: Callable[[SimulationScores], Any]) -> bool:
        """Whether all networks have this score."""
        return all(of(s) is not None for s in self.scores)

    def last(self, of: Callable[[SimulationScores], Series | None]) -> Float[np.ndarray, " seed"]:
        """The last value of a series over epochs that is not NaN; NaN if there is none."""
        return np.array([_last_known(of(s)) for s in self.scores])

    def diverged(self, horizon: int) -> Bool[np.ndarray, "seed trajectory"]:
        """Which runs diverged, over the test trajectories that reach the horizon."""
        return self._counted(horizon, lambda runs: runs.diverged) > 0

    def rfmse(self, horizon: int) -> Float[np.ndarray, "seed trajectory"]:
        """RFMSE of every run over the same trajectories, including diverged runs."""
        return self._counted(horizon, lambda runs: runs.rfmse)

    def kept_rfmse(self, horizon: int) -> Float[np.ndarray, " run"]:
        """RFMSE of the runs that did not diverge."""
        return self.rfmse(horizon)[~self.diverged(horizon)]

    def by_seed(
        self, horizon: int
    ) -> tuple[Float[np.ndarray, " seed"], Float[np.ndarray, " seed"]]:
        """Each network's mean RFMSE over its runs that did not diverge (NaN: none), and its share
        of diverged runs."""
        diverged = self.diverged(horizon)
        kept = np.where(diverged, 0.0, self.rfmse(horizon)).sum(axis=1)
        with np.errstate(invalid="ignore"):
            return kept / (~diverged).sum(axis=1), diverged.mean(axis=1)

    @property
    def test_runs(self) -> int:
        """The number of test trajectories that each network simulated."""
        return len(self.scores[0].horizons[self.horizons[0]].rfmse)

    def _counted(self, horizon: int, of: Callable[[HorizonRuns], np.ndarray]) -> np.ndarray:
        runs = [scores.horizons[horizon] for scores in self.scores]
        counted = ~np.isnan(np.stack([one.diverged for one in runs])).any(axis=0)
        return np.stack([of(one) for one in runs])[:, counted]


def view(study: StudySpec, stored: Stored) -> ConfigurationResults:
    """Stored results of one configuration at one size."""
    spec, horizons = study.named(stored.name), study.horizons
    return ConfigurationResults(spec, stored.place["size"], horizons, stored.rows, stored.missing)


def sizes(results: StudyResults) -> tuple[int, ...]:
    """The sizes that have stored rows, in increasing order."""
    return tuple(sorted({found.size for found in results.configurations}))


def at_largest(results: StudyResults) -> dict[str, ConfigurationResults]:
    """Configurations at the largest stored size, by name; these are compared with published."""
    largest = max(sizes(results), default=0)
    return {found.name: found for found in results.configurations if found.size == largest}


def configuration(results: StudyResults, name: str) -> ConfigurationResults:
    """The configuration `name` at the largest size. Raises SparsidError if it has no rows."""
    results.study.named(name)
    found = at_largest(results).get(name)
    if found is None:
        raise SparsidError(
            f"{results.folder} holds no rows of {name!r} yet; `sparsid study run` makes them."
        )
    return found


def _last_known(series: Float[np.ndarray, " epochs"] | None) -> float:
    known = np.zeros(0) if series is None else series[~np.isnan(series)]
    return float(known[-1]) if known.size else np.nan
