"""Runs groups on a Dask cluster: a local one, or an existing one by its scheduler's address.

A group is a Dask task. A worker plugin gives the job to every worker once, also to those that join
later. No more groups are submitted than workers can start, so that none must be cancelled.
"""

import importlib.util
import logging
import pickle
import queue
import secrets
import time
import warnings
from collections import deque
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from sparsid._errors import MissingExtraError, SparsidError
from sparsid._files import temporary_file
from sparsid.study.executors.base import ExecutorKind, cores, is_stored, whole
from sparsid.study.executors.processes import ignoring_interrupts

if TYPE_CHECKING:
    from distributed import Client, Future

    from sparsid.study.task import Group, Job, Ticking
    from sparsid.training.progress import Stop

ANSWER = 10.0  # seconds: timeout of the connection to a scheduler
WORKER = 60.0  # seconds: timeout for a first worker, and longest time without workers
LOOK = 0.2  # seconds between checks for a stop request
LOGGERS = ("distributed", "tornado", "asyncio")
#: A default client that fails to connect would stay in Dask's configuration, and xarray fail.
CLIENT: dict[str, Any] = {"set_as_default": False}


class ClusterError(SparsidError):
    """The cluster cannot be used (any longer)."""


class Dask:
    """`workers` local processes, by default one per core, or the cluster of `scheduler`.

    Rows equal those of a serial run, even if a worker dies.
    """

    def __init__(self, workers: int | None = None, scheduler: str | None = None):
        if importlib.util.find_spec("distributed") is None:
            raise MissingExtraError("distributed", "dask", "The executor dask")
        if workers is not None and scheduler is not None:
            raise SparsidError(
                "`workers` is for a local cluster, and the cluster of `scheduler` has its own: "
                "leave one of them out."
            )
        self.workers, self.scheduler = workers or cores(), scheduler
        if scheduler is not None:
            with _quiet(), self._client(1):  # fails before any work
                pass

    def run(self, groups: "Sequence[Group]", job: "Job", *, tick: "Ticking", stop: "Stop") -> None:
        """Runs the groups on the cluster.

        Raises SparsidError if it cannot be used, if a group repeatedly kills its worker, and if no
        worker is left; stored rows are kept.
        """
        if not groups:
            return
        try:
            with _quiet(), self._client(len(groups)) as client:
                _Run(client, job, tick, stop, local=self.scheduler is None).all(groups)
        except ClusterError:
            if not stop.asked:  # SIGTERM to the process group ends workers too
                raise

    @contextmanager
    def _client(self, groups: int) -> "Iterator[Client]":
        """A client of a cluster with at least one worker, all with the versions of this process."""
        from distributed import Client

        with ExitStack() as opened:
            if self.scheduler is None:
                cluster = opened.enter_context(_local_cluster(min(self.workers, groups)))
                client = opened.enter_context(Client(cluster, timeout=WORKER, **CLIENT))
            else:
                try:
                    client = opened.enter_context(Client(self.scheduler, timeout=ANSWER, **CLIENT))
                except (OSError, ValueError, TypeError) as error:
                    raise ClusterError(
                        f"No Dask scheduler answers at {self.scheduler!r} within {ANSWER:.0f} s "
                        f"({_line(error)}); `dask scheduler` starts one and prints its address."
                    ) from None
            _check_workers(client, self.scheduler)
            yield client


DASK = ExecutorKind(
    "a Dask cluster, by default one local process per core", Dask, ("workers", "scheduler")
)


@contextmanager
def _local_cluster(workers: int) -> Iterator[Any]:
    """A local cluster of processes with one thread each.

    Other users of this machine cannot connect: ports require a temporary TLS certificate, and there
    is no dashboard.
    """
    import dask.config
    from distributed import LocalCluster

    nothing = {f"distributed.{part}.http.routes": [] for part in ("scheduler", "worker")}
    with dask.config.set(nothing):
        try:
            with ignoring_interrupts():
                cluster = LocalCluster(
                    n_workers=workers,
                    threads_per_worker=1,
                    processes=True,
                    security=True,
                    memory_limit=0,
                    dashboard_address="127.0.0.1:0",
                    scheduler_kwargs={"dashboard": False},
                    silence_logs=logging.CRITICAL,
                )
        except (RuntimeError, OSError) as error:
            raise ClusterError(
                f"A Dask cluster of {workers} workers on this machine did not start "
                f"({_line(error)}); the executor `processes` needs none."
            ) from None
        with cluster:
            yield cluster


def _check_workers(client: "Client", address: str | None) -> None:
    """Raises SparsidError unless there are workers and all have the versions of this process."""
    from sparsid.study.executors.dask_worker import versions

    try:
        client.wait_for_workers(1, timeout=WORKER)
    except TimeoutError:
        raise ClusterError(
            f"The Dask scheduler at {address} has had no worker for {WORKER:.0f} s; "
            f"`dask worker {address} --nthreads 1` starts one."
        ) from None
    mine = versions()
    content: Any = client.run(versions, on_error="return")
    for worker, theirs in content.items():
        if not isinstance(theirs, dict):
            raise ClusterError(
                f"The Dask worker {worker} cannot use sparsid ({_line(theirs)}); install sparsid "
                f"{mine['sparsid']} there, in the environment that starts the worker."
            )
        for name, version in mine.items():
            if theirs.get(name) != version:
                raise ClusterError(
                    f"The Dask worker {worker} has {name} {theirs.get(name)} and this process "
                    f"{version}, so rows could differ; install the same version on both."
                )


@dataclass
class _Begun:
    """A submitted group, and its progress reported so far."""

    group: "Group"
    future: "Future"
    work: float = 0.0
    cells: int = 0


class _Run:
    """The groups of one study on a cluster."""

    def __init__(self, client: "Client", job: "Job", tick: "Ticking", stop: "Stop", *, local: bool):
        self.client, self.tick, self.stop = client, tick, stop
        self.job = replace(job, store=replace(job.store, folder=job.store.folder.resolve()))
        self.name = f"sparsid-{secrets.token_hex(8)}"
        self.local = local
        self.begun: dict[int, _Begun] = {}
        self.messages: queue.SimpleQueue[tuple[int, Any]] = queue.SimpleQueue()
        self.looked = self.worked = time.monotonic()
        self.slots = 0

    def all(self, groups: "Sequence[Group]") -> None:
        waiting = deque(enumerate(groups))
        with self._lost_cluster(), self._given():
            self._look()
            while waiting or self.begun:
                while waiting and not self.stop.asked and len(self.begun) < self.slots:
                    self._begin(*waiting.popleft())
                if self.stop.asked:
                    waiting.clear()
                self._receive()
                if time.monotonic() - self.looked > 5 * LOOK:
                    self._look()

    @contextmanager
    def _given(self) -> Iterator[None]:
        """Registers the job with all workers for this context."""
        from sparsid.study.executors.dask_worker import StudyPlugin

        with temporary_file(self.job.store.folder) as probe:
            probe.write_text(self.name)
            plugin = StudyPlugin(self.name, pickle.dumps(self.job), probe, local=self.local)
            self.client.subscribe_topic(self.name, self._on_event)
            try:
                self.client.register_plugin(plugin, name=self.name)
                yield
            finally:
                with suppress(Exception):  # a lost cluster keeps nothing
                    self._request_stop()
                    self.client.unsubscribe_topic(self.name)
                    self.client.unregister_worker_plugin(self.name)

    @contextmanager
    def _lost_cluster(self) -> Iterator[None]:
        from distributed import KilledWorker
        from distributed.client import FutureCancelledError

        try:
            yield
        except KilledWorker as error:
            raise ClusterError(
                f"A group of cells ended {error.allowed_failures + 1} Dask workers one after the "
                "other, perhaps out of memory; give workers more memory, or run fewer per machine: "
                "stored rows are kept."
            ) from None
        except (FutureCancelledError, OSError) as error:
            raise ClusterError(
                f"The connection to the Dask cluster was lost ({_line(error)}); run the same "
                "command again when it is back: stored rows are kept."
            ) from None

    def _begin(self, at: int, group: "Group") -> None:
        from sparsid.study.executors.dask_worker import work

        if is_stored(group, self.job):
            self.tick(whole(group, self.job))
            return
        key = f"{self.name}-{at}"
        future = self.client.submit(work, self.name, at, group, key=key, pure=False)
        self.begun[at] = _Begun(group, future)
        future.add_done_callback(lambda future: self.messages.put((at, future)))

    def _on_event(self, event: tuple[float, dict[str, Any]]) -> None:
        _, content = event
        self.messages.put((content["group"], content))

    def _receive(self) -> None:
        """Waits for a message for at most `LOOK` seconds, then handles all that have arrived."""
        with suppress(queue.Empty):
            at, content = self.messages.get(timeout=LOOK)
            while True:
                if isinstance(content, dict):
                    self._progress(at, content)
                else:
                    self._ended(at)
                at, content = self.messages.get_nowait()

    def _progress(self, at: int, content: dict[str, Any]) -> None:
        """Reports new progress. A group restarted after a worker died begins at zero again."""
        from sparsid.study.task import Tick

        if (begun := self.begun.get(at)) is None:
            return
        work, cells = max(content["work"], begun.work), max(content["cells"], begun.cells)
        self.tick(Tick(work - begun.work, cells - begun.cells, content["doing"]))
        begun.work, begun.cells = work, cells

    def _ended(self, at: int) -> None:
        from sparsid.study.executors.dask_worker import receive

        begun = self.begun.pop(at, None)
        if begun is None:  # the run has been stopped while no worker was left
            return
        returned = begun.future.result()
        receive(returned["files"], begun.group.keys, self.job.store)
        if not returned["stopped"]:
            asked = whole(begun.group, self.job)
            left = replace(asked, work=asked.work - begun.work, cells=asked.cells - begun.cells)
            self.tick(left)

    def _look(self) -> None:
        """Updates the number of slots and passes on a stop request."""
        self.looked = time.monotonic()
        threads: Any = self.client.nthreads()
        self.slots = sum(threads.values())
        if self.slots:
            self.worked = self.looked
        elif self.stop.asked:
            self.begun.clear()
        elif self.looked - self.worked > WORKER:
            raise ClusterError(
                f"The Dask cluster has had no worker for {WORKER:.0f} s; run the same command "
                "again when it has: stored rows are kept."
            )
        if self.stop.asked:
            self._request_stop()

    def _request_stop(self) -> None:
        from sparsid.study.executors.dask_worker import request_stop

        self.client.run(request_stop, self.name, on_error="ignore")


@contextmanager
def _quiet() -> Iterator[None]:
    """Silences the logs and warnings of Dask; errors are raised as SparsidError."""
    import dask.config
    import distributed  # noqa: F401  importing it sets up logging

    loggers = [logging.getLogger(name) for name in LOGGERS]
    levels = [logger.level for logger in loggers]
    with (
        warnings.catch_warnings(),
        dask.config.set({"logging": dict.fromkeys(LOGGERS, "critical")}),
    ):
        warnings.filterwarnings("ignore", module="distributed")
        try:
            for logger in loggers:
                logger.setLevel(logging.CRITICAL)
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)


def _line(error: Any) -> str:
    """The message of an error in one line, or its type if it has none."""
    return " ".join(str(error).split()) or type(error).__name__
