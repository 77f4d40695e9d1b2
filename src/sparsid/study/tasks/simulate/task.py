"""Studies of simulators, as a task."""

from typing import Any

from sparsid.study.task import Running, Task
from sparsid.study.tasks.simulate.spec import StudySpec, check, expand, with_effort


def _running() -> Running:
    from sparsid.study.tasks.simulate import running

    return running


def _view(study: StudySpec, stored: Any) -> Any:
    from sparsid.study.tasks.simulate.results import ConfigurationResults

    spec = study.named(stored.name)
    return ConfigurationResults(
        spec, stored.place["size"], study.evaluate.horizons, stored.rows, stored.missing
    )


def _report(results: Any) -> Any:
    from sparsid.study.tasks.simulate import report

    return report.report(results)


SIMULATE = Task(
    name="simulate",
    spec=StudySpec,
    check=check,
    running=_running,
    view=_view,
    report=_report,
    by=("size",),
    expand=expand,
    ready=with_effort,
)
