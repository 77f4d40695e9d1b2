"""The linear map that fits recorded increments best."""

import numpy as np

from sparsid.data import ScaledDataset


def linear_map(train: ScaledDataset) -> tuple[np.ndarray, np.ndarray]:
    """Weight (states, states + inputs) and bias (states,) of the best one-step linear map.

    Least squares on scaled increments; of minimum norm where columns depend on each other.
    """
    rows = np.concatenate([np.hstack([t.x, t.u])[:-1] for t in train.scaled])
    design = np.hstack([rows, np.ones((len(rows), 1))])
    solution, *_ = np.linalg.lstsq(design, np.concatenate(train.increments()))
    return np.ascontiguousarray(solution[:-1].T), solution[-1]
