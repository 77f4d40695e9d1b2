"""A path study's rows read back: arrays by configuration, from its folder alone."""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from jaxtyping import Float

from sparsid.results import Row
from sparsid.study.tasks.prune.spec import PathConfigurationSpec


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


def _at(row: Row, part: str, removed: int) -> float:
    left = row.series["left"]
    far = np.flatnonzero(left <= left[0] - removed)
    return float(row.series[part][far[0]]) if len(far) else np.nan
