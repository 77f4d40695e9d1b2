"""Studies of simulators, as a task."""

from sparsid.study.task import Task
from sparsid.study.tasks.simulate.exits import EXITS
from sparsid.study.tasks.simulate.spec import StudySpec, check, expand, with_effort

SIMULATE = Task(
    name="simulate",
    spec=StudySpec,
    check=check,
    package="sparsid.study.tasks.simulate",
    by=("size",),
    expand=expand,
    ready=with_effort,
    files=(EXITS,),
    compares=True,
)
