"""Computation of a study of fitting functions."""

from sparsid.study.tasks.map.cells import cells, groups
from sparsid.study.tasks.map.groups import run
from sparsid.study.tasks.map.spec import MapStudySpec

__all__ = ["cells", "groups", "prepare", "run", "truth"]


def prepare(study: MapStudySpec) -> None:
    """Nothing: each group samples the points of its function."""


def truth(study: MapStudySpec, data: None) -> None:
    """None: functions have no time series."""
