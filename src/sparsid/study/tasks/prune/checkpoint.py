"""Checkpoints of unfinished pruning paths, from which the next run resumes."""

import time
from collections.abc import Sequence

import jax
import numpy as np

from sparsid.results import ResultStore
from sparsid.training.curvature import Point
from sparsid.training.pruning_path import PathState, packed, unpacked

VERSION = 3  # of the checkpoint's format
EVERY = 60.0  # seconds from one checkpoint to the next


class Checkpoint:
    """Unfinished paths in the store's folder, and the seconds spent on them so far."""

    def __init__(self, store: ResultStore, key: str):
        self.store, self.key = store, key
        found = store.load_checkpoint(key)
        if found and int(found.pop("version", np.zeros(()))) != VERSION:
            found = None  # written by another version of sparsid: start again
        spent = found.pop("seconds").tolist() if found else [0.0, 0.0]
        self.path_states = unpacked(found) if found else None
        self.seconds = dict(zip(("training_s", "pruning_s"), spent, strict=True))
        self._before = self.seconds["pruning_s"]
        self._began = self._last = time.monotonic()

    def first(self, points: Point) -> Point:
        """The full networks at the start of the saved paths; `points` has what is not trained."""
        assert self.path_states is not None
        first = [path_state.steps[0] for path_state in self.path_states]
        each = len(points.theta) // len(first)  # restarts; they differ in trained parameters only
        rest = jax.tree.map(lambda leaf: leaf[::each], points.rest)
        return Point(np.stack([s.theta for s in first]), np.stack([s.keep for s in first]), rest)

    def trained(self) -> None:
        """Records that pruning begins."""
        now = time.monotonic()
        self.seconds["training_s"] += now - self._began
        self._began, self._last = now, now - EVERY  # the first round is saved at once

    def pruned(self) -> None:
        """Records that the paths are finished."""
        self.seconds["pruning_s"] = self._before + time.monotonic() - self._began

    def save(self, path_states: Sequence[PathState], *, at_once: bool) -> None:
        """Saves the paths so far, at most once every `EVERY` seconds, or `at_once`."""
        now = time.monotonic()
        if at_once or now - self._last >= EVERY:
            self._last = now
            self.pruned()
            seconds = np.array(list(self.seconds.values()))
            about = {"version": np.array(VERSION), "seconds": seconds}
            self.store.save_checkpoint(self.key, packed(path_states) | about)

    def drop(self) -> None:
        """Removes the checkpoint, once the rows are stored."""
        self.store.drop(self.key)
