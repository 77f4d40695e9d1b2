"""Paths that are not finished, saved so that the next run goes on with them."""

import time
from collections.abc import Sequence

import jax
import numpy as np

from sparsid.results import ResultStore
from sparsid.training.curvature import Point
from sparsid.training.paths import Trail, packed, unpacked

VERSION = 3  # of what is saved
EVERY = 60.0  # seconds from one checkpoint to the next


class Checkpoint:
    """Paths in flight in the store's folder, and the seconds spent on them so far."""

    def __init__(self, store: ResultStore, key: str):
        self.store, self.key = store, key
        found = store.take_up(key)
        if found and int(found.pop("version", np.zeros(()))) != VERSION:
            found = None  # of another sparsid: it begins anew
        spent = found.pop("seconds").tolist() if found else [0.0, 0.0]
        self.trails = unpacked(found) if found else None
        self.seconds = dict(zip(("training_s", "pruning_s"), spent, strict=True))
        self._before = self.seconds["pruning_s"]
        self._began = self._last = time.monotonic()

    def first(self, points: Point) -> Point:
        """The full networks that the saved paths began with; `points` has what is not trained."""
        assert self.trails is not None
        first = [trail.steps[0] for trail in self.trails]
        each = len(points.theta) // len(first)  # restarts, of which one was kept: else alike
        rest = jax.tree.map(lambda leaf: leaf[::each], points.rest)
        return Point(np.stack([s.theta for s in first]), np.stack([s.keep for s in first]), rest)

    def trained(self) -> None:
        """Pruning begins."""
        now = time.monotonic()
        self.seconds["training_s"] += now - self._began
        self._began, self._last = now, now - EVERY  # the first round is saved at once

    def pruned(self) -> None:
        """The paths are at their end."""
        self.seconds["pruning_s"] = self._before + time.monotonic() - self._began

    def save(self, trails: Sequence[Trail], *, at_once: bool) -> None:
        """Saves the paths so far, once every `EVERY` seconds or at once."""
        now = time.monotonic()
        if at_once or now - self._last >= EVERY:
            self._last = now
            self.pruned()
            seconds = np.array(list(self.seconds.values()))
            told = {"version": np.array(VERSION), "seconds": seconds}
            self.store.put_aside(self.key, packed(trails) | told)

    def drop(self) -> None:
        """Removes it: the rows are stored."""
        self.store.drop(self.key)
