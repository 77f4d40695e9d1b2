"""Confidence intervals for rates: Wilson's, and a two-way bootstrap for shared trajectories."""

import numpy as np
from jaxtyping import Bool

from sparsid._errors import SparsidError


def wilson(count: int, runs: int, *, confidence: float = 0.95) -> tuple[float, float]:
    """Wilson's score interval for a rate, given `count` of `runs` independent events.

    Raises SparsidError unless 0 <= count <= runs and runs >= 1.
    """
    from scipy.special import ndtri

    if not 0 <= count <= runs or runs < 1:
        raise SparsidError(f"A rate needs 0 <= count <= runs; got {count} of {runs}.")
    z = ndtri(0.5 + confidence / 2)
    rate = count / runs
    middle = (rate + z**2 / (2 * runs)) / (1 + z**2 / runs)
    half = z / (1 + z**2 / runs) * np.sqrt(rate * (1 - rate) / runs + z**2 / (4 * runs**2))
    # Exact at the ends, where rounding would leave 1e-17.
    low = 0.0 if count == 0 else float(middle - half)
    return low, 1.0 if count == runs else float(middle + half)


def two_way_bootstrap(
    happened: Bool[np.ndarray, "network trajectory"],
    *,
    seed: int,
    draws: int = 2000,
    confidence: float = 0.95,
) -> tuple[float, float]:
    """Percentile interval for a rate over networks x trajectories, both resampled.

    400 runs of 10 networks on 40 shared trajectories are not 400 independent events: a bad network
    or a hard trajectory affects many of them (Owen 2007, the pigeonhole bootstrap). The interval
    has no width if all events or none happened; `rate_interval` then falls back on Wilson's.
    Raises SparsidError unless `happened` is a matrix with at least one row and column.
    """
    if happened.ndim != 2 or not happened.size:
        raise SparsidError(
            f"The bootstrap needs a matrix network x trajectory; got shape {happened.shape}."
        )
    rng = np.random.default_rng(seed)
    networks, trajectories = happened.shape
    drawn_networks = rng.multinomial(networks, np.full(networks, 1 / networks), size=draws)
    drawn = rng.multinomial(trajectories, np.full(trajectories, 1 / trajectories), size=draws)
    rates = np.einsum("dn,nt,dt->d", drawn_networks, happened.astype(float), drawn) / happened.size
    tail = (1 - confidence) / 2
    low, high = np.quantile(rates, [tail, 1 - tail])
    return float(low), float(high)


def rate_interval(
    happened: Bool[np.ndarray, "network trajectory"], *, seed: int = 0
) -> tuple[float, float]:
    """95 % interval for the rate: on each side the wider of two-way bootstrap and Wilson."""
    low, high = wilson(int(happened.sum()), happened.size)
    if 0 < happened.sum() < happened.size:
        boot_low, boot_high = two_way_bootstrap(happened, seed=seed)
        low, high = min(low, boot_low), max(high, boot_high)
    return low, high
