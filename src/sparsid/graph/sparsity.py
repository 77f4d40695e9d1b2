"""Shares of zero and of small weights in each layer. Biases are not counted."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class LayerSparsity:
    """One weight matrix over all members."""

    layer: int
    role: str
    weights: int  # of one member
    zero_share: float  # exactly zero
    small_share: float  # magnitude below `below`, exact zeros included


@dataclass(frozen=True)
class Sparsity:
    """Exact zeros and small weights of an ensemble."""

    layers: tuple[LayerSparsity, ...]
    below: float
    zero_share: float
    small_share: float
    nonzero: tuple[int, ...]  # of each member

    @property
    def nonzero_median(self) -> float:
        return float(np.median(self.nonzero))


def sparsity_of(matrices: Sequence[tuple[str, np.ndarray]], *, below: float = 1e-3) -> Sparsity:
    """Shares of weights that are exactly zero, and of those smaller than `below` (scaled).

    `matrices` are (role, array (member, ...)) of every weight matrix.
    """
    layers = tuple(
        LayerSparsity(
            at,
            role,
            w[0].size,
            float(np.mean(w == 0)),
            float(np.mean(np.abs(w) < below)),
        )
        for at, (role, w) in enumerate(matrices)
    )
    flat = np.concatenate([w.reshape(len(w), -1) for _, w in matrices], axis=1)
    return Sparsity(
        layers,
        below,
        float(np.mean(flat == 0)),
        float(np.mean(np.abs(flat) < below)),
        tuple(int(n) for n in (flat != 0).sum(axis=1)),
    )
