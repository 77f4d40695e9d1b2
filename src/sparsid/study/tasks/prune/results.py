"""Stored results of a study of pruning paths, as arrays by configuration."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np
from jaxtyping import Float

from sparsid.results import Row
from sparsid.study.results import Stored
from sparsid.study.tasks.prune.scores import PathScores
from sparsid.study.tasks.prune.spec import PathConfigurationSpec, PathStudySpec


@dataclass(frozen=True)
class PathResults:
    """Stored results of one configuration; networks in the order of their seeds."""

    spec: PathConfigurationSpec
    rows: tuple[Row, ...]
    models: tuple[Path, ...]
    missing: int

    @property
    def name(self) -> str:
        return self.spec.name

    @cached_property
    def scores(self) -> tuple[PathScores, ...]:
        """The scores of every network."""
        return tuple(map(PathScores.of_row, self.rows))

    def number(self, point: str, what: str) -> Float[np.ndarray, " network"]:
        """For every network, `what` ("test") at a `point` of its path ("full") or "control".

        inf where the stored number is NaN or infinite.
        """
        found = [scores.at(point, what) for scores in self.scores]
        return np.array([np.inf if value is None else value for value in found])

    def best(self, count: int = 3) -> list[int]:
        """Indices of the networks of least validation error before pruning, best first."""
        return [int(i) for i in np.argsort(self.number("full", "validation"))[:count]]

    def at_removed(self, part: str, removed: int) -> Float[np.ndarray, " network"]:
        """Errors of the first network on each path with at least `removed` parameters removed.

        NaN where a path ends earlier.
        """
        return np.array([_at(scores, part, removed) for scores in self.scores])


def view(study: PathStudySpec, stored: Stored) -> PathResults:
    """Stored results of one configuration."""
    return PathResults(study.named(stored.name), stored.rows, stored.models, stored.missing)


def _at(scores: PathScores, part: str, removed: int) -> float:
    far = np.flatnonzero(scores.left <= scores.left[0] - removed)
    return float(getattr(scores, part)[far[0]]) if len(far) else np.nan
