"""Weights with a role, whose stored array may differ from the effective one.

A parameter is resolved to its effective array in three places only: loss, rollout, export. Layers
do not depend on its type. Parameters nest: a mask may wrap any other.
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
    """A leaf of a model that yields the effective array, used in computation."""

    if TYPE_CHECKING:  # a property here lets pyright see the fields in their written order

        @property
        def role(self) -> str:
            """One of ROLES; "threshold": trained, but no weight; "fixed": not trained."""
            ...
    else:
        role: eqx.AbstractVar[str]

    @abstractmethod
    def value(self) -> Array:
        """The effective array."""


class Weight(AbstractParameter):
    """A plain weight matrix (outputs, inputs), with the role that penalties use."""

    raw: Float[Array, "outputs inputs"]
    role: str = eqx.field(static=True)  # pyright: ignore[reportIncompatibleMethodOverride]

    def value(self) -> Array:
        return self.raw


class Masked(AbstractParameter):
    """A weight with a mask: entries that are not kept are exactly zero."""

    raw: AbstractParameter
    keep: Bool[Array, "outputs inputs"]  # bool: not trained

    @property
    def role(self) -> str:
        return self.raw.role

    def value(self) -> Array:
        return jnp.where(self.keep, self.raw.value(), 0)


class SoftThresholded(AbstractParameter):
    """sign(w) relu(|w| - sigmoid(s)): soft thresholding with a learnt threshold.

    Soft threshold reparameterisation (Kusupati 2020), one s per matrix.
    """

    raw: AbstractParameter
    s: Float[Array, ""]

    @property
    def role(self) -> str:
        return self.raw.role

    def value(self) -> Array:
        w = self.raw.value()
        s = self.s.reshape(self.s.shape + (1,) * (w.ndim - self.s.ndim))  # also for stacked models
        return jnp.sign(w) * jax.nn.relu(jnp.abs(w) - jax.nn.sigmoid(s))


class Held(AbstractParameter):
    """A frozen weight: it is not trained; a mask over it may still change."""

    raw: AbstractParameter

    @property
    def role(self) -> str:
        return self.raw.role

    def value(self) -> Array:
        return jax.lax.stop_gradient(self.raw.value())


class UnitRows(AbstractParameter):
    """Every row divided by its norm: the weights of each unit are on the unit sphere (qin2018).

    Zero rows and zero entries stay zero; under a mask the norm is that of the active weights, as
    masked entries are stored as zero.
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

    Small stored values are nearly the thresholds, so that the limit does not scale steps.
    """

    raw: Float[Array, " units"]
    limit: "Fixed"

    @property
    def role(self) -> str:
        return "threshold"

    def value(self) -> Array:
        limit = self.limit.value()
        limit = limit.reshape(
            limit.shape + (1,) * (self.raw.ndim - limit.ndim)
        )  # also for stacked models
        limit = limit.astype(self.raw.dtype)
        return limit * jnp.tanh(self.raw / limit)


class Fixed(AbstractParameter):
    """Arrays of the model that are not trained (its scales)."""

    raw: Array

    @property
    def role(self) -> str:
        return "fixed"

    def value(self) -> Array:
        return jax.lax.stop_gradient(self.raw)


def is_parameter(node) -> bool:
    return isinstance(node, AbstractParameter)


def is_weight(node) -> bool:
    """Whether sparsifiers apply to it: a weight matrix, neither threshold nor fixed."""
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
    """The innermost, stored array of a weight."""
    raw = getattr(weight, "raw")  # noqa: B009 (every kind has one)
    return stored(raw) if isinstance(raw, AbstractParameter) else raw


def with_stored(weight: AbstractParameter, array: Array) -> AbstractParameter:
    """The same weight with its innermost array replaced."""
    return eqx.tree_at(stored, weight, array)


def masked(weight: AbstractParameter) -> Masked:
    """The weight with a mask: its own, or a new one that keeps all entries."""
    if isinstance(weight, Masked):
        return weight
    return Masked(weight, jnp.ones(stored(weight).shape, bool))


def under_mask(change: Callable, weight: AbstractParameter) -> AbstractParameter:
    """`change(weight)`, with a mask kept outermost."""
    if isinstance(weight, Masked):
        return Masked(change(weight.raw), weight.keep)
    return change(weight)


def resolve(model: PyTree) -> PyTree:
    """The model with every parameter replaced by its effective array, for loss and rollout."""
    return jax.tree.map(
        lambda node: node.value() if is_parameter(node) else node, model, is_leaf=is_parameter
    )


def settle(model: PyTree) -> PyTree:
    """The model with plain weights, stored as their effective arrays, after training.

    Exact zeros then represent the mask.
    """

    def used(node):
        if is_weight(node):
            return Weight(node.value(), node.role)
        return node.value() if isinstance(node, Bounded) else node

    return jax.tree.map(used, model, is_leaf=is_parameter)


def split_trainable(model: PyTree) -> tuple[PyTree, PyTree]:
    """(trainable part, rest); `equinox.combine` joins them again.

    Both have the structure of the model, with None in place of leaves of the other.
    """

    def trained(node) -> PyTree:
        if isinstance(node, Fixed | Held):
            return jax.tree.map(lambda _: False, node)
        return eqx.is_inexact_array(node)

    spec = jax.tree.map(trained, model, is_leaf=lambda node: isinstance(node, Fixed | Held))
    return eqx.partition(model, spec)
