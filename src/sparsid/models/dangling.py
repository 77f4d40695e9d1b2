"""Removal of units that pruning has disconnected, without changing the function."""

import itertools
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from jaxtyping import Bool, Float

from sparsid.graph.activations import ACTIVATIONS
from sparsid.models.mlp import MLP, Layer


def without_dangling(network: MLP, keep: MLP) -> tuple[MLP, MLP]:
    """(network, keep) of one resolved network without dangling units; `keep` marks active weights.

    A unit without outgoing weights is removed. A unit with a bias but no incoming weights is a
    constant: its value is added to the biases of the next layer, and it is removed too, unless one
    of those biases has been pruned. Arrays are NumPy.
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
    """A layer's columns (hidden, skip, bias), and which entries are active."""

    columns: Float[np.ndarray, "units columns"]
    lives: Bool[np.ndarray, "units columns"]
    hidden: int  # number of columns for hidden units

    @classmethod
    def of(cls, layer: Layer, keep: Layer) -> "_Active":
        both = []
        for part, blank in ((layer, 0.0), (keep, False)):
            bias = np.full(len(part.weight), blank) if part.bias is None else np.asarray(part.bias)
            skip = np.zeros((len(bias), 0)) if part.skip is None else part.skip
            both.append(np.concatenate([part.weight, skip, bias[:, None]], axis=1))
        return cls(both[0], both[1].astype(bool), layer.weight.shape[1])

    def back(self, like: Layer) -> tuple[Any, Any]:
        """(values, active) as layers with the same parts as `like`."""
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
        """Units of the previous layer that this one uses."""
        return self.lives[:, : self.hidden].any(axis=0)

    def clear(self, units: Any) -> None:
        self.columns[units], self.lives[units] = 0.0, False


def _drop_unused(layer: _Active, later: _Active) -> bool:
    unused = ~later.used & layer.lives.any(axis=1)
    layer.clear(unused)
    return bool(unused.any())


def _fold_constants(layer: _Active, later: _Active, activate: Callable) -> bool:
    """Moves constant units of `layer` into the biases of `later`."""
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
