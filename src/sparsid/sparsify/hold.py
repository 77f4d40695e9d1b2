"""Weights held as they are, while biases train on: what pruning did in haugstvedt2023's code."""

from sparsid.models.parameters import Held, Masked, map_weights, under_mask
from sparsid.sparsify.base import Sparsifier


def hold() -> Sparsifier:
    """No weight moves any more, biases do; masks over the weights may still change.

    The published code replaced the pruned weight tensors, which its optimiser then no longer saw.
    """

    def prepare(model, *, key):
        def once(weight):
            inner = weight.raw if isinstance(weight, Masked) else weight
            return weight if isinstance(inner, Held) else under_mask(Held, weight)

        return map_weights(once, model)

    return Sparsifier(prepare=prepare)
