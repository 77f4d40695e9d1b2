"""Handling of Ctrl-C and SIGTERM outside training: the run ends with one sentence."""

import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

SIGNALS = (signal.SIGINT, signal.SIGTERM)


class Interrupted(BaseException):
    """A signal requested to stop at once. `lost` describes what is lost."""

    def __init__(self, number: int, lost: str = "unfinished files were not written"):
        super().__init__(number, lost)
        self.lost = lost
        self.exit_code = 128 + number

    def __str__(self) -> str:
        return f"Interrupted before the end: {self.lost}."


@contextmanager
def interruptions() -> Iterator[None]:
    """Ctrl-C and SIGTERM raise Interrupted in this context, unless they are ignored."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    usual = {number: signal.getsignal(number) for number in SIGNALS}
    received = {number: handler for number, handler in usual.items() if handler != signal.SIG_IGN}

    def stop(number: int, _: FrameType | None) -> None:
        raise Interrupted(number)

    for number in received:
        signal.signal(number, stop)
    try:
        yield
    finally:
        for number, handler in received.items():
            signal.signal(number, signal.SIG_DFL if handler is None else handler)


@contextmanager
def until_written(path: Path) -> Iterator[None]:
    """In this context, the message of Interrupted says that `path` was not written."""
    try:
        yield
    except Interrupted as stop:
        stop.lost = f"{path} was not written"
        raise
