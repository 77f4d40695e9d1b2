"""Computation of a study of simulators."""

from sparsid.study.tasks.simulate.cells import cells
from sparsid.study.tasks.simulate.datasets import prepare, truth
from sparsid.study.tasks.simulate.groups import run
from sparsid.study.tasks.simulate.plan import groups_of as groups

__all__ = ["cells", "groups", "prepare", "run", "truth"]
