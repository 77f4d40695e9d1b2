"""Studies of fitting functions, as a task."""

from sparsid.study.task import Task
from sparsid.study.tasks.map.spec import MapStudySpec, check

MAP = Task(
    "map",
    MapStudySpec,
    check,
    "sparsid.study.tasks.map",
    by=("problem", "rate"),
    recorded=False,
)
