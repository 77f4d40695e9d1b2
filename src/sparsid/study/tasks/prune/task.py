"""Studies of pruning paths, as a task."""

from sparsid.study.task import Task
from sparsid.study.tasks.prune.spec import PathStudySpec, check

PRUNE = Task("prune", PathStudySpec, check, "sparsid.study.tasks.prune")
