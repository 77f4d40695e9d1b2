"""Choice among the restarts of each member."""

import numpy as np
from jaxtyping import Float, Int


def best_restarts(
    errors: Float[np.ndarray, " network"], restarts: int
) -> Int[np.ndarray, " member"]:
    """Index of the network of least error of each member; its restarts are consecutive."""
    of_members = errors.reshape(-1, restarts)
    return np.argmin(of_members, axis=1) + restarts * np.arange(len(of_members))
