"""Saliencies of weights, and how the others change when one is removed: OBD and OBS.

E is the sum of squared errors near a trained minimum; a saliency is the predicted increase of E
when one weight is removed. Arrays are NumPy float64, the parameters of a model in one vector.
"""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

RIDGE = 1e-10  # times the mean diagonal of J'J: keeps the inverse finite if it is singular


def brain_damage(
    theta: Float[np.ndarray, " size"], curvature: Float[np.ndarray, " size"]
) -> Float[np.ndarray, " size"]:
    """0.5 w^2 d2E/dw2, which may be negative where E is not at a minimum (LeCun 1990)."""
    return 0.5 * curvature * theta**2


@dataclass(frozen=True, eq=False)
class Surgeon:
    """Optimal Brain Surgeon (Hassibi 1993) with the Gauss-Newton Hessian 2 J'J and a small ridge.

    `inverse` is (J'J)^-1 over the active weights; its other rows and columns are zero.
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
        active = np.flatnonzero(keep)
        inner = gram[np.ix_(active, active)]
        mean = np.trace(inner) / max(len(active), 1)
        inner = inner + ridge * max(mean, 1e-300) * np.eye(len(active))
        inverse = np.zeros_like(gram)
        inverse[np.ix_(active, active)] = np.linalg.inv(inner)
        return cls(theta, keep, inverse)

    def saliency(self) -> Float[np.ndarray, " size"]:
        """Increase of E when a weight is removed and the others adapt; inf for masked ones."""
        diagonal = np.diagonal(self.inverse)
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(self.keep & (diagonal > 0), self.theta**2 / diagonal, np.inf)

    def without(self, q: int) -> "Surgeon":
        """Weight q removed, the others moved so that E increases least."""
        column, diagonal = self.inverse[:, q], self.inverse[q, q]
        theta = np.where(self.keep, self.theta - self.theta[q] / diagonal * column, 0.0)
        inverse = self.inverse - np.outer(column, column) / diagonal
        keep = self.keep.copy()
        theta[q], keep[q], inverse[q], inverse[:, q] = 0.0, False, 0.0, 0.0
        return Surgeon(theta, keep, inverse)
