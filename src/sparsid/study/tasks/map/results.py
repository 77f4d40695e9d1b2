"""Stored results of a study of fitting functions."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from sparsid.results import Row
from sparsid.study.results import Stored
from sparsid.study.tasks.map.scores import MapScores
from sparsid.study.tasks.map.spec import MapConfigurationSpec, MapStudySpec, ProblemSpec


@dataclass(frozen=True)
class MapResults:
    """Stored rows of one problem, configuration and rate, in the order of the seeds."""

    problem: ProblemSpec
    spec: MapConfigurationSpec
    rate: float
    rows: tuple[Row, ...]

    @property
    def name(self) -> str:
        return self.spec.name

    @property
    def test(self) -> Float[np.ndarray, " start"]:
        """Test errors in standard deviations of the function; inf where one is NaN or infinite."""
        found = [MapScores.of_row(row).test_rmse for row in self.rows]
        return np.array([np.inf if value is None else value for value in found])


def view(study: MapStudySpec, stored: Stored) -> MapResults:
    """Stored results of one configuration on one problem at one rate."""
    problem = next(p for p in study.problem if p.name == stored.place["problem"])
    return MapResults(problem, study.named(stored.name), stored.place["rate"], stored.rows)
