"""Who runs the groups of a study: this process with all devices, or many processes."""

import multiprocessing
import os
import signal
import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager

import jax

from sparsid._devices import use_cores
from sparsid._errors import SparsidError
from sparsid.study.tasks.simulate.groups import Job, Tick, Ticking, run_group
from sparsid.study.tasks.simulate.plan import BaselineGroup, Group
from sparsid.training.progress import Stop

Groups = Sequence[Group | BaselineGroup]

EXECUTORS = ("serial", "processes")


def serial(groups: Groups, job: Job, *, tick: Ticking, stop: Stop) -> None:
    """One group after the other, all devices of this process on each."""
    for group in groups:
        if stop.asked:
            break
        run_group(group, job, tick=tick, stop=stop)


def processes(groups: Groups, job: Job, *, workers: int, tick: Ticking, stop: Stop) -> None:
    """`workers` processes with one core each, every one a group at a time.

    Rows are those of `serial`: on a processor a member's bits do not depend on its company. Raises
    SparsidError if a worker dies; what is stored stays.
    """
    context = multiprocessing.get_context("spawn")  # JAX does not survive a fork
    news, halt = context.SimpleQueue(), context.Event()
    count = max(min(workers, len(groups)), 1)
    with ProcessPoolExecutor(count, context, _begin, (job, news, halt)) as pool:
        with _deaf_children():
            pending = {pool.submit(_work, group) for group in groups}
        try:
            while pending:
                done, pending = wait(pending, timeout=0.2)
                while not news.empty():
                    tick(news.get())
                if stop.asked:
                    halt.set()
                    pending = {future for future in pending if not future.cancel()}
                for future in done:
                    future.result()
        except BrokenProcessPool:
            if stop.asked:  # SIGTERM to the whole group of processes ends workers too
                return
            raise SparsidError(
                "A worker process died, perhaps for want of memory; run the same command again "
                "with fewer --workers: what is stored stays."
            ) from None
        finally:  # whatever went wrong in one worker: the others end after their running epoch
            halt.set()
            pool.shutdown(wait=True, cancel_futures=True)
        while not news.empty():
            tick(news.get())


@contextmanager
def _deaf_children() -> Iterator[None]:
    """Processes begun within it never hear Ctrl-C, not even while they still import.

    A terminal sends it to all of them; what is ignored stays ignored in a child.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    usual = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, usual)


class _SharedStop(Stop):
    """Asked for in the parent process, seen in a worker."""

    @property
    def asked(self) -> bool:
        return _worker["halt"].is_set()

    @asked.setter
    def asked(self, value: bool) -> None:
        pass


_worker: dict = {}  # what this worker process was given when it began


def _begin(job: Job, news, halt) -> None:
    """A worker begins: one core, no accelerator."""
    threading.Thread(target=_die_with_parent, daemon=True).start()
    jax.config.update("jax_platforms", "cpu")
    use_cores(1)
    _worker.update(job=job, news=news, halt=halt)


def _die_with_parent() -> None:
    """A killed parent sends no word: a worker would otherwise wait for its next group for ever."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _work(group: Group | BaselineGroup) -> None:
    def tick(what: Tick) -> None:
        _worker["news"].put(what)

    try:
        run_group(group, _worker["job"], tick=tick, stop=_SharedStop())
    except SparsidError as error:  # its kinds take other arguments than their message
        raise SparsidError(str(error)) from None
