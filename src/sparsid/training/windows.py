"""Stretches of record that second-order training runs over, side by side."""

from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import numpy as np

from sparsid._errors import SparsidError
from sparsid.data import ScaledDataset


class Windows(NamedTuple):
    """Scaled records of JAX or of NumPy: y and u Float["window time channels"].

    `counts` Float["window time"] is 0 for rows that are given or filled up, 1 for all others.
    """

    y: Any
    u: Any
    counts: Any


@dataclass(frozen=True)
class Simulation:
    """The free run (parallel, NOE): the model sees its own earlier outputs.

    Over whole records, or over windows of `length` samples that begin every `stride` samples; each
    starts from recorded rows, which do not count.
    """

    length: int | None = None
    stride: int | None = None
    feedback: ClassVar[bool] = True


@dataclass(frozen=True)
class Prediction:
    """One step ahead (series-parallel, NARX): the model sees recorded outputs."""

    length: ClassVar[None] = None
    stride: ClassVar[None] = None
    feedback: ClassVar[bool] = False


type Criterion = Simulation | Prediction


def windows(scaled: ScaledDataset, criterion: Criterion, *, lag: int) -> Windows:
    """The records cut as the criterion says, in float64, shorter ones filled up.

    Raises SparsidError for a record with fewer than `lag` + 1 samples, or windows as short.
    """
    shortest = min(scaled.scaled.lengths)
    if shortest <= lag:
        raise SparsidError(
            f"A record needs at least {lag + 1} samples (the model's lags and one more); the "
            f"shortest has {shortest}."
        )
    longest = max(scaled.scaled.lengths)
    if criterion.length is not None and not lag < criterion.length <= longest:
        raise SparsidError(
            f"Windows must be longer than the model's {lag} lags and no longer than the longest "
            f"record, {longest} samples; got {criterion.length}."
        )
    parts = [
        (t.x[at : at + length], t.u[at : at + length])
        for t in scaled.scaled
        for at, length in _cuts(t.samples, criterion, lag)
    ]
    longest = max(len(x) for x, _ in parts)

    def filled(rows):
        return np.pad(rows, ((0, longest - len(rows)), (0, 0)), mode="edge")

    time = np.arange(longest)
    return Windows(
        np.stack([filled(x) for x, _ in parts]),
        np.stack([filled(u) for _, u in parts]),
        np.stack([(time >= lag) & (time < len(x)) for x, _ in parts]).astype(float),
    )


def _cuts(samples: int, criterion: Criterion, lag: int) -> list[tuple[int, int]]:
    """(first sample, length) of each window of a record; its end is never left out."""
    if criterion.length is None or criterion.length >= samples:
        return [(0, samples)]
    stride = criterion.stride or criterion.length - lag
    starts = list(range(0, samples - criterion.length + 1, stride))
    if starts[-1] + criterion.length < samples:
        starts.append(samples - criterion.length)
    return [(at, criterion.length) for at in starts]
