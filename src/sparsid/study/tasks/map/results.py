"""A map study's rows read back, from its folder alone."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from sparsid.results import Row
from sparsid.study.stored import read_stored
from sparsid.study.tasks.map.spec import MapConfigurationSpec, MapStudySpec, ProblemSpec


@dataclass(frozen=True)
class MapResults:
    """What is stored of one problem, configuration and rate, in the order of the seeds."""

    problem: ProblemSpec
    spec: MapConfigurationSpec
    rate: float
    rows: tuple[Row, ...]

    @property
    def name(self) -> str:
        return self.spec.name

    @property
    def test(self) -> Float[np.ndarray, " start"]:
        """Test errors in standard deviations of the function; inf where one is not finite."""
        found = [row.numbers["test_rmse"] for row in self.rows]
        return np.array([np.inf if value is None else value for value in found])


@dataclass(frozen=True)
class MapStudyResults:
    """Everything in a map study's folder; `missing` counts cells not stored yet."""

    folder: Path
    study: MapStudySpec
    configurations: tuple[MapResults, ...]  # those with at least one row
    missing: int


def load_maps(folder: str | Path) -> MapStudyResults:
    """Reads the folder of a map study. Raises SparsidError for one that is none, or is damaged."""
    stored = read_stored(folder, MapStudySpec, "problem", "configuration", "rate")
    found, missing = [], 0
    for problem in stored.study.problem:
        for spec in stored.study.configuration:
            for rate in problem.rates:
                rows, lacking = stored.rows(problem.name, spec.name, rate)
                missing += lacking
                if rows:
                    found.append(MapResults(problem, spec, rate, rows))
    return MapStudyResults(stored.store.folder, stored.study, tuple(found), missing)
