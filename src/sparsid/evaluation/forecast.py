"""Free runs of all members of an ensemble over datasets, in physical units."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float

from sparsid._errors import SparsidError
from sparsid.data import Dataset
from sparsid.evaluation.fitting_data import matched
from sparsid.models import Ensemble


def forecast(ensemble: Ensemble, dataset: Dataset) -> Float[np.ndarray, "member trajectory T n"]:
    """Every member's free run over every trajectory, from its first samples.

    Channels are found by name (`sparsid.data.match`) and have the model's order in the result; a
    model that simulates outputs uses the dataset's outputs. Values are in physical units; the first
    `ensemble.lag` rows are the recorded ones, rows after the end of a trajectory are NaN. Raises
    SparsidError for data that lack the model's channels or differ in a unit or in the sampling
    time, and for a record no longer than the model's lags.
    """
    return free_runs(ensemble, matched(ensemble.card, dataset)[0])


def free_runs(ensemble: Ensemble, fitting: Dataset) -> Float[np.ndarray, "member trajectory T n"]:
    """`forecast` over data returned by `matched`."""
    x, _, u = fitting.padded()
    lag = ensemble.lag
    if min(fitting.lengths) <= lag:
        raise SparsidError(
            f"A free run of this model starts from {lag} recorded samples and needs at least "
            f"{lag + 1}; the shortest record has {min(fitting.lengths)}."
        )
    runs = ensemble.run(x[:, 0] if lag == 1 else x[:, :lag], u)
    padded = np.arange(x.shape[1]) >= np.array(fitting.lengths)[:, None]
    return np.where(padded[None, :, :, None], np.nan, runs)


def finite_lengths(runs: Float[np.ndarray, "trajectory T n"], lengths: Sequence[int]) -> list[int]:
    """The number of samples of each run before the first NaN or infinite value."""
    finite = np.isfinite(runs).all(axis=-1)
    return [
        length if fine[:length].all() else int(fine[:length].argmin())
        for fine, length in zip(finite, lengths, strict=True)
    ]
