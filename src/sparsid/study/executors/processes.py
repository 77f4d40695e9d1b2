"""Runs groups in worker processes on this machine, each on one core with one group at a time."""

import os
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from sparsid._errors import SparsidError
from sparsid.study.executors.base import (
    ExecutorKind,
    cores,
    picklable_errors,
    run_group,
    use_one_core,
)

if TYPE_CHECKING:
    from sparsid.study.task import Group, Job, Ticking
    from sparsid.training.progress import Stop


class Processes:
    """`workers` processes, by default one per core. Rows equal those of a serial run."""

    def __init__(self, workers: int | None = None):
        self.workers = workers or cores()

    def run(self, groups: "Sequence[Group]", job: "Job", *, tick: "Ticking", stop: "Stop") -> None:
        """Runs the groups. Raises SparsidError if a worker dies; stored rows are kept."""
        import multiprocessing
        from concurrent.futures import ProcessPoolExecutor, wait
        from concurrent.futures.process import BrokenProcessPool

        context = multiprocessing.get_context("spawn")  # JAX does not survive a fork
        messages, request_stop = context.SimpleQueue(), context.Event()
        count = max(min(self.workers, len(groups)), 1)
        with ProcessPoolExecutor(count, context, _begin, (job, messages, request_stop)) as pool:
            with ignoring_interrupts():
                pending = {pool.submit(_work, group) for group in groups}
            try:
                while pending:
                    done, pending = wait(pending, timeout=0.2)
                    while not messages.empty():
                        tick(messages.get())
                    if stop.asked:
                        request_stop.set()
                        pending = {future for future in pending if not future.cancel()}
                    for future in done:
                        future.result()
            except BrokenProcessPool:
                if stop.asked:  # SIGTERM to the process group ends workers too
                    return
                raise SparsidError(
                    "A worker process died, perhaps out of memory; run the same command again with "
                    "fewer --workers: stored rows are kept."
                ) from None
            finally:  # after an error in one worker the others end after their current epoch
                request_stop.set()
                pool.shutdown(wait=True, cancel_futures=True)
            while not messages.empty():
                tick(messages.get())


PROCESSES = ExecutorKind(
    "one process per core, each with one group at a time", Processes, ("workers",)
)


@contextmanager
def ignoring_interrupts() -> Iterator[None]:
    """Blocks Ctrl-C (SIGINT) for processes and threads started in this context.

    A terminal sends SIGINT to the whole process group. A blocked signal stays blocked in children
    from their start. This thread receives a pending signal when the context ends.
    """
    from multiprocessing import resource_tracker

    resource_tracker.ensure_running()  # otherwise the first child starts it, which unblocks SIGINT
    usual = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, usual)


_worker: dict[str, Any] = {}  # the arguments of `_begin` in this worker process


def _begin(job: "Job", messages, request_stop) -> None:
    from sparsid.training.progress import Stop

    stop = Stop()
    for watch in (_die_with_parent, partial(_stop_with_parent, request_stop, stop)):
        threading.Thread(target=watch, daemon=True).start()
    use_one_core()
    _worker.update(job=job, messages=messages, stop=stop)


def _stop_with_parent(request_stop, stop: "Stop") -> None:
    """Passes on the parent's stop request. Polls, as a process killed in `wait` locks the event."""
    while not request_stop.is_set():
        time.sleep(0.1)
    stop.asked = True


def _die_with_parent() -> None:
    """Ends this worker when the parent is killed; it would otherwise wait for a group for ever."""
    import multiprocessing

    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _work(group: "Group") -> None:
    with picklable_errors():
        run_group(group, _worker["job"], tick=_worker["messages"].put, stop=_worker["stop"])
