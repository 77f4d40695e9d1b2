"""A model's trainable parameters as one vector, for second-order training and pruning."""

import itertools
from dataclasses import dataclass, replace
from math import prod
from typing import Any, Self

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree
from numpy import ndindex

from sparsid.models.parameters import resolve, split_trainable


@dataclass(frozen=True)
class Layout:
    """Positions of the trainable arrays of a model in the vector; equal layouts share programs.

    `capacity` is the largest number of active parameters that a compiled program supports.
    """

    structure: Any  # a PyTreeDef
    shapes: tuple[tuple[int, ...], ...]
    capacity: int

    @classmethod
    def of(cls, model: PyTree) -> Self:
        """The layout of one model (no member axis)."""
        trainable, _ = split_trainable(model)
        leaves, structure = jax.tree.flatten(trainable)
        shapes = tuple(leaf.shape for leaf in leaves)
        return cls(structure, shapes, sum(map(prod, shapes)))

    def with_capacity(self, active: int) -> Self:
        """The layout for models of up to `active` active parameters.

        Capacities are few, each 0.7 times the next: every one is a program to compile.
        """
        capacity = self.size
        while (less := int(0.7 * capacity)) >= max(active, 1):
            capacity = less
        return replace(self, capacity=capacity)

    @property
    def size(self) -> int:
        """Number of trainable parameters, biases included."""
        return sum(prod(shape) for shape in self.shapes)

    def names(self) -> list[str]:
        """A name for every parameter, for example network.layers.0.weight[3,1]."""
        tree = jax.tree.unflatten(self.structure, range(len(self.shapes)))
        places, _ = jax.tree_util.tree_flatten_with_path(tree)
        found = []
        for (place, _), shape in zip(places, self.shapes, strict=True):
            name = jax.tree_util.keystr(place, simple=True, separator=".").removesuffix(".raw")
            found += [f"{name}[{','.join(map(str, at))}]" for at in ndindex(*shape)]
        return found

    def pack(self, trainable: PyTree, *, axes: int = 0) -> Array:
        """(*axes, size) from a tree whose leaves have `axes` leading axes before their own."""
        leaves = jax.tree.leaves(trainable)
        return jnp.concatenate([leaf.reshape(*leaf.shape[:axes], -1) for leaf in leaves], axis=axes)

    def unpack(self, theta: Any) -> PyTree:
        """The tree of trainable arrays, None in place of other leaves; NumPy or JAX."""
        ends = itertools.accumulate(prod(shape) for shape in self.shapes)
        leaves = [
            theta[end - prod(shape) : end].reshape(shape)
            for end, shape in zip(ends, self.shapes, strict=True)
        ]
        return jax.tree.unflatten(self.structure, leaves)

    def model(self, theta: Float[Array, " size"], rest: PyTree) -> PyTree:
        """The resolved model with parameters `theta`; `rest` is what is not trained."""
        return resolve(eqx.combine(self.unpack(theta), rest))
