"""Removing dead units without changing the function."""

from collections.abc import Callable, Sequence

import numpy as np

from sparsid.graph.layer import GraphLayer
from sparsid.graph.live import find_live, reach

type Arrays = tuple[np.ndarray, np.ndarray | None, np.ndarray]


def compacted(
    layers: Sequence[GraphLayer], activate: Callable[[np.ndarray], np.ndarray]
) -> list[Arrays]:
    """(weight, skip, bias) of each remaining layer. All inputs and outputs stay."""
    inputs = layers[0].weight.shape[1]
    live = find_live(layers)
    reached = [paths.any(axis=1) for paths in reach(layers, inputs)]
    stays = [*live.units[:-1], np.ones_like(live.units[-1])]
    kept = np.ones(inputs, bool)
    constant = np.zeros(inputs)  # the value of each unit that no input reaches, zero elsewhere
    left: list[Arrays] = []
    for layer, stay, varies in zip(layers, stays, reached, strict=True):
        bias = layer.bias + layer.weight @ constant
        skip = None if layer.skip is None else layer.skip[stay]
        left.append((layer.weight[np.ix_(stay, kept)], skip, bias[stay]))
        constant = np.where(varies, 0.0, activate(bias))
        kept = stay
    return _without_empty(left, inputs)


def _without_empty(layers: list[Arrays], inputs: int) -> list[Arrays]:
    """The layers after the last hidden layer without units, which no input passes."""
    empty = [at for at, (_, _, bias) in enumerate(layers[:-1]) if not len(bias)]
    if not empty:
        return layers
    _, skip, bias = layers[empty[-1] + 1]
    first = np.zeros((len(bias), inputs)) if skip is None else skip
    return [(first, None, bias), *layers[empty[-1] + 2 :]]
