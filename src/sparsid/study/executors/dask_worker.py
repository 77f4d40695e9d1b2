"""Functions that run in the workers of a Dask cluster; importing this module requires Dask."""

import logging
import pickle
import secrets
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from distributed import WorkerPlugin, get_worker

from sparsid._errors import SparsidError
from sparsid._files import atomic_write, check_writable
from sparsid.architectures import library_versions
from sparsid.results import ResultStore, Row
from sparsid.study.executors.base import picklable_errors, run_group, use_one_core
from sparsid.training.progress import Stop

if TYPE_CHECKING:
    from sparsid.study.task import Group, Job, Tick

EVERY = 0.3  # seconds between progress messages
LOGGERS = ("distributed", "tornado", "asyncio")


@dataclass
class _Given:
    """What this worker holds of a run."""

    job: "Job"
    probe: Path
    stop: Stop = field(default_factory=Stop)


_jobs: dict[str, _Given] = {}  # by the name of the run


class StudyPlugin(WorkerPlugin):
    """Gives the job of a study to a worker when it starts or joins.

    `probe` is a file in the study's folder that contains the name of the run: a worker that can
    read it shares the folder.
    """

    def __init__(self, name: str, job: bytes, probe: Path, *, local: bool):
        self.name, self.job, self.probe, self.local = name, job, probe, local

    def setup(self, worker: Any) -> None:
        """Raises SparsidError if JAX is already initialised on another device."""
        if self.local:  # shares the terminal of the run
            for name in LOGGERS:
                logging.getLogger(name).setLevel(logging.CRITICAL)
        with picklable_errors():
            use_one_core()
            _jobs[self.name] = _Given(pickle.loads(self.job), self.probe)

    def teardown(self, worker: Any) -> None:
        _jobs.pop(self.name, None)


def versions() -> dict[str, str]:
    """Versions of the libraries that determine the bits of a row."""
    return {name: details for name, details in library_versions().items() if name != "python"}


def request_stop(name: str) -> None:
    """Makes this worker end the groups of the run after their current epoch."""
    if name in _jobs:
        _jobs[name].stop.asked = True


def work(name: str, at: int, group: "Group") -> dict[str, Any]:
    """Runs a group. Returns the files that the parent does not have, and whether it was stopped."""
    if name not in _jobs:
        raise SparsidError(
            "A Dask worker joined without receiving the study; see its log, and start it with the "
            "same versions as the other workers."
        )
    given, reporter = _jobs[name], _ProgressReporter(name, at)
    with picklable_errors(), _within_reach(given.job, given.probe, name) as (job, returned):
        run_group(group, job, tick=reporter, stop=given.stop)
    return {"files": returned, "stopped": given.stop.asked}


class _ProgressReporter:
    """Sends the accumulated progress of a group to the parent, a few times per second."""

    def __init__(self, name: str, at: int):
        self.name, self.at, self.worker = name, at, get_worker()
        self.work, self.cells, self.last = 0.0, 0, 0.0

    def __call__(self, what: "Tick") -> None:
        self.work, self.cells = self.work + what.work, self.cells + what.cells
        if time.monotonic() - self.last >= EVERY:
            self.last = time.monotonic()
            details = {
                "group": self.at,
                "work": self.work,
                "cells": self.cells,
                "doing": what.doing,
            }
            self.worker.log_event(self.name, details)


@contextmanager
def _within_reach(job: "Job", probe: Path, name: str) -> "Iterator[tuple[Job, dict[str, bytes]]]":
    """The job with a store that this worker can write to, and the files to return to the parent.

    The files are filled in when the context ends.
    """
    returned: dict[str, bytes] = {}
    if _is_shared(job.store, probe, name):
        yield job, returned
        return
    with tempfile.TemporaryDirectory(prefix="sparsid-") as folder:
        store = ResultStore.begin(folder, name, {})
        yield replace(job, store=store), returned
        for path in (*store.rows_folder.iterdir(), *store.models_folder.iterdir()):
            returned[f"{path.parent.name}/{path.name}"] = path.read_bytes()


def _is_shared(store: ResultStore, probe: Path, name: str) -> bool:
    """Whether this worker can read and write the parent's folder."""
    try:
        if probe.read_text() != name:
            return False
        for folder in (store.rows_folder, store.models_folder, store.unfinished_folder):
            check_writable(folder / secrets.token_hex(8))
    except (OSError, ValueError):
        return False
    return True


def receive(files: Mapping[str, bytes], keys: frozenset[str], store: ResultStore) -> None:
    """Stores rows and models that a worker returned, each row after its model.

    Raises SparsidError for a file that belongs to none of the cells `keys`.
    """
    places = {f"models/{key}.sparsid": key for key in keys}
    places |= {f"rows/{key}.json": key for key in keys}
    if unexpected := sorted(files.keys() - places.keys()):
        raise SparsidError(
            f"A Dask worker returned the unexpected file {unexpected[0]!r}; nothing of its group "
            "was stored."
        )
    stored = store.keys()
    for name in sorted(files):
        if places[name] in stored:
            continue
        if name.startswith("rows/"):
            _check_row(files[name], places[name])
        with atomic_write(store.folder / name) as part:
            part.write_bytes(files[name])


def _check_row(content: bytes, key: str) -> None:
    try:
        fits = Row.from_json(content.decode()).key == key
    except (ValueError, KeyError, TypeError, RecursionError):
        fits = False
    if not fits:
        raise SparsidError(f"A Dask worker returned a damaged row {key}; it was not stored.")
