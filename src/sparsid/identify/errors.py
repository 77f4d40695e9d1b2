"""Free-run errors of each member, and of the median of their runs."""

import numpy as np
from jaxtyping import Float

from sparsid.data import Dataset
from sparsid.evaluation import forecast, matched, median_run, rmse
from sparsid.models import Ensemble


def simulation_errors(
    ensemble: Ensemble, dataset: Dataset
) -> tuple[Float[np.ndarray, "member states"], Float[np.ndarray, " states"]]:
    """RMSE of free runs in training standard deviations, averaged over trajectories.

    Returns that of each member, and that of the median of all members' runs, which is the
    prediction of the ensemble.
    """
    scale = ensemble.stacked.scaling.scale
    dataset, _ = matched(ensemble.card, dataset)
    runs = forecast(ensemble, dataset)
    each = [
        (
            rmse(run[:, : t.samples], t.x) / scale,
            rmse(median_run(run[:, : t.samples]), t.x) / scale,
        )
        for run, t in zip(np.moveaxis(runs, 1, 0), dataset, strict=True)
    ]
    members, median = zip(*each, strict=True)
    return np.mean(members, axis=0), np.mean(median, axis=0)


def median_run_error(ensemble: Ensemble, dataset: Dataset) -> float:
    """The error of the median run, mean over channels; inf if it diverged."""
    _, errors = simulation_errors(ensemble, dataset)
    mean = float(np.mean(errors))
    return mean if np.isfinite(mean) else np.inf
