"""Executors run the groups of a study. One file per executor; every executor runs every task."""

from sparsid._errors import SparsidError
from sparsid._registry import Registry
from sparsid.study.executors.base import Executor, ExecutorKind

EXECUTORS: Registry[ExecutorKind] = Registry("executor")
EXECUTORS.add("serial", "sparsid.study.executors.serial:SERIAL")
EXECUTORS.add("processes", "sparsid.study.executors.processes:PROCESSES")
EXECUTORS.add("dask", "sparsid.study.executors.dask:DASK")

__all__ = ["EXECUTORS", "Executor", "ExecutorKind", "executor"]


def executor(name: str, *, workers: int | None = None, scheduler: str | None = None) -> Executor:
    """The executor called `name`, with the given options.

    Raises SparsidError for an unknown name, an option that the executor does not take, an invalid
    value, a missing package, and a cluster that cannot be used.
    """
    kind = EXECUTORS[name]
    if workers is not None and workers < 1:
        raise SparsidError(f"`workers` must be at least 1; got {workers}.")
    given = {"workers": workers, "scheduler": scheduler}
    given = {option: value for option, value in given.items() if value is not None}
    for option in given:
        if option not in kind.takes:
            others = [other for other in EXECUTORS if option in EXECUTORS[other].takes]
            raise SparsidError(
                f"The executor {name!r} takes no `{option}`: leave it out, or choose "
                f"{' or '.join(others)}."
            )
    return kind.build(**given)


def overview() -> str:
    """All executors with their descriptions, in one line."""
    return "; ".join(f"{name}: {EXECUTORS[name].about}" for name in EXECUTORS)


def taking(option: str) -> str:
    """The executors that take `option`, separated by commas."""
    return ", ".join(name for name in EXECUTORS if option in EXECUTORS[name].takes)
