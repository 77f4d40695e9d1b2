"""Studies of fitting functions, as a task."""

from typing import Any

from sparsid.study.task import Running, Task
from sparsid.study.tasks.map.spec import MapStudySpec, check


def _running() -> Running:
    from sparsid.study.tasks.map import running

    return running


def _view(study: MapStudySpec, stored: Any) -> Any:
    from sparsid.study.tasks.map.results import MapResults

    problem = next(p for p in study.problem if p.name == stored.place["problem"])
    spec = next(c for c in study.configuration if c.name == stored.name)
    return MapResults(problem, spec, stored.place["rate"], stored.rows)


def _report(results: Any) -> Any:
    from sparsid.study.tasks.map import report

    return report.report(results)


MAP = Task(
    "map", MapStudySpec, check, _running, _view, _report, by=("problem", "rate"), recorded=False
)
