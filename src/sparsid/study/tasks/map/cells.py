"""The cells of a study of fitting functions: each is one network from one start at one rate."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sparsid.study.cells import hashed_options
from sparsid.study.task import Cell
from sparsid.study.tasks.map.spec import MapConfigurationSpec, MapStudySpec, ProblemSpec

SCHEMA = 3  # of a cell's specification; raise it when equal options give another result
UNHASHED = ("name", "pair", "below", "rates")  # keys that change no result


@dataclass(frozen=True)
class Fit:
    """What a cell trains: a configuration's network on a problem."""

    problem: ProblemSpec
    configuration: MapConfigurationSpec
    rate: float


type MapCell = Cell[Fit]


@dataclass(frozen=True)
class MapGroup:
    """All starts of one problem, configuration and rate, trained as one stack."""

    fit: Fit
    cells: tuple[MapCell, ...]

    @property
    def keys(self) -> frozenset[str]:
        return frozenset(cell.key for cell in self.cells)

    def work(self, wanted: frozenset[str]) -> float:
        """Multiplications of the entire training: all starts run again if one is missing."""
        if not self.keys & wanted:
            return 0.0
        problem = self.fit.problem
        weights = sum(
            a * b for a, b in zip((2, *problem.widths), (*problem.widths, 1), strict=True)
        )
        return float(len(self.cells) * problem.epochs * problem.train * weights)


def cells(study: MapStudySpec, data: None = None) -> tuple[MapCell, ...]:
    """All cells, by problem, configuration, rate and seed."""
    return tuple(
        _cell(Fit(problem, configuration, rate), seed)
        for problem in study.problem
        for configuration in study.configuration
        for rate in problem.rates
        for seed in study.training.seeds
    )


def groups(cells: Sequence[MapCell]) -> tuple[MapGroup, ...]:
    """The cells grouped by problem, configuration and rate."""
    alike: dict[tuple[Any, ...], list[MapCell]] = {}
    for cell in cells:
        alike.setdefault((cell.of.problem.name, cell.name, cell.of.rate), []).append(cell)
    return tuple(MapGroup(same[0].of, tuple(same)) for same in alike.values())


def _cell(fit: Fit, seed: int) -> MapCell:
    own, problem = hashed_options(fit.configuration), hashed_options(fit.problem)
    for name in UNHASHED:
        own.pop(name, None)
        problem.pop(name, None)
    specification = {
        "schema": SCHEMA,
        "task": "map",
        "problem": problem,
        "configuration": own,
        "rate": fit.rate,
        "seed": seed,
    }
    place = {"problem": fit.problem.name, "rate": fit.rate, "seed": seed}
    return Cell(fit.configuration.name, place, specification, fit)
