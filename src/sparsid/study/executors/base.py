"""What executors have in common. Importing this, and every executor, imports nothing heavy."""

import os
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from sparsid._errors import SparsidError

if TYPE_CHECKING:
    from sparsid.study.task import Group, Job, Ticking
    from sparsid.training.progress import Stop


class Executor(Protocol):
    """Runs groups; made with the options it takes."""

    def run(self, groups: "Sequence[Group]", job: "Job", *, tick: "Ticking", stop: "Stop") -> None:
        """Brings all groups to their end, the first ones first; `tick` is called in this thread.

        When `stop` is asked for, groups end after their running epoch and no other begins. What is
        stored stays, whatever happens. Raises SparsidError where the groups cannot be run.
        """
        ...


@dataclass(frozen=True)
class ExecutorKind:
    """A kind of executor: what it does, in a few words; the options it takes; how it is made."""

    about: str
    build: Callable[..., Executor]
    takes: tuple[str, ...] = ()


def run_group(group: "Group", job: "Job", *, tick: "Ticking", stop: "Stop") -> None:
    """Runs one group, but not after a stop, nor where all that is wanted of it is stored by now.

    Another run may work in the same folder.
    """
    if stop.asked:
        return
    if is_stored(group, job):
        tick(whole(group, job))
    else:
        job.run(group, tick=tick, stop=stop)


def is_stored(group: "Group", job: "Job") -> bool:
    """Whether all wanted cells of the group are in the store."""
    return group.keys & job.wanted <= job.store.keys()


def whole(group: "Group", job: "Job"):
    """The progress of all that is wanted of a group."""
    from sparsid.study.task import Tick

    return Tick(group.work(job.wanted), len(group.keys & job.wanted))


def cores() -> int:
    """Processor cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def use_one_core() -> None:
    """Makes this worker process compute on one core and no accelerator, as all workers do.

    Rows are then those of a serial run: on a processor a member's bits do not depend on its
    company. Raises SparsidError if JAX already runs otherwise.
    """
    import jax

    from sparsid._devices import use_cores

    jax.config.update("jax_platforms", "cpu")
    use_cores(1)
    if jax.default_backend() != "cpu":
        raise SparsidError(
            f"A worker computes on a processor, but JAX already runs on {jax.default_backend()} in "
            "it; start new workers."
        )


@contextmanager
def picklable_errors() -> Iterator[None]:
    """Refusals within it can be pickled: their kinds take other arguments than their message."""
    try:
        yield
    except SparsidError as error:
        raise SparsidError(str(error)) from None
