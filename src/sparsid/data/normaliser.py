"""Standardisation: scaling to zero mean and unit variance, and back to physical units."""

from dataclasses import dataclass, field, replace
from typing import Self

import numpy as np

from sparsid._errors import SparsidError
from sparsid._types import Vector
from sparsid.data.dataset import Dataset, Trajectory


@dataclass(frozen=True)
class Scale:
    """scaled = (physical - offset) / scale, channel by channel; `scale` is in physical units."""

    offset: Vector
    scale: Vector

    def __post_init__(self):
        object.__setattr__(self, "offset", np.asarray(self.offset, np.float64))
        object.__setattr__(self, "scale", np.asarray(self.scale, np.float64))
        if self.offset.shape != self.scale.shape or self.offset.ndim != 1:
            raise SparsidError(
                "`offset` and `scale` must be vectors of equal length; got shapes "
                f"{self.offset.shape} and {self.scale.shape}."
            )
        if not (np.all(np.isfinite(self.offset)) and np.all(np.isfinite(self.scale))):
            raise SparsidError("`offset` and `scale` must be finite.")
        if np.any(self.scale <= 0):
            raise SparsidError(f"`scale` must be positive; got {self.scale.min():g}.")

    @classmethod
    def fit(cls, rows: np.ndarray, *, still_scale: float = 1.0) -> Self:
        """Mean and standard deviation of the rows (row, channel).

        A constant channel gets the scale `still_scale`, so that it maps to 0.
        """
        offset, scale = rows.mean(axis=0), rows.std(axis=0)
        rounding = 8 * np.finfo(np.float64).eps * np.abs(rows).max(axis=0, initial=0.0)
        constant = (np.ptp(rows, axis=0) == 0) | (scale <= rounding)
        return cls(np.where(constant, rows[0], offset), np.where(constant, still_scale, scale))

    def apply(self, physical):
        """Physical values (..., channel) to scaled ones."""
        return (physical - self.offset) / self.scale

    def undo(self, scaled):
        """Scaled values (..., channel) to physical ones."""
        return self.offset + self.scale * scaled


@dataclass(frozen=True)
class Normaliser:
    """Scales of states, outputs and inputs, and of the state's increment over one sample.

    Fit on training data only. `increments` scales x_{k+1} - x_k, the target of one-step training,
    in the unit of the state.
    """

    states: Scale
    outputs: Scale
    inputs: Scale
    increments: Scale

    @classmethod
    def fit(cls, train: Dataset) -> Self:
        """Means and standard deviations over all rows of `train`."""
        return cls(
            Scale.fit(np.concatenate([t.x for t in train])),
            Scale.fit(np.concatenate([t.y for t in train])),
            Scale.fit(np.concatenate([t.u for t in train])),
            # Tiny: a constant state must not drift by what a network predicts for it.
            Scale.fit(np.concatenate([np.diff(t.x, axis=0) for t in train]), still_scale=1e-12),
        )

    def apply(self, dataset: Dataset) -> "ScaledDataset":
        """The scaled dataset, with this normaliser and the original."""
        trajectories = tuple(
            Trajectory(
                self.states.apply(t.x), self.outputs.apply(t.y), self.inputs.apply(t.u), t.dt
            )
            for t in dataset
        )
        return ScaledDataset(replace(dataset, trajectories=trajectories), self, dataset)


@dataclass(frozen=True)
class ScaledDataset:
    """A scaled dataset with its normaliser and the original in physical units."""

    scaled: Dataset
    normaliser: Normaliser
    physical: Dataset = field(repr=False)

    def increments(self) -> list[np.ndarray]:
        """Scaled increments (samples - 1, states) of each trajectory, computed in float64."""
        return [self.normaliser.increments.apply(np.diff(t.x, axis=0)) for t in self.physical]
