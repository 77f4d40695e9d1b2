"""A measured figure, and the clocks it comes from."""

import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass, field

import jax


@dataclass(frozen=True)
class Laps:
    """Repeats of one piece of work: wall-clock seconds, and the processor's seconds a core.

    Where the wall clock lies well above the processor's time, somebody else had the cores.
    """

    first: float  # the first time, compilation included
    wall: list[float]
    cores: list[float]

    @property
    def compile(self) -> float:
        """Seconds that the first time took longer than the others."""
        return max(self.first - statistics.median(self.wall), 0.0)


class Clock:
    """Collects laps; the first one is the one that compiles."""

    def __init__(self):
        self.marks = [self._now()]

    def lap(self, *_) -> None:
        self.marks.append(self._now())

    def laps(self) -> Laps:
        pairs = list(zip(self.marks, self.marks[1:], strict=False))
        wall = [after[0] - before[0] for before, after in pairs]
        cores = [(after[1] - before[1]) / jax.device_count() for before, after in pairs]
        return Laps(wall[0], wall[1:], cores[1:])

    @staticmethod
    def _now() -> tuple[float, float]:
        return time.perf_counter(), time.process_time()


def timed(work: Callable[[], object], repeats: int) -> Laps:
    """Laps of `work`, which returns when it is done."""
    clock = Clock()
    for _ in range(1 + repeats):
        work()
        clock.lap()
    return clock.laps()


@dataclass(frozen=True)
class Figure:
    """What a case found, in `unit` (which stands for `per` seconds)."""

    name: str
    what: str
    unit: str
    per: float  # seconds of work that make one unit
    laps: Laps
    target: float | None  # on two cores
    floor: float  # seconds for the arithmetic alone
    accuracy: dict[str, float] = field(default_factory=dict)

    @property
    def value(self) -> float:
        return statistics.median(self.laps.wall) / self.per

    def as_json(self) -> dict:
        values = [seconds / self.per for seconds in self.laps.wall]
        return {
            "name": self.name,
            "what": self.what,
            "unit": self.unit,
            "median": self.value,
            "least": min(values),
            "most": max(values),
            "processor_time": statistics.median(self.laps.cores) / self.per,
            "repeats": len(values),
            "target_on_two_cores": self.target,
            "floor": self.floor / self.per,
            "compile_seconds": self.laps.compile,
            "accuracy": self.accuracy,
        }
