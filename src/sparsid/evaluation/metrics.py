"""Errors of long free runs by the published definitions: absolute, scaled, from sample 0.

e_i = mean over the first L samples of |prediction_i - truth_i| / scale_i. A run diverged if
max_i e_i > 3 or any value is NaN or infinite. RFMSE = mean over i of e_i; its mean and standard
deviation are taken over the runs that did not diverge (haugstvedt2023, as computed).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from sparsid._errors import SparsidError
from sparsid.data import Dataset
from sparsid.evaluation.fitting_data import matched
from sparsid.evaluation.forecast import free_runs
from sparsid.models import Ensemble

DIVERGED_ABOVE = 3.0


@dataclass(frozen=True)
class HorizonScore:
    """Scores of runs over one horizon (samples). Leading axes are those of the prediction.

    Runs over trajectories shorter than the horizon are not counted.
    """

    horizon: int
    error: Float[np.ndarray, "*runs"]  # RFMSE of each run; may be inf or NaN where it diverged
    diverged: Bool[np.ndarray, "*runs"]
    counted: Bool[np.ndarray, "*runs"]

    @property
    def runs(self) -> int:
        return int(self.counted.sum())

    @property
    def diverged_count(self) -> int:
        return int((self.diverged & self.counted).sum())

    @property
    def rfmse_mean(self) -> float | None:
        """Mean over runs that did not diverge; None if all did."""
        kept = self.error[self.counted & ~self.diverged]
        return float(kept.mean()) if kept.size else None

    @property
    def rfmse_std(self) -> float | None:
        """Population standard deviation over runs that did not diverge; None if all did."""
        kept = self.error[self.counted & ~self.diverged]
        return float(kept.std()) if kept.size else None


def horizon_scores(
    prediction: Float[np.ndarray, "*runs T n"],
    truth: Float[np.ndarray, "... T n"],
    *,
    scale: Float[np.ndarray, " n"],
    horizons: Sequence[int],
    lengths: Sequence[int] | None = None,
) -> dict[int, HorizonScore]:
    """Scores of free runs at each horizon, cumulative from sample 0.

    `truth` broadcasts against `prediction`; both and `scale` have one unit. `lengths` are the
    lengths of the trajectories (the last run axis) without padding. Raises SparsidError for a
    horizon that no trajectory reaches, shapes that do not match, or a scale that is not positive.
    """
    prediction, truth = np.asarray(prediction, float), np.asarray(truth, float)
    scale = np.asarray(scale, float)
    samples = prediction.shape[-2]
    _check(prediction, truth, scale)
    own = np.broadcast_to(samples if lengths is None else lengths, prediction.shape[:-2])
    _check_horizons(horizons, int(own.max(initial=0)))
    with np.errstate(all="ignore"):  # inf and NaN are results here
        total, scores, since = 0.0, {}, 0
        for horizon in sorted(set(horizons)):
            part = slice(since, horizon)
            # Accumulated by horizon, to avoid an error array over the complete record.
            total = total + np.abs(prediction[..., part, :] - truth[..., part, :]).sum(axis=-2)
            each = total / (horizon * scale)
            diverged = ~np.isfinite(each).all(axis=-1) | (each.max(axis=-1) > DIVERGED_ABOVE)
            scores[horizon] = HorizonScore(horizon, each.mean(axis=-1), diverged, own >= horizon)
            since = horizon
    return {horizon: scores[horizon] for horizon in horizons}


def error_over_time(
    prediction: Float[np.ndarray, "*runs T n"],
    truth: Float[np.ndarray, "... T n"],
    *,
    scale: Float[np.ndarray, " n"],
) -> Float[np.ndarray, "*runs T"]:
    """e(t) = mean over states of |error_i(t)| / scale_i."""
    with np.errstate(all="ignore"):
        return (np.abs(np.asarray(prediction) - truth) / scale).mean(axis=-1)


def window_scores(
    prediction: Float[np.ndarray, "*runs T n"],
    truth: Float[np.ndarray, "... T n"],
    *,
    scale: Float[np.ndarray, " n"],
    windows: Sequence[tuple[int, int]] = ((0, 100), (100, 2500), (2500, 5000)),
    lengths: Sequence[int] | None = None,
) -> dict[tuple[int, int], HorizonScore]:
    """Lundby's variant: mean of e(t) over each window [begin, end); diverged if max e(t) > 3.

    Arguments as for `horizon_scores`. Raises SparsidError for a window that is empty or ends after
    every record, and as `horizon_scores` does.
    """
    prediction, truth = np.asarray(prediction, float), np.asarray(truth, float)
    scale = np.asarray(scale, float)
    _check(prediction, truth, scale)
    error = error_over_time(prediction, truth, scale=scale)
    own = np.broadcast_to(error.shape[-1] if lengths is None else lengths, error.shape[:-1])
    _check_horizons([end for _, end in windows], int(own.max(initial=0)))
    scores = {}
    for begin, end in windows:
        if not 0 <= begin < end:
            raise SparsidError(f"A window must begin before it ends; got [{begin}, {end}).")
        part = error[..., begin:end]
        worst = part.max(axis=-1)
        diverged = ~np.isfinite(worst) | (worst > DIVERGED_ABOVE)
        scores[begin, end] = HorizonScore(end, part.mean(axis=-1), diverged, own >= end)
    return scores


def score(ensemble: Ensemble, dataset: Dataset, horizons: Sequence[int]) -> dict[int, HorizonScore]:
    """Free runs of all members over all trajectories, in training standard deviations.

    Raises SparsidError as `forecast` and `horizon_scores` do.
    """
    dataset, _ = matched(ensemble.card, dataset)
    x, _, _ = dataset.padded()
    return horizon_scores(
        free_runs(ensemble, dataset),
        x,
        scale=ensemble.stacked.scaling.scale,
        horizons=horizons,
        lengths=dataset.lengths,
    )


def free_run_errors(ensemble: Ensemble, dataset: Dataset) -> Float[np.ndarray, " member"]:
    """Each member's RFMSE over complete trajectories, inf if a run diverged; for selection."""
    lengths = np.array(dataset.lengths)
    judged = score(ensemble, dataset, sorted(set(dataset.lengths)))
    errors = np.stack([np.where(s.diverged, np.inf, s.error) for s in judged.values()])
    whole = np.searchsorted(sorted(judged), lengths)  # each trajectory over its own length
    return errors[whole, :, np.arange(len(lengths))].mean(axis=0)


def rmse(
    prediction: Float[np.ndarray, "*runs T n"], truth: Float[np.ndarray, "... T n"]
) -> Float[np.ndarray, "*runs n"]:
    """Root mean squared error of each channel over time, in the channel's unit."""
    with np.errstate(all="ignore"):
        return np.sqrt(np.mean((np.asarray(prediction) - truth) ** 2, axis=-2))


def _check(prediction, truth, scale) -> None:
    if prediction.ndim < 2 or truth.shape[-2:] != prediction.shape[-2:]:
        raise SparsidError(
            "`prediction` and `truth` must share time and channels; got shapes "
            f"{prediction.shape} and {truth.shape}."
        )
    if scale.shape != prediction.shape[-1:] or not np.all(scale > 0):
        raise SparsidError(
            f"`scale` must contain one positive number per channel ({prediction.shape[-1]}); "
            f"got {scale.tolist()}."
        )


def _check_horizons(horizons: Sequence[int], longest: int) -> None:
    for horizon in horizons:
        if not 1 <= horizon <= longest:
            raise SparsidError(
                f"`horizon` must be from 1 to {longest} (the longest trajectory has {longest} "
                f"samples); got {horizon}."
            )
