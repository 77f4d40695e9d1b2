"""One choice among networks that were trained for the same member."""

import numpy as np
from jaxtyping import Float, Int


def best_restarts(
    errors: Float[np.ndarray, " network"], restarts: int
) -> Int[np.ndarray, " member"]:
    """Places of each member's network of least error; those of a member stand side by side."""
    of_members = errors.reshape(-1, restarts)
    return np.argmin(of_members, axis=1) + restarts * np.arange(len(of_members))
