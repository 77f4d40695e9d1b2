"""Frozen weights, while biases are trained: what pruning did in haugstvedt2023's code."""

from typing import ClassVar

from sparsid.sparsify.base import Sparsifier
from sparsid.sparsify.lazy import parameters
from sparsid.sparsify.method import Method, constructor


class Hold(Method):
    """Weights are frozen; biases are trained, masks may change.

    The published code replaced the pruned weight tensors, which its optimiser then did not update.
    """

    order: ClassVar = 80
    switch: ClassVar = True
    holds: ClassVar = True

    def build(self) -> Sparsifier:
        return Sparsifier(prepare=_held)


def _held(model, *, key):
    def once(weight):
        inner = weight.raw if isinstance(weight, parameters.Masked) else weight
        if isinstance(inner, parameters.Held):
            return weight
        return parameters.under_mask(parameters.Held, weight)

    return parameters.map_weights(once, model)


hold = constructor(Hold)
