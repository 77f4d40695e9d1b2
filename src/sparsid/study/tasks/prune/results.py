"""A path study's rows read back: arrays by configuration, from its folder alone."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from sparsid.results import Row
from sparsid.study.stored import read_stored
from sparsid.study.tasks.prune.spec import PathConfigurationSpec, PathStudySpec


@dataclass(frozen=True)
class PathResults:
    """What is stored of one configuration, its networks in the order of their seeds."""

    spec: PathConfigurationSpec
    rows: tuple[Row, ...]
    models: tuple[Path, ...]
    missing: int

    @property
    def name(self) -> str:
        return self.spec.name

    def number(self, name: str) -> Float[np.ndarray, " network"]:
        """A number of every network; inf where it is not finite."""
        found = [row.numbers.get(name) for row in self.rows]
        return np.array([np.inf if value is None else value for value in found])

    def best(self, count: int = 3) -> list[int]:
        """The networks of least validation error before pruning, as the paper picks them."""
        return [int(i) for i in np.argsort(self.number("full_validation"))[:count]]

    def at_removed(self, part: str, removed: int) -> Float[np.ndarray, " network"]:
        """Errors of the first network on each path with at least so many numbers removed.

        NaN where a path ends before.
        """
        return np.array([_at(row, part, removed) for row in self.rows])


@dataclass(frozen=True)
class PathStudyResults:
    """Everything in a path study's folder; `missing` counts cells not stored yet."""

    folder: Path
    study: PathStudySpec
    configurations: tuple[PathResults, ...]  # those with at least one row
    missing: int


def load_paths(folder: str | Path) -> PathStudyResults:
    """Reads the folder of a path study. Raises SparsidError for one that is none, or is damaged."""
    stored = read_stored(folder, PathStudySpec, "configuration")
    found, missing = [], 0
    for spec in stored.study.configuration:
        rows, lacking = stored.rows(spec.name)
        missing += lacking
        if rows:
            models = tuple(stored.store.model_path(row.key) for row in rows)
            found.append(PathResults(spec, rows, models, lacking))
    return PathStudyResults(stored.store.folder, stored.study, tuple(found), missing)


def _at(row: Row, part: str, removed: int) -> float:
    left = row.series["left"]
    far = np.flatnonzero(left <= left[0] - removed)
    return float(row.series[part][far[0]]) if len(far) else np.nan
