"""Comparison of two configurations: differences with two-way bootstrap intervals.

Networks and trajectories are both resampled (evaluation.intervals). Both sides share trajectories,
and networks of one seed share their initial weights and often their first phases: resampling them
together removes the common variation.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from sparsid._errors import SparsidError
from sparsid.evaluation.intervals import rate_interval

DRAWS = 2000
CONFIDENCE = 0.95


@dataclass(frozen=True)
class Estimate:
    """A value with its 95 % interval; all NaN if there were no data."""

    value: float
    low: float
    high: float

    @property
    def sign(self) -> int:
        """1 or -1 if the interval is above or below zero, else 0."""
        return int(self.low > 0) - int(self.high < 0)

    def widened(self, factor: float) -> "Estimate":
        """Both half-widths times `factor`."""
        return Estimate(
            self.value,
            self.value - factor * (self.value - self.low),
            self.value + factor * (self.high - self.value),
        )


NOTHING = Estimate(np.nan, np.nan, np.nan)


def rate_difference(
    first: Bool[np.ndarray, "network trajectory"],
    second: Bool[np.ndarray, "other trajectory"],
    *,
    paired: bool,
    seed: int = 0,
) -> Estimate:
    """Rate of `first` minus that of `second`; `paired` if rows i of both have the same seed.

    If the bootstrap has no width (all or no events on both sides), Newcombe's interval is used,
    from the intervals of both rates. Raises SparsidError for shapes that do not match.
    """
    found = _difference(
        first.astype(float),
        second.astype(float),
        np.ones(first.shape, bool),
        np.ones(second.shape, bool),
        paired,
        seed,
    )
    if any(0 < table.sum() < table.size for table in (first, second)):
        return found
    p, q = first.mean(), second.mean()
    (p_low, p_high), (q_low, q_high) = rate_interval(first), rate_interval(second)
    down, up = np.hypot(p - p_low, q_high - q), np.hypot(p_high - p, q - q_low)
    return Estimate(found.value, float(found.value - down), float(found.value + up))


def error_difference(
    first: Float[np.ndarray, "network trajectory"],
    second: Float[np.ndarray, "other trajectory"],
    *,
    kept: tuple[Bool[np.ndarray, "network trajectory"], Bool[np.ndarray, "other trajectory"]],
    paired: bool,
    seed: int = 0,
) -> Estimate:
    """Mean error of `first` minus that of `second` over the runs kept (those not diverged).

    If `paired`, a run counts only if it is kept on both sides. Raises SparsidError for shapes that
    do not match.
    """
    one, other = kept
    if paired:
        _check(first, second, paired)
        one = other = one & other
    return _difference(first, second, one, other, paired, seed)


def mean_interval(
    error: Float[np.ndarray, "network trajectory"],
    kept: Bool[np.ndarray, "network trajectory"],
    *,
    seed: int = 0,
) -> Estimate:
    """Mean error over the runs kept, with its two-way bootstrap interval."""
    _check(error, error, True)
    rng = np.random.default_rng(seed)
    networks, trajectories = (_drawn(rng, n) for n in error.shape)
    value = _mean(error, kept, *(np.ones((1, n)) for n in error.shape))[0]
    return _estimate(value, _mean(error, kept, networks, trajectories))


def _difference(first, second, kept_first, kept_second, paired: bool, seed: int) -> Estimate:
    _check(first, second, paired)
    rng = np.random.default_rng(seed)
    trajectories, networks = _drawn(rng, first.shape[1]), _drawn(rng, len(first))
    others = networks if paired else _drawn(rng, len(second))
    once = (np.ones((1, n)) for n in (len(first), len(second), first.shape[1]))
    one, other, every = once
    value = _mean(first, kept_first, one, every) - _mean(second, kept_second, other, every)
    drawn = _mean(first, kept_first, networks, trajectories)
    return _estimate(value[0], drawn - _mean(second, kept_second, others, trajectories))


def _drawn(rng: np.random.Generator, n: int) -> Float[np.ndarray, "draw n"]:
    """How often each of `n` is drawn, with replacement."""
    return rng.multinomial(n, np.full(n, 1 / n), size=DRAWS).astype(float)


def _mean(error, kept, networks, trajectories) -> Float[np.ndarray, " draw"]:
    """Mean over the kept runs of each draw; NaN for a draw without any."""
    total = np.einsum("dn,nt,dt->d", networks, np.where(kept, error, 0.0), trajectories)
    with np.errstate(invalid="ignore"):
        return total / np.einsum("dn,nt,dt->d", networks, kept.astype(float), trajectories)


def _estimate(value: float, drawn: Float[np.ndarray, " draw"]) -> Estimate:
    drawn = drawn[np.isfinite(drawn)]
    if not np.isfinite(value) or not drawn.size:
        return NOTHING
    low, high = np.quantile(drawn, [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return Estimate(float(value), float(low), float(high))


def _check(first, second, paired: bool) -> None:
    fits = first.ndim == second.ndim == 2 and first.size and second.size
    if not fits or first.shape[1] != second.shape[1] or (paired and len(first) != len(second)):
        raise SparsidError(
            "A comparison needs two matrices network x trajectory over the same trajectories"
            f"{', paired row by row' if paired else ''}; got shapes {first.shape} and "
            f"{second.shape}."
        )
