"""Scores of a pruned network: errors along its path. `to_row` and `of_row` define their names."""

from dataclasses import dataclass, fields
from typing import Self

import numpy as np
from jaxtyping import Float

from sparsid.results import Row

PARTS = ("train", "validation", "test")
POINTS = ("full", "best", "smallest", "exploding", "last")

Numbers = dict[str, float | None]
Series = dict[str, np.ndarray]


@dataclass(frozen=True)
class Errors:
    """Sums of squared scaled errors over the three records; None where one is NaN or infinite."""

    train: float | None
    validation: float | None
    test: float | None


@dataclass(frozen=True)
class Point:
    """A network on a path: errors, remaining parameters, step, and iterations up to this step."""

    errors: Errors
    left: float
    step: float
    iterations: float


@dataclass(frozen=True)
class PathScores:
    """One path. `points` by name: "full", "best", "smallest", "exploding", "last".

    `control` is the full network trained for as many further iterations without pruning; `theta`
    are the parameters along the path, `saliency` their saliencies at the steps that have them.
    """

    points: dict[str, Point]
    control: Errors
    undone: float
    left: Float[np.ndarray, " steps"]
    iterations: Float[np.ndarray, " steps"]
    train: Float[np.ndarray, " steps"]
    validation: Float[np.ndarray, " steps"]
    test: Float[np.ndarray, " steps"]
    theta: Float[np.ndarray, "steps parameters"]
    saliency: Float[np.ndarray, "known parameters"]

    def at(self, point: str, what: str) -> float | None:
        """An error ("train", "validation", "test"), "left", "step" or "iterations" at a point."""
        if what not in PARTS:
            return getattr(self.points[point], what)
        return getattr(self.control if point == "control" else self.points[point].errors, what)

    def to_row(self) -> tuple[Numbers, Series]:
        """Numbers and series of a row."""
        numbers: Numbers = {"undone": self.undone}
        for name, point in self.points.items():
            numbers |= _errors_to_row(name, point.errors)
            numbers |= {f"{name}_{part}": getattr(point, part) for part in _PLACES}
        numbers |= _errors_to_row("control", self.control)
        return numbers, {name: getattr(self, name) for name in _SERIES}

    @classmethod
    def of_row(cls, row: Row) -> Self:
        """The scores in a row."""
        n = row.numbers

        def errors(name: str) -> Errors:
            return Errors(*(n[f"{name}_{part}"] for part in PARTS))

        def place(name: str, part: str) -> float:
            return float(n[f"{name}_{part}"] or 0)

        points = {
            name: Point(errors(name), *(place(name, part) for part in _PLACES)) for name in POINTS
        }
        series = {name: row.series[name] for name in _SERIES}
        return cls(points, errors("control"), float(n["undone"] or 0), **series)


_PLACES = ("left", "step", "iterations")
_SERIES = tuple(f.name for f in fields(PathScores) if f.name not in ("points", "control", "undone"))


def _errors_to_row(name: str, errors: Errors) -> Numbers:
    return {f"{name}_{part}": getattr(errors, part) for part in PARTS}
