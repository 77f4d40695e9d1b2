"""Computation of a study of pruning paths."""

from sparsid.study.tasks.prune.cells import cells, groups
from sparsid.study.tasks.prune.datasets import prepare, truth
from sparsid.study.tasks.prune.groups import run

__all__ = ["cells", "groups", "prepare", "run", "truth"]
