"""Records split into windows, and free runs of a model over them."""

from dataclasses import dataclass
from typing import Any, ClassVar, NamedTuple

import jax
import numpy as np
from jaxtyping import Array, Float

from sparsid._errors import SparsidError
from sparsid.data import ScaledDataset
from sparsid.models import rollout


class Windows(NamedTuple):
    """Scaled records in JAX or NumPy: y and u Float["window time channels"].

    `counts` Float["window time"] is 0 for initial and padded rows, 1 for all others.
    """

    y: Any
    u: Any
    counts: Any


@dataclass(frozen=True)
class Simulation:
    """The free run (parallel, NOE): the model sees its own earlier outputs.

    Over complete records, or over windows of `length` samples that begin every `stride` samples;
    each starts from recorded rows, which do not count. With `perturbation`, every window is run a
    second time with initial outputs perturbed by up to so many scaled units, and the first
    `burn_in` samples of that run do not count: the effect of the initial state decays in a stable
    plant, and so it should in its model.

    With `estimated`, the initial outputs of a window are additional unknowns, with the same squared
    penalty on their distance from the recorded ones as any other row: for records whose first
    samples are noisy. They are discarded after training. Only Levenberg-Marquardt estimates them.
    """

    length: int | None = None
    stride: int | None = None
    perturbation: float = 0.0
    burn_in: int = 40
    estimated: bool = False
    feedback: ClassVar[bool] = True

    def __post_init__(self):
        if self.estimated and self.perturbation:
            raise SparsidError(
                "The initial outputs of windows are either `estimated` or perturbed "
                "(`perturbation`); choose one."
            )

    def samples(self, lag: int) -> int | None:
        """Samples of a window for a model of this lag; None for complete records."""
        return self.length


@dataclass(frozen=True)
class Prediction:
    """One step ahead (series-parallel, NARX): the model sees recorded outputs.

    Every sample of the records is an example, or one in `stride`.
    """

    stride: int | None = None
    feedback: ClassVar[bool] = False
    perturbation: ClassVar[float] = 0.0
    estimated: ClassVar[bool] = False

    def samples(self, lag: int) -> int | None:
        """Samples of a window for a model of this lag; None for complete records."""
        return None if self.stride is None else lag + 1


type Criterion = Simulation | Prediction


def cut(
    scaled: ScaledDataset, length: int | None, stride: int, *, complete: bool
) -> list[tuple[np.ndarray, np.ndarray]]:
    """(y, u) of each window of `length` samples, one beginning every `stride` samples of a record.

    With `complete` every sample is in a window: a last one ends where the record ends, and a record
    of fewer samples is one window. Otherwise the remainder of a record is left out. Without
    `length` every window is a complete record.
    """
    return [
        (t.x[at : at + size], t.u[at : at + size])
        for t in scaled.scaled
        for at, size in _places(t.samples, length, stride, complete)
    ]


def _places(samples: int, length: int | None, stride: int, complete: bool) -> list[tuple[int, int]]:
    """(first sample, length) of each window of a record."""
    if length is None or (complete and length >= samples):
        return [(0, samples)]
    firsts = list(range(0, samples - length + 1, stride))
    if complete and firsts[-1] + length < samples:
        firsts.append(samples - length)
    return [(at, length) for at in firsts]


def free_runs(
    model, given: Float[Array, "window lag observed"], u: Float[Array, "window time inputs"]
) -> Float[Array, "window time observed"]:
    """Free runs of one resolved model from the `given` initial rows, which the result includes."""
    starts = given[:, 0] if model.lag == 1 else given
    return jax.vmap(lambda start, inputs: rollout(model, start, inputs))(starts, u)


def check_windows(scaled: ScaledDataset, criterion: Criterion, *, lag: int) -> None:
    """Raises SparsidError for a record or windows with fewer than `lag` + 1 samples."""
    shortest, longest = min(scaled.scaled.lengths), max(scaled.scaled.lengths)
    if shortest <= lag:
        raise SparsidError(
            f"A record needs at least {lag + 1} samples (the model's lags and one more); the "
            f"shortest has {shortest}."
        )
    length = criterion.samples(lag)
    if length is not None and not lag < length <= longest:
        raise SparsidError(
            f"Windows must be longer than the model's {lag} lags and no longer than the longest "
            f"record, {longest} samples; got {length}."
        )


def windows(scaled: ScaledDataset, criterion: Criterion, *, lag: int) -> Windows:
    """The records split by the criterion, in float64, shorter ones padded.

    Raises SparsidError for a record or windows with fewer than `lag` + 1 samples.
    """
    check_windows(scaled, criterion, lag=lag)
    length = criterion.samples(lag)
    stride = criterion.stride or (length or 0) - lag
    parts = cut(scaled, length, stride, complete=True)
    longest = max(len(x) for x, _ in parts)

    def padded(rows):
        return np.pad(rows, ((0, longest - len(rows)), (0, 0)), mode="edge")

    time = np.arange(longest)
    unperturbed = Windows(
        np.stack([padded(x) for x, _ in parts]),
        np.stack([padded(u) for _, u in parts]),
        np.stack([(time >= lag) & (time < len(x)) for x, _ in parts]).astype(float),
    )
    return (
        _with_perturbed_starts(unperturbed, criterion, lag)
        if isinstance(criterion, Simulation)
        else unperturbed
    )


def _with_perturbed_starts(unperturbed: Windows, criterion: Simulation, lag: int) -> Windows:
    """The windows, and a copy with initial outputs perturbed by a low-discrepancy sequence."""
    if not criterion.perturbation:
        return unperturbed
    count, _, channels = unperturbed.y.shape
    spread = np.modf(np.outer(1 + np.arange(count), _irrational(channels)))[0]
    y, counts = unperturbed.y.copy(), unperturbed.counts.copy()
    y[:, :lag] += criterion.perturbation * (2 * spread - 1)[:, None]
    counts[:, : criterion.burn_in] = 0
    both = (unperturbed, Windows(y, unperturbed.u, counts))
    return Windows(*(np.concatenate(arrays) for arrays in zip(*both, strict=True)))


def _irrational(channels: int) -> np.ndarray:
    """Steps of a low-discrepancy sequence: powers of the inverse golden ratio's generalisation.

    Source: M. Roberts, The Unreasonable Effectiveness of Quasirandom Sequences, 2018.
    """
    ratio = np.roots([1.0, *[0.0] * (channels - 1), -1.0, -1.0]).real.max()
    return ratio ** -np.arange(1.0, channels + 1)
