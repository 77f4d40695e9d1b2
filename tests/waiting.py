"""Groups that wait instead of training, for tests of executors: workers import it without JAX."""

import os
import signal
import time
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from sparsid.results import ResultStore, Row
from sparsid.study.task import Cell, Tick


@dataclass(frozen=True)
class Waiting:
    """Cells of these seeds; each takes `seconds`, an epoch a hundredth of one."""

    seeds: tuple[int, ...]
    seconds: float = 0.05

    @cached_property
    def cells(self) -> list[Cell[None]]:
        return [Cell("waiting", {"seed": s}, {"seed": s, "waits": True}, None) for s in self.seeds]

    @property
    def keys(self) -> frozenset[str]:
        return frozenset(cell.key for cell in self.cells)

    def work(self, wanted: frozenset[str]) -> float:
        return float(len(self.keys & wanted))


@dataclass(frozen=True)
class WaitingJob:
    """Writes the squares of seeds. `marks` is a folder where it says who works on what.

    Who runs the seed `kills` kills itself, every time or only the `once` first one.
    """

    store: ResultStore
    wanted: frozenset[str]
    marks: Path
    kills: int | None = None
    once: bool = True
    content: list = field(default_factory=list)

    def run(self, group: Waiting, *, tick, stop) -> None:
        for cell in group.cells:
            seed = cell.place["seed"]
            self._mark(seed)
            epochs = max(round(group.seconds / 0.01), 1)
            for _ in range(epochs):
                if stop.asked:
                    return
                time.sleep(0.01)
                tick(Tick(1 / epochs, doing=f"seed {seed}"))
            row = Row(cell.specification, cell.name, {"square": float(seed**2)})
            self.store.model_path(cell.key).write_bytes(b"model %d" % seed)
            self.store.write(row)
            tick(Tick(cells=int(cell.key in self.wanted)))

    def _mark(self, seed: int) -> None:
        before = list(self.marks.glob(f"{seed}-*"))
        (self.marks / f"{seed}-{len(before)}-{os.getpid()}").touch()
        if seed == self.kills and not (self.once and before):
            os.kill(os.getpid(), signal.SIGKILL)
