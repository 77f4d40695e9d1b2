"""Studies of simulators, as a task."""

from sparsid.study.task import Task
from sparsid.study.tasks.simulate.checks import check
from sparsid.study.tasks.simulate.exits import EXITS
from sparsid.study.tasks.simulate.phases import expand, with_effort
from sparsid.study.tasks.simulate.spec import StudySpec

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
