"""Recorded one-step increments, and their least-squares linear map."""

import numpy as np
from jaxtyping import Float

from sparsid.data import ScaledDataset


def one_step_examples(
    scaled: ScaledDataset,
) -> tuple[Float[np.ndarray, "example channels"], Float[np.ndarray, "example states"]]:
    """(states and inputs, increment of the states over the next sample), scaled, in float64."""
    inputs = [np.hstack([t.x, t.u])[:-1] for t in scaled.scaled]
    return np.concatenate(inputs), np.concatenate(scaled.increments())


def linear_map(train: ScaledDataset) -> tuple[np.ndarray, np.ndarray]:
    """Weight (states, states + inputs) and bias (states,) of the best one-step linear map.

    Least squares on scaled increments; of minimum norm where columns are linearly dependent.
    """
    rows, increments = one_step_examples(train)
    design = np.hstack([rows, np.ones((len(rows), 1))])
    solution, *_ = np.linalg.lstsq(design, increments)
    return np.ascontiguousarray(solution[:-1].T), solution[-1]
