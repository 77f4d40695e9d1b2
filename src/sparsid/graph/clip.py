"""What a network is shown of inputs outside its training box."""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from jaxtyping import Float

from sparsid._errors import SparsidError


@dataclass(frozen=True, eq=False)
class Clip:
    """The inputs z held to [low, high] where they enter hidden layers, or wherever they enter.

    They bend over smoothly and end `margin` of the width outside. "linear" holds them wherever they
    enter, and adds `slope` times what sticks out.
    """

    low: Float[np.ndarray, " inputs"]
    high: Float[np.ndarray, " inputs"]
    where: Literal["hidden", "all", "linear"]
    slope: Float[np.ndarray, "outputs inputs"] | None = None
    margin: float = 0.0

    def seen(self, z: Float[np.ndarray, "batch inputs"]) -> Float[np.ndarray, "batch inputs"]:
        """What is let through of z."""
        inside = np.clip(z, self.low, self.high)
        if not self.margin:
            return inside
        capacity = self.margin * (self.high - self.low)
        with np.errstate(invalid="ignore"):
            return np.where(z == inside, z, inside + capacity * np.tanh((z - inside) / capacity))

    def slopes(self, z: Float[np.ndarray, "batch inputs"]) -> Float[np.ndarray, "batch inputs"]:
        """How much of a small change of z is let through."""
        over = z - np.clip(z, self.low, self.high)
        capacity = self.margin * (self.high - self.low)
        with np.errstate(divide="ignore", invalid="ignore"):
            bent = 1.0 - np.tanh(over / capacity) ** 2 if self.margin else np.zeros_like(over)
        return np.where(over == 0, 1.0, bent)

    def __post_init__(self):
        for name in ("low", "high", "slope"):
            array = getattr(self, name)
            if array is not None:
                object.__setattr__(self, name, np.asarray(array, np.float64))

    def of(self, output: int) -> "Clip":
        """The same for a network of this output alone."""
        return replace(self, slope=None if self.slope is None else self.slope[output : output + 1])

    def check(self, outputs: int, inputs: int) -> None:
        """Raises SparsidError unless it fits a network of so many outputs and inputs."""
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
