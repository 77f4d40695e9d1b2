"""The sampling time: given as a number, or computed from a column of times."""

from collections.abc import Callable

import numpy as np

from sparsid._errors import SparsidError
from sparsid._types import Vector

#: Relative tolerance of steps of recorded times: clocks jitter and files are rounded.
STEP_TOLERANCE = 1e-2

#: Relative tolerance of a given sampling time: the mean step averages most of the jitter out.
GIVEN_TOLERANCE = 1e-3

#: Relative tolerance between the sampling times of data and model.
SAME = 1e-6

SECONDS = {
    "s": 1.0,
    "sec": 1.0,
    "second": 1.0,
    "seconds": 1.0,
    "ms": 1e-3,
    "us": 1e-6,
    "min": 60.0,
    "minute": 60.0,
    "minutes": 60.0,
    "h": 3600.0,
    "hour": 3600.0,
    "hours": 3600.0,
    "d": 86400.0,
    "day": 86400.0,
    "days": 86400.0,
}


def in_seconds(unit: str | None, where: str) -> float:
    """Seconds per `unit` of time; None means s. Raises SparsidError for an unknown unit."""
    if unit is None:
        return 1.0
    if unit not in SECONDS:
        raise SparsidError(
            f"The unit of {where} must be one of {', '.join(SECONDS)}; got {unit!r}."
        )
    return SECONDS[unit]


def check_step(dt: float | None, where: str = "") -> None:
    """Raises SparsidError unless `dt` is a positive number of s."""
    try:
        good = dt is not None and np.isfinite(dt) and dt > 0
    except TypeError:
        good = False
    if not good:
        of = f" of {where}" if where else ""
        raise SparsidError(f"The sampling time `dt`{of} must be a positive number of s; got {dt}.")


def same_step(a: float, b: float, tolerance: float = SAME) -> bool:
    """Whether two sampling times agree."""
    return abs(a - b) <= tolerance * max(abs(a), abs(b))


def constant_step(
    times: Vector, where: str, place: Callable[[int], str], given: float | None = None
) -> float:
    """The sampling time of `times` (s); `given` if it agrees.

    For messages, `where` names the column and `place(k)` its row k. Raises SparsidError for times
    that do not increase, steps that differ, or a step that differs from `given`.
    """
    steps = np.diff(times)
    if len(back := np.flatnonzero(~(steps > 0))):
        k = back[0] + 1
        raise SparsidError(
            f"{where} must increase from row to row; {place(k)} it goes from {times[k - 1]:g} "
            f"to {times[k]:g} s: sort the rows, or give several records as several files."
        )
    usual = float(np.median(steps))
    # Large times have few decimals left: tolerate the rounding error of their differences.
    slack = STEP_TOLERANCE * usual + 4 * np.spacing(np.abs(times).max())
    if len(irregular := np.flatnonzero(np.abs(steps - usual) > slack)):
        k = irregular[0] + 1
        raise SparsidError(
            f"{where} must have a constant step (to {STEP_TOLERANCE:.0%}); {place(k)} the step is "
            f"{steps[k - 1]:g} s instead of {usual:g} s: resample the record, or cut it there."
        )
    # The mean averages out the rounding of single times; 12 digits drop that of the mean.
    mean = float(f"{(times[-1] - times[0]) / len(steps):.12g}")
    if given is None:
        return mean
    if not same_step(mean, given, GIVEN_TOLERANCE):
        raise SparsidError(
            f"{where} has a step of {mean:g} s, but `dt` is {given:g} s; give one of them."
        )
    return given
