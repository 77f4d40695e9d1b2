"""Runs one group after the other in this process, on all its devices."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from sparsid.study.executors.base import ExecutorKind, run_group

if TYPE_CHECKING:
    from sparsid.study.task import Group, Job, Ticking
    from sparsid.training.progress import Stop


class Serial:
    """Runs each group on all devices of this process."""

    def run(self, groups: "Sequence[Group]", job: "Job", *, tick: "Ticking", stop: "Stop") -> None:
        """Runs one group after the other."""
        for group in groups:
            run_group(group, job, tick=tick, stop=stop)


SERIAL = ExecutorKind("one group after the other, all cores or the GPU on each", Serial)
