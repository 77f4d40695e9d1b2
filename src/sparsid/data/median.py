"""The median of an ensemble's free runs."""

import warnings

import numpy as np
from jaxtyping import Float


def median_run(
    runs: Float[np.ndarray, "member *trajectory T n"],
) -> Float[np.ndarray, "*trajectory T n"]:
    """The median of the members' runs, sample by sample.

    A member is excluded from its first NaN or infinite sample on; where more than half are
    excluded, the median is NaN.
    """
    finite = np.logical_and.accumulate(np.isfinite(runs).all(axis=-1, keepdims=True), axis=-2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)  # no member left: the median is NaN
        middle = np.nanmedian(np.where(finite, runs, np.nan), axis=0)
    return np.where(2 * finite.sum(axis=0) >= len(runs), middle, np.nan)
