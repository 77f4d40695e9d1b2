"""A study's rows read back: arrays by configuration, from its folder alone."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float

from sparsid._errors import SparsidError
from sparsid.results import Row
from sparsid.study.stored import read_stored
from sparsid.study.tasks.simulate.spec import ConfigurationSpec, StudySpec


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


@dataclass(frozen=True)
class StudyResults:
    """Everything in a study's folder. `dt` in s; `missing` counts cells not stored yet."""

    folder: Path
    study: StudySpec
    dt: float
    states: tuple[str, ...]
    units: tuple[str | None, ...]
    configurations: tuple[ConfigurationResults, ...]  # those with at least one row
    missing: int

    @property
    def horizons(self) -> tuple[int, ...]:
        return self.study.evaluate.horizons

    @cached_property
    def at(self) -> dict[tuple[str, int], ConfigurationResults]:
        """By name and size."""
        return {(found.name, found.size): found for found in self.configurations}

    @cached_property
    def whole(self) -> dict[str, ConfigurationResults]:
        """By name, each at the largest size stored: what is compared with the published."""
        largest = max((found.size for found in self.configurations), default=0)
        return {found.name: found for found in self.configurations if found.size == largest}

    @property
    def sizes(self) -> tuple[int, ...]:
        return tuple(sorted({found.size for found in self.configurations}))

    def named(self, name: str) -> ConfigurationResults:
        """The configuration at the largest size. Raises SparsidError if it has no rows."""
        self.study.named(name)
        if name not in self.whole:
            raise SparsidError(
                f"{self.folder} holds no rows of {name!r} yet; `sparsid study run` makes them."
            )
        return self.whole[name]

    def test_runs(self, found: ConfigurationResults) -> int:
        """How many test trajectories each network of a configuration ran over."""
        return found.series(f"rfmse_{self.horizons[0]}").shape[1]

    @property
    def truth_path(self) -> Path:
        """The test trajectories of which rows keep "shown_runs" (NetCDF)."""
        return self.folder / "truth.nc"


def _last_known(series: Float[np.ndarray, " epochs"]) -> float:
    known = series[~np.isnan(series)]
    return float(known[-1]) if known.size else np.nan


def load_results(folder: str | Path) -> StudyResults:
    """Reads the folder of a study. Raises SparsidError for one that is none, or is damaged."""
    stored = read_stored(
        folder,
        StudySpec,
        "configuration",
        "size",
        also={"dt": (int, float), "states": list, "units": list},
    )
    configurations, missing = [], 0
    for spec in stored.study.configuration:
        for size in sorted(size for name, size in stored.keys if name == spec.name):
            rows, lacking = stored.rows(spec.name, size)
            missing += lacking
            if rows:
                configurations.append(ConfigurationResults(spec, size, rows, lacking))
    said = stored.said
    return StudyResults(
        stored.store.folder,
        stored.study,
        said["dt"],
        tuple(said["states"]),
        tuple(said["units"]),
        tuple(configurations),
        missing,
    )
