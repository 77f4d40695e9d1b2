"""The cells of a study of pruning paths: each trains and prunes one network."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sparsid.results import digest
from sparsid.study.cells import hashed_model, hashed_options
from sparsid.study.task import Cell
from sparsid.study.tasks.prune.datasets import PathData
from sparsid.study.tasks.prune.spec import PathConfigurationSpec, PathStudySpec

SCHEMA = 2  # of a cell's specification; raise it when equal options give another result

type PathCell = Cell[PathConfigurationSpec]


@dataclass(frozen=True)
class PathGroup:
    """All networks of one configuration: trained, pruned and stored together."""

    spec: PathConfigurationSpec
    cells: tuple[PathCell, ...]

    @property
    def keys(self) -> frozenset[str]:
        return frozenset(cell.key for cell in self.cells)

    @property
    def checkpoint(self) -> str:
        """The name of the checkpoint of unfinished paths."""
        return digest({"cells": [cell.key for cell in self.cells]})

    def work(self, wanted: frozenset[str]) -> float:
        """Number of networks: all run again if one is missing."""
        return float(len(self.cells)) if self.keys & wanted else 0.0


def cells(study: PathStudySpec, data: PathData | None = None) -> tuple[PathCell, ...]:
    """All cells, by configuration, then seed; determined by `study` alone."""
    common = {"schema": SCHEMA, "task": "prune", "data": hashed_options(study.data)}
    return tuple(
        Cell(c.name, {"seed": seed}, {**common, **_hashed(c), "seed": seed}, c)
        for c in study.configuration
        for seed in study.training.seeds
    )


def groups(cells: Sequence[PathCell]) -> tuple[PathGroup, ...]:
    """The cells grouped by configuration."""
    names = dict.fromkeys(cell.name for cell in cells)
    alike = (tuple(cell for cell in cells if cell.name == name) for name in names)
    return tuple(PathGroup(same[0].of, same) for same in alike)


def _hashed(c: PathConfigurationSpec) -> dict[str, Any]:
    return {
        "model": hashed_model(c.model, usual="narx"),
        "prune": hashed_options(c.prune),
        "start": [c.start, c.restarts],
        "train": [hashed_options(phase) for phase in c.train],
        "refine": [hashed_options(phase) for phase in c.refine],
    }
