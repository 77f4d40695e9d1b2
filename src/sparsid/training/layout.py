"""A model's trainable numbers as one vector: what second-order training and pruning work on."""

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
    """Where each trainable array of a model lies in the vector; equal layouts share programs.

    `capacity` is how many numbers live at most, for programs whose work grows with it.
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
        """The layout for models of no more than so many living numbers.

        Rooms are few, each 0.7 times the next: every one is a program to compile.
        """
        capacity = self.size
        while (less := int(0.7 * capacity)) >= max(active, 1):
            capacity = less
        return replace(self, capacity=capacity)

    @property
    def size(self) -> int:
        """Trainable numbers, biases among them."""
        return sum(prod(shape) for shape in self.shapes)

    def names(self) -> list[str]:
        """A name for every number: network.layers.0.weight[3,1], say."""
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
        """The tree of trainable arrays, None where a model holds something else; NumPy or JAX."""
        ends = itertools.accumulate(prod(shape) for shape in self.shapes)
        leaves = [
            theta[end - prod(shape) : end].reshape(shape)
            for end, shape in zip(ends, self.shapes, strict=True)
        ]
        return jax.tree.unflatten(self.structure, leaves)

    def model(self, theta: Float[Array, " size"], rest: PyTree) -> PyTree:
        """The resolved model of these numbers; `rest` is what is not trained."""
        return resolve(eqx.combine(self.unpack(theta), rest))
