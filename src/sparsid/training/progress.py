"""Progress reports of training, and interruption with a usable result."""

import signal
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import numpy as np
from jaxtyping import Bool, Float


@dataclass(frozen=True)
class EpochReport:
    """One epoch of all members. Losses are mean squared errors in scaled numbers.

    `free_run` is the validation free-run error (RFMSE, inf where the run diverged) if it was
    evaluated, else None. `seconds` is the time since training began.
    """

    phase: int
    epoch: int
    done: int  # epochs done of all phases
    total: int  # epochs of all phases
    rate: float
    train: Float[np.ndarray, " member"]
    validation: Float[np.ndarray, " member"]
    free_run: Float[np.ndarray, " member"] | None
    seconds: float

    def pick(self, members: Sequence[int]) -> "EpochReport":
        """The report of these members alone."""
        at = np.asarray(members)
        free_run = None if self.free_run is None else self.free_run[at]
        return replace(
            self, train=self.train[at], validation=self.validation[at], free_run=free_run
        )


@dataclass(frozen=True)
class History:
    """The reports of all epochs, and events of members."""

    epochs: tuple[EpochReport, ...] = ()
    frozen: Mapping[int, tuple[int, int]] = field(default_factory=dict)  # member: (phase, epoch)
    interrupted: bool = False
    best: Mapping[int, int] = field(default_factory=dict)  # member: epochs done at its best
    out_of_time: tuple[int, ...] = ()  # phases that reached their time limit

    def pick(self, members: Sequence[int]) -> "History":
        """The history of these members, in this order."""
        return replace(
            self,
            epochs=tuple(report.pick(members) for report in self.epochs),
            frozen={i: self.frozen[m] for i, m in enumerate(members) if m in self.frozen},
            best={i: self.best[m] for i, m in enumerate(members) if m in self.best},
        )

    def improved(self, better: Bool[np.ndarray, " member"], done: int) -> "History":
        """With these members at their best after `done` epochs."""
        return replace(self, best={**self.best, **{int(i): done for i in np.flatnonzero(better)}})

    def sentences(self) -> list[str]:
        """Notes for the user: frozen members, time limits, interruption."""
        notes = [
            f"Member {member} became NaN or infinite in epoch {epoch + 1} of phase {phase + 1} "
            "and keeps its previous weights; try a lower rate or gradient clipping (`clip`)."
            for member, (phase, epoch) in sorted(self.frozen.items())
        ]
        notes += [
            f"Phase {phase + 1} reached its time limit with members still improving; increase the "
            "effort, or `seconds` of the phase."
            for phase in self.out_of_time
        ]
        if self.interrupted:
            done = f"{self.epochs[-1].done} of {self.epochs[-1].total}" if self.epochs else "0"
            notes.append(
                f"Training was interrupted after {done} epochs; the model is the one reached then."
            )
        return notes


Callback = Callable[[EpochReport], None]


class Stop:
    """A flag that requests training to stop."""

    def __init__(self):
        self.asked = False


SIGNALS = (signal.SIGINT, signal.SIGTERM)  # Ctrl-C; `kill` and job schedulers

_RUNNING: list[Stop] = []
_received = signal.SIGINT


@contextmanager
def interruptible() -> Iterator[Stop]:
    """Context in which Ctrl-C or SIGTERM requests a stop after the current epoch.

    A second signal has its usual effect. Nested contexts share one `Stop`, so that a signal stops
    all trainings of a job.
    """
    if threading.current_thread() is not threading.main_thread():
        yield Stop()
        return
    if _RUNNING:
        yield _RUNNING[0]
        return
    stop = Stop()
    _RUNNING.append(stop)
    usual = {number: signal.getsignal(number) or signal.SIG_DFL for number in SIGNALS}

    def restore() -> None:
        for number, handler in usual.items():
            signal.signal(number, handler)

    def request(number: int, _) -> None:
        global _received
        _received, stop.asked = signal.Signals(number), True
        restore()

    for number in SIGNALS:
        signal.signal(number, request)
    try:
        yield stop
    finally:
        _RUNNING.remove(stop)
        restore()


def last_signal() -> signal.Signals:
    """The signal that last requested a stop."""
    return _received
