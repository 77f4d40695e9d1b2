"""Which weight matters least, and what the others do when it goes: OBD and OBS.

E is the sum of squared errors near a trained minimum; a saliency is the increase of E that the
deletion of one weight promises. Arrays are NumPy float64, a model's numbers in one vector.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

RIDGE = 1e-10  # over the mean diagonal of J'J: keeps the inverse of a singular one finite


def brain_damage(
    theta: Float[np.ndarray, " size"], curvature: Float[np.ndarray, " size"]
) -> Float[np.ndarray, " size"]:
    """0.5 w^2 d2E/dw2, which may be negative where E is not at a minimum (LeCun 1990)."""
    return 0.5 * curvature * theta**2


@dataclass(frozen=True, eq=False)
class Surgeon:
    """Optimal Brain Surgeon (Hassibi 1993) with the Gauss-Newton Hessian 2 J'J and a small ridge.

    `inverse` is (J'J)^-1 over the live weights, its other rows and columns zero.
    """

    theta: Float[np.ndarray, " size"]
    keep: Bool[np.ndarray, " size"]
    inverse: Float[np.ndarray, "size size"]

    @classmethod
    def at(
        cls,
        theta: Float[np.ndarray, " size"],
        keep: Bool[np.ndarray, " size"],
        gram: Float[np.ndarray, "size size"],
        *,
        ridge: float = RIDGE,
    ) -> "Surgeon":
        """From J'J (`gram`) at a trained point."""
        live = np.flatnonzero(keep)
        inner = gram[np.ix_(live, live)]
        inner = inner + ridge * max(np.trace(inner) / max(len(live), 1), 1e-300) * np.eye(len(live))
        inverse = np.zeros_like(gram)
        inverse[np.ix_(live, live)] = np.linalg.inv(inner)
        return cls(theta, keep, inverse)

    def saliency(self) -> Float[np.ndarray, " size"]:
        """The increase of E when a weight goes and all others make up for it; inf for dead ones."""
        capacity = np.diagonal(self.inverse)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(self.keep & (capacity > 0), self.theta**2 / capacity, np.inf)

    def without(self, q: int) -> "Surgeon":
        """Weight q deleted, the others moved to where E grows least."""
        column, capacity = self.inverse[:, q], self.inverse[q, q]
        theta = np.where(self.keep, self.theta - self.theta[q] / capacity * column, 0.0)
        inverse = self.inverse - np.outer(column, column) / capacity
        keep = self.keep.copy()
        theta[q], keep[q], inverse[q], inverse[:, q] = 0.0, False, 0.0, 0.0
        return Surgeon(theta, keep, inverse)
