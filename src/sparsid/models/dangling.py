"""Units that pruning has cut off: they go at once, and nothing computed changes."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from sparsid.graph.activations import ACTIVATIONS
from sparsid.models.mlp import MLP, Layer


def without_dangling(network: MLP, keep: MLP) -> tuple[MLP, MLP]:
    """(network, keep) of one resolved network without dangling units; `keep` marks what lives.

    A unit that no later one uses loses its weights and its bias. A unit that is left with its bias
    alone is a constant: its value moves into the biases it feeds, and it goes too; where one of
    those biases has been deleted, the unit stays as it is. Arrays are NumPy.
    """
    pairs = zip(network.layers, keep.layers, strict=True)
    layers = [_Active.of(layer, kept) for layer, kept in pairs]
    activate = ACTIVATIONS[network.activation]
    changed = True
    while changed:
        changed = False
        for layer, later in itertools.pairwise(layers):
            dropped = _drop_unused(layer, later)
            changed |= _fold_constants(layer, later, activate) | dropped
    connected = zip(network.layers, layers, strict=True)
    values, lives = zip(*(active.back(like) for like, active in connected), strict=True)
    return MLP(values, network.activation), MLP(lives, network.activation)


@dataclass(frozen=True, eq=False)
class _Active:
    """A layer's columns, skip columns beside the others and the bias last, and which live."""

    columns: Float[np.ndarray, "units columns"]
    lives: Bool[np.ndarray, "units columns"]
    hidden: int  # columns that take hidden units

    @classmethod
    def of(cls, layer: Layer, keep: Layer) -> "_Active":
        both = []
        for part, blank in ((layer, 0.0), (keep, False)):
            bias = np.full(len(part.weight), blank) if part.bias is None else np.asarray(part.bias)
            skip = np.zeros((len(bias), 0)) if part.skip is None else part.skip
            both.append(np.concatenate([part.weight, skip, bias[:, None]], axis=1))
        return cls(both[0], both[1].astype(bool), layer.weight.shape[1])

    def back(self, like: Layer) -> tuple[Any, Any]:
        """(values, lives) as layers with the same parts as `like`."""
        values, lives = (
            Layer(
                array[:, : self.hidden],
                None if like.skip is None else array[:, self.hidden : -1],
                None if like.bias is None else array[:, -1],  # pyright: ignore[reportArgumentType]
            )
            for array in (self.columns, self.lives)
        )
        return values, lives

    @property
    def used(self) -> Bool[np.ndarray, " hidden"]:
        """Which units of the layer before feed this one."""
        return self.lives[:, : self.hidden].any(axis=0)

    def clear(self, units: Any) -> None:
        self.columns[units], self.lives[units] = 0.0, False


def _drop_unused(layer: _Active, later: _Active) -> bool:
    unused = ~later.used & layer.lives.any(axis=1)
    layer.clear(unused)
    return bool(unused.any())


def _fold_constants(layer: _Active, later: _Active, activate: Callable) -> bool:
    """Units whose value never changes out of `layer`, into the biases of `later`."""
    constant = np.flatnonzero(later.used & ~layer.lives[:, :-1].any(axis=1))
    changed = False
    for unit in constant:
        value = activate(layer.columns[unit, -1])
        feeds = later.lives[:, unit]
        if value != 0 and not later.lives[feeds, -1].all():
            continue
        later.columns[:, -1] += value * later.columns[:, unit]
        later.columns[:, unit], later.lives[:, unit] = 0.0, False
        layer.clear(unit)
        changed = True
    return changed
