"""Detects runs that leave the box (range) of the training data, where networks extrapolate."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float, Int

from sparsid.data import Dataset
from sparsid.models import Card


@dataclass(frozen=True)
class BoxExits:
    """Where runs first left the box by more than the margin."""

    left: Bool[np.ndarray, "*runs"]
    sample: Int[np.ndarray, "*runs"]  # first sample outside; -1 where the run stayed inside
    state: Int[np.ndarray, "*runs"]  # the state that left first; -1 if none did

    def sentence(self, names: tuple[str, ...], dt: float, *, what: str = "runs") -> str | None:
        """A sentence on the number of runs that left, and the first of them; None if none did."""
        if not self.left.any():
            return None
        first = np.where(self.left, self.sample, np.iinfo(np.int64).max).argmin()
        sample, state = int(self.sample.flat[first]), int(self.state.flat[first])
        return (
            f"{int(self.left.sum())} of {self.left.size} {what} left the box of the training "
            f"data, the first in {names[state]} at {sample * dt:g} s (sample {sample})."
        )


def box_exits(
    prediction: Float[np.ndarray, "*runs T n"],
    box: Float[np.ndarray, "2 n"],
    *,
    margin: float = 0.05,
) -> BoxExits:
    """Finds runs that leave `box` (smallest, largest) by more than `margin` times its width.

    NaN and infinite values are outside, except for trailing rows of NaN only, the padding of
    shorter records by `forecast`.
    """
    # A constant channel has no width: rounding errors must not count as leaving.
    width = np.maximum(box[1] - box[0], 1e-3 * np.maximum(np.abs(box).max(axis=0), 1e-9))
    with np.errstate(invalid="ignore"):
        outside = (prediction < box[0] - margin * width) | (prediction > box[1] + margin * width)
    blank = np.isnan(prediction).all(axis=-1)
    padded = np.flip(np.logical_and.accumulate(np.flip(blank, axis=-1), axis=-1), axis=-1)
    outside |= ~np.isfinite(prediction) & ~padded[..., None]
    anywhere = outside.any(axis=-1)
    left = anywhere.any(axis=-1)
    sample = np.where(left, anywhere.argmax(axis=-1), -1)
    rows = np.take_along_axis(outside, np.maximum(sample, 0)[..., None, None], axis=-2)
    state = np.where(left, rows[..., 0, :].argmax(axis=-1), -1)
    return BoxExits(left, sample, state)


def box_notes(card: Card, runs: Float[np.ndarray, "*runs T n"], dataset: Dataset) -> list[str]:
    """Notes on runs and on inputs of the data that leave the box of the training data."""
    notes = [box_exits(runs, card.box["states"]).sentence(card.states.names, card.dt)]
    if len(card.inputs):
        _, _, u = dataset.padded()
        inputs = box_exits(u, card.box["inputs"])
        notes += [inputs.sentence(card.inputs.names, card.dt, what="records of inputs")]
    return [sentence for sentence in notes if sentence]
