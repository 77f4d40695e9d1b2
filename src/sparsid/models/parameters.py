"""Weights that know their role and need not be stored as they are used.

A parameter is resolved to the array that computes at three doors only: loss, rollout, export.
Layers never ask what kind they hold. Parameters nest: a mask may lie over any other.
"""

from abc import abstractmethod
from collections.abc import Callable
from typing import TYPE_CHECKING

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, PyTree

from sparsid.architectures.arrays import ROLES


class AbstractParameter(eqx.Module):
    """A leaf of a model that yields the array used in computation."""

    if TYPE_CHECKING:  # a property here lets pyright see the fields in their written order

        @property
        def role(self) -> str:
            """One of ROLES; "threshold": trained, but no weight; "fixed": not trained."""
            ...
    else:
        role: eqx.AbstractVar[str]

    @abstractmethod
    def value(self) -> Array:
        """The array that computes."""


class Weight(AbstractParameter):
    """A plain weight matrix (outputs, inputs), with the role a penalty looks at."""

    raw: Float[Array, "outputs inputs"]
    role: str = eqx.field(static=True)  # pyright: ignore[reportIncompatibleMethodOverride]

    def value(self) -> Array:
        return self.raw


class Masked(AbstractParameter):
    """A weight of which only the kept places live; the others are exactly zero."""

    raw: AbstractParameter
    keep: Bool[Array, "outputs inputs"]  # bool: no optimiser sees it

    @property
    def role(self) -> str:
        return self.raw.role

    def value(self) -> Array:
        return jnp.where(self.keep, self.raw.value(), 0)


class SoftThresholded(AbstractParameter):
    """sign(w) relu(|w| - sigmoid(s)): every weight shrinks by a learnt amount, the small to zero.

    Soft threshold reparameterisation (Kusupati 2020), one s a matrix.
    """

    raw: AbstractParameter
    s: Float[Array, ""]

    @property
    def role(self) -> str:
        return self.raw.role

    def value(self) -> Array:
        w = self.raw.value()
        s = self.s.reshape(self.s.shape + (1,) * (w.ndim - self.s.ndim))  # of stacked models too
        return jnp.sign(w) * jax.nn.relu(jnp.abs(w) - jax.nn.sigmoid(s))


class Held(AbstractParameter):
    """A weight that stays as it is: no optimiser sees it; a mask over it may still change."""

    raw: AbstractParameter

    @property
    def role(self) -> str:
        return self.raw.role

    def value(self) -> Array:
        return jax.lax.stop_gradient(self.raw.value())


class UnitRows(AbstractParameter):
    """Every row over its norm: the weights of each unit lie on the unit sphere (qin2018).

    Rows that are zero stay zero, and so do entries: a mask over it takes the norm of what lives,
    as dead places are stored as zero.
    """

    raw: AbstractParameter

    @property
    def role(self) -> str:
        return self.raw.role

    def value(self) -> Array:
        v = self.raw.value()
        square = (v * v).sum(axis=-1, keepdims=True)
        return v * jnp.where(square > 0, jax.lax.rsqrt(jnp.where(square > 0, square, 1)), 0)


class Bounded(AbstractParameter):
    """limit * tanh(raw / limit): the thresholds of units whose weights are `UnitRows` (qin2018).

    Small ones are stored as they are, so that a wide interval makes no step longer.
    """

    raw: Float[Array, " units"]
    limit: "Fixed"

    @property
    def role(self) -> str:
        return "threshold"

    def value(self) -> Array:
        limit = self.limit.value()
        limit = limit.reshape(limit.shape + (1,) * (self.raw.ndim - limit.ndim))  # stacked too
        limit = limit.astype(self.raw.dtype)
        return limit * jnp.tanh(self.raw / limit)


class Fixed(AbstractParameter):
    """Numbers that belong to the model but are not trained (its scales)."""

    raw: Array

    @property
    def role(self) -> str:
        return "fixed"

    def value(self) -> Array:
        return jax.lax.stop_gradient(self.raw)


def is_parameter(node) -> bool:
    return isinstance(node, AbstractParameter)


def is_weight(node) -> bool:
    """Whether a sparsifier may touch it: a parameter that is trained, and no threshold."""
    return is_parameter(node) and node.role in ROLES


def weights(model: PyTree) -> list[AbstractParameter]:
    """All weight matrices of a model, in order."""
    return [node for node in jax.tree.leaves(model, is_leaf=is_parameter) if is_weight(node)]


def map_weights(change, model: PyTree, *others: PyTree) -> PyTree:
    """The model with `change(weight, *others' weights)` in place of every weight matrix."""

    def visit(node, *rest):
        return change(node, *rest) if is_weight(node) else node

    return jax.tree.map(visit, model, *others, is_leaf=is_parameter)


def stored(weight: AbstractParameter) -> Array:
    """The innermost array of a weight, as it is stored."""
    raw = getattr(weight, "raw")  # noqa: B009 (every kind has one)
    return stored(raw) if isinstance(raw, AbstractParameter) else raw


def with_stored(weight: AbstractParameter, array: Array) -> AbstractParameter:
    """The same weight, its innermost array replaced."""
    return eqx.tree_at(stored, weight, array)


def masked(weight: AbstractParameter) -> Masked:
    """The weight under a mask: its own, or a new one that keeps everything."""
    if isinstance(weight, Masked):
        return weight
    return Masked(weight, jnp.ones(stored(weight).shape, bool))


def under_mask(change: Callable, weight: AbstractParameter) -> AbstractParameter:
    """`change(weight)`, a mask staying outermost."""
    if isinstance(weight, Masked):
        return Masked(change(weight.raw), weight.keep)
    return change(weight)


def resolve(model: PyTree) -> PyTree:
    """The model with every parameter replaced by its array: what loss and rollout compute with."""
    return jax.tree.map(
        lambda node: node.value() if is_parameter(node) else node, model, is_leaf=is_parameter
    )


def settle(model: PyTree) -> PyTree:
    """The model with every weight stored as it is used: what is left after training.

    Exact zeros are the mask from here on.
    """

    def used(node):
        if is_weight(node):
            return Weight(node.value(), node.role)
        return node.value() if isinstance(node, Bounded) else node

    return jax.tree.map(used, model, is_leaf=is_parameter)


def split_trainable(model: PyTree) -> tuple[PyTree, PyTree]:
    """(what the optimiser moves, the rest); `equinox.combine` joins them again.

    Both keep the model's layout, with None in place of what the other has.
    """

    def trained(node) -> PyTree:
        if isinstance(node, Fixed | Held):
            return jax.tree.map(lambda _: False, node)
        return eqx.is_inexact_array(node)

    spec = jax.tree.map(trained, model, is_leaf=lambda node: isinstance(node, Fixed | Held))
    return eqx.partition(model, spec)
