"""The computing part of a study of fitting functions."""

from sparsid.study.tasks.map.cells import cells, groups
from sparsid.study.tasks.map.groups import run
from sparsid.study.tasks.map.spec import MapStudySpec

__all__ = ["cells", "groups", "prepare", "run", "truth"]


def prepare(study: MapStudySpec) -> None:
    """Nothing: whoever fits a function draws its points."""


def truth(study: MapStudySpec, data: None) -> None:
    """Functions have no record."""
