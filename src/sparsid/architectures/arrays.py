"""The arrays of a model by name, shape and role: the expected content of its file."""

from collections.abc import Sequence
from itertools import pairwise
from math import prod
from typing import NamedTuple

#: Of weight matrices; penalties may depend on the role.
ROLES = ("first", "hidden", "skip", "direct", "output")


class ArraySpec(NamedTuple):
    """One array of one member.

    `role` is one of ROLES for a weight matrix, "bias", or "fixed" for values that are not trained.
    """

    shape: tuple[int, ...]
    role: str

    @property
    def size(self) -> int:
        return prod(self.shape)

    @property
    def trained(self) -> bool:
        return self.role != "fixed"


def network_arrays(
    inputs: int,
    outputs: int,
    *,
    widths: Sequence[int],
    skip: bool,
    bias: bool,
    per_output: bool = False,
) -> dict[str, ArraySpec]:
    """The arrays of a multilayer perceptron, layer by layer.

    With `per_output` there is one network with a single output for each output; their arrays are
    stacked along a leading axis.
    """
    stack = (outputs,) if per_output else ()
    sizes = [inputs, *widths, 1 if per_output else outputs]
    last, found = len(widths), {}
    for at, (below, units) in enumerate(pairwise(sizes)):
        found[f"layers.{at}.weight"] = ArraySpec((*stack, units, below), layer_role(at, last))
        if skip and at > 0:
            found[f"layers.{at}.skip"] = ArraySpec((*stack, units, inputs), skip_role(at, last))
        if bias:
            found[f"layers.{at}.bias"] = ArraySpec((*stack, units), "bias")
    return found


def layer_role(at: int, last: int) -> str:
    """The role of the weights of layer `at` on hidden units (in the first layer, on inputs)."""
    if at == 0:
        return "first"
    return "output" if at == last else "hidden"


def skip_role(at: int, last: int) -> str:
    """The role of the weights of layer `at` on inputs."""
    return "direct" if at == last else "skip"
