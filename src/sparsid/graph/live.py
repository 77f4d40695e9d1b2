"""Live units and weights of a network: those on a path of nonzero weights, input to output."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool

from sparsid.graph.layer import GraphLayer


@dataclass(frozen=True, eq=False)
class Live:
    """Masks of live units and weights, one per layer; the last of `units` are the outputs.

    A unit is live if nonzero weights connect it to an input and to an output (a unit without inputs
    is a constant); a weight is live if it lies on such a path.
    """

    inputs: Bool[np.ndarray, " inputs"]
    units: tuple[Bool[np.ndarray, " outputs"], ...]
    weights: tuple[Bool[np.ndarray, "outputs hidden"], ...]
    skips: tuple[Bool[np.ndarray, "outputs inputs"] | None, ...]

    @property
    def widths(self) -> tuple[int, ...]:
        """Number of live units of each hidden layer."""
        return tuple(int(mask.sum()) for mask in self.units[:-1])

    @property
    def unit_count(self) -> int:
        """Number of live hidden units."""
        return sum(self.widths)

    @property
    def weight_count(self) -> int:
        """Number of live weights, with skip weights and without biases."""
        return sum(int(m.sum()) for m in (*self.weights, *self.skips) if m is not None)


def find_live(layers: Sequence[GraphLayer]) -> Live:
    """The masks of these layers."""
    inputs = layers[0].weight.shape[1]
    reached = [paths.any(axis=1) for paths in reach(layers, inputs)]
    needed = _needed(layers)
    sources = [np.ones(inputs, bool), *reached[:-1]]
    weights = tuple(
        (layer.weight != 0) & to[:, None] & source
        for layer, to, source in zip(layers, needed, sources, strict=True)
    )
    skips = tuple(
        None if layer.skip is None else (layer.skip != 0) & to[:, None]
        for layer, to in zip(layers, needed, strict=True)
    )
    fed = [weights[0], *(mask for mask in skips if mask is not None)]
    return Live(
        np.any([mask.any(axis=0) for mask in fed], axis=0),
        tuple(a & b for a, b in zip(reached, needed, strict=True)),
        weights,
        skips,
    )


def reach(layers: Sequence[GraphLayer], inputs: int) -> list[Bool[np.ndarray, "outputs inputs"]]:
    """For each layer, whether a path of nonzero weights leads from the input to the unit."""
    reached, paths = np.eye(inputs, dtype=bool), []
    for layer in layers:
        reached = (layer.weight != 0) @ reached
        if layer.skip is not None:
            reached = reached | (layer.skip != 0)
        paths.append(reached)
    return paths


def _needed(layers: Sequence[GraphLayer]) -> list[Bool[np.ndarray, " outputs"]]:
    """For each layer, the units that reach an output by nonzero weights; all outputs do."""
    needed = [np.ones(len(layers[-1].bias), bool)]
    for layer in reversed(layers[1:]):
        needed.append((layer.weight[needed[-1]] != 0).any(axis=0))
    return needed[::-1]
