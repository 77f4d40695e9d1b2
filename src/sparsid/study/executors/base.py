"""The interface of executors and shared functions. Importing executors does not import JAX."""

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
    """Runs groups of cells; constructed with its options."""

    def run(self, groups: "Sequence[Group]", job: "Job", *, tick: "Ticking", stop: "Stop") -> None:
        """Runs all groups, starting them in order; `tick` is called in this thread.

        After a stop request, running groups end after their current epoch and no other starts.
        Stored rows are never removed. Raises SparsidError if the groups cannot be run.
        """
        ...


@dataclass(frozen=True)
class ExecutorKind:
    """A registered executor: a short description, its constructor and the options it takes."""

    about: str
    build: Callable[..., Executor]
    takes: tuple[str, ...] = ()


def run_group(group: "Group", job: "Job", *, tick: "Ticking", stop: "Stop") -> None:
    """Runs one group unless a stop is requested or all of its wanted cells are already stored.

    Another run may have stored them in the same folder.
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
    """The progress of a finished group: its wanted cells and their work."""
    from sparsid.study.task import Tick

    return Tick(group.work(job.wanted), len(group.keys & job.wanted))


def cores() -> int:
    """Number of processor cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def use_one_core() -> None:
    """Restricts this worker process to one core and no accelerator.

    Rows then equal those of a serial run: on a processor a member's bits do not depend on the
    other members. Raises SparsidError if JAX is already initialised on another device.
    """
    import jax

    from sparsid._devices import use_cores

    jax.config.update("jax_platforms", "cpu")
    use_cores(1)
    if jax.default_backend() != "cpu":
        raise SparsidError(
            f"A worker computes on a processor, but JAX already uses {jax.default_backend()} in "
            "this one; start new workers."
        )


@contextmanager
def picklable_errors() -> Iterator[None]:
    """Converts subclasses of SparsidError, whose arguments prevent pickling, to SparsidError."""
    try:
        yield
    except SparsidError as error:
        raise SparsidError(str(error)) from None
