"""Studies of pruning paths, as a task."""

from typing import Any

from sparsid.study.task import Running, Task
from sparsid.study.tasks.prune.spec import PathStudySpec, check


def _running() -> Running:
    from sparsid.study.tasks.prune import running

    return running


def _view(study: PathStudySpec, stored: Any) -> Any:
    from sparsid.study.tasks.prune.results import PathResults

    spec = next(c for c in study.configuration if c.name == stored.name)
    return PathResults(spec, stored.rows, stored.models, stored.missing)


def _report(results: Any) -> Any:
    from sparsid.study.tasks.prune import report

    return report.report(results)


PRUNE = Task("prune", PathStudySpec, check, _running, _view, _report)
