"""Clipping of a network's inputs to the box of its training data."""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from jaxtyping import Float

from sparsid._errors import SparsidError


@dataclass(frozen=True, eq=False)
class Clip:
    """Clips the inputs z to [low, high], for the hidden layers only or for all layers.

    With `margin` they saturate smoothly, at most `margin` times the width outside. "linear" clips
    for all layers and adds `slope` times the part that was clipped off.
    """

    low: Float[np.ndarray, " inputs"]
    high: Float[np.ndarray, " inputs"]
    where: Literal["hidden", "all", "linear"]
    slope: Float[np.ndarray, "outputs inputs"] | None = None
    margin: float = 0.0

    def seen(self, z: Float[np.ndarray, "batch inputs"]) -> Float[np.ndarray, "batch inputs"]:
        """The clipped inputs."""
        inside = np.clip(z, self.low, self.high)
        if not self.margin:
            return inside
        reach = self.margin * (self.high - self.low)
        with np.errstate(invalid="ignore"):
            return np.where(z == inside, z, inside + reach * np.tanh((z - inside) / reach))

    def slopes(self, z: Float[np.ndarray, "batch inputs"]) -> Float[np.ndarray, "batch inputs"]:
        """Derivatives of the clipped inputs with respect to z."""
        over = z - np.clip(z, self.low, self.high)
        reach = self.margin * (self.high - self.low)
        with np.errstate(divide="ignore", invalid="ignore"):
            bent = 1.0 - np.tanh(over / reach) ** 2 if self.margin else np.zeros_like(over)
        return np.where(over == 0, 1.0, bent)

    def __post_init__(self):
        for name in ("low", "high", "slope"):
            array = getattr(self, name)
            if array is not None:
                object.__setattr__(self, name, np.asarray(array, np.float64))

    def of(self, output: int) -> "Clip":
        """The same for a network with this output only."""
        return replace(self, slope=None if self.slope is None else self.slope[output : output + 1])

    def check(self, outputs: int, inputs: int) -> None:
        """Raises SparsidError unless the shapes fit a network of so many outputs and inputs."""
        if {self.low.shape, self.high.shape} != {(inputs,)}:
            raise SparsidError(
                f"The bounds of `clip` must have one number for each of {inputs} inputs; got "
                f"shapes {self.low.shape} and {self.high.shape}."
            )
        slope = None if self.slope is None else self.slope.shape
        wanted = (outputs, inputs) if self.where == "linear" else None
        if slope != wanted:
            raise SparsidError(
                f"The slope of a clip {self.where!r} must have the shape {wanted}; got {slope}."
            )
