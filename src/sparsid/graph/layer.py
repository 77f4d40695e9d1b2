"""One layer of a resolved network."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float


@dataclass(frozen=True, eq=False)
class GraphLayer:
    """weight @ h + skip @ z + bias, where z are the network's inputs. Arrays are float64."""

    weight: Float[np.ndarray, "outputs hidden"]
    skip: Float[np.ndarray, "outputs inputs"] | None
    bias: Float[np.ndarray, " outputs"]

    def __post_init__(self):
        for name in ("weight", "skip", "bias"):
            array = getattr(self, name)
            if array is not None:
                object.__setattr__(self, name, np.asarray(array, np.float64))

    def of(
        self, h: Float[np.ndarray, "batch hidden"], z: Float[np.ndarray, "batch inputs"]
    ) -> Float[np.ndarray, "batch outputs"]:
        """The pre-activations of the units."""
        reached = h @ self.weight.T + self.bias
        return reached if self.skip is None else reached + z @ self.skip.T

    def joined(self) -> Float[np.ndarray, "outputs columns"]:
        """All incoming weights: those of hidden units, then those of skipped inputs."""
        return (
            self.weight if self.skip is None else np.concatenate([self.weight, self.skip], axis=1)
        )

    def chained(
        self,
        along: Float[np.ndarray, "batch hidden inputs"],
        into: Float[np.ndarray, "batch inputs inputs"],
    ) -> Float[np.ndarray, "batch outputs inputs"]:
        """Derivatives of the pre-activations, from those of h and of z."""
        slopes = self.weight @ along
        return slopes if self.skip is None else slopes + self.skip @ into
