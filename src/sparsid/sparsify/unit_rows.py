"""The same network with unit weights into every hidden unit and bounded thresholds, layer by layer.

The computations of the method `unit_sphere`; see `sphere`.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree

from sparsid._errors import SparsidError
from sparsid.models.mlp import MLP, Layer, activation
from sparsid.models.parameters import (
    AbstractParameter,
    Bounded,
    Fixed,
    Masked,
    UnitRows,
    Weight,
    resolve,
    stored,
    under_mask,
    with_stored,
)
from sparsid.sparsify.masks import active

REACH = 0.999  # share of its interval that a threshold starts within: tanh is flat at the ends


def onto_sphere(model: PyTree, bound: Array | None, regressors: Any, *, wrap: bool) -> PyTree:
    """The same function in the reduced space. Without `bound` the data give one for each layer."""

    def onto(network: MLP) -> MLP:
        _check(network, wrap=wrap)
        if bound is None:
            limits = _data_limits(network, regressors)
        else:
            limits = _limits(network, bound)
        return _prepared(network, limits, wrap=wrap)

    return _each_network(onto, model)


def limits_seen(model: PyTree, regressors: Any) -> Array:
    """The largest input norm of each hidden layer of the model's only network over the data."""
    (network,) = (node for node in _nodes(model) if isinstance(node, MLP))
    return jnp.stack(_data_limits(network, regressors))


def projected(model: PyTree, bound: Array) -> PyTree:
    """Every hidden row divided by its norm, every threshold clipped to its interval."""

    def onto(network: MLP) -> MLP:
        _check_plain(network)
        limits = _limits(network, bound)
        hidden = [
            _scaled_rows(layer, 1 / _norms(layer), jnp.clip(layer.bias, -limit, limit))
            for layer, limit in zip(network.layers[:-1], limits, strict=True)
        ]
        return replace(network, layers=(*hidden, network.layers[-1]))

    return _each_network(onto, model)


def check_lengths_count(model: PyTree, what: str) -> None:
    """Raises SparsidError where the norms of stored rows have no effect."""
    nodes = jax.tree.leaves(model, is_leaf=lambda node: isinstance(node, UnitRows))
    if any(isinstance(node, UnitRows) for node in nodes):
        raise SparsidError(
            f"{what} would shrink rows of which only the direction matters; on the unit sphere "
            'use by = "projection", or L1 of the effective weights (of = "used").'
        )


def _nodes(model: PyTree) -> list[Any]:
    return jax.tree.leaves(model, is_leaf=lambda node: isinstance(node, MLP))


def _each_network(change: Callable[[MLP], MLP], model: PyTree) -> PyTree:
    def visit(node):
        return change(node) if isinstance(node, MLP) else node

    return jax.tree.map(visit, model, is_leaf=lambda node: isinstance(node, MLP))


def _prepared(network: MLP, limits: Sequence[Array], *, wrap: bool) -> MLP:
    """The same function in the reduced space, layer by layer."""
    layers, relu = list(network.layers), network.activation == "relu"
    for at, limit in enumerate(limits):
        layers[at], layers[at + 1] = _reduced(
            layers[at], layers[at + 1], limit, relu=relu, wrap=wrap
        )
    return replace(network, layers=tuple(layers))


def _reduced(
    layer: Layer, after: Layer, limit: Array, *, relu: bool, wrap: bool
) -> tuple[Layer, Layer]:
    """(the layer on the sphere, the next layer adapted to it).

    Rows that are on the sphere already keep their stored norm.
    """
    done, reach = _on_sphere(layer), limit * (REACH if wrap else 1.0)
    norms = jnp.ones_like(stored(layer.weight)[..., 0]) if done else _norms(layer)
    threshold = _bias(layer) / norms
    held = jnp.clip(threshold, -reach, reach).astype(norms.dtype)
    if relu:
        beyond = jnp.maximum(threshold - reach, 0)  # an always active unit: relu(a) = a
        shift = (after.weight.value() @ (norms * beyond)[..., None])[..., 0]
        after = replace(
            after,
            weight=with_stored(after.weight, active(after.weight) * norms[..., None, :]),
            bias=(_bias(after) + shift).astype(norms.dtype),
        )
    layer = _scaled_rows(layer, 1 / norms, held)
    if not wrap:
        return layer, after
    bounded = Bounded((limit * jnp.arctanh(held / limit)).astype(norms.dtype), Fixed(limit))
    weight = layer.weight if done else under_mask(UnitRows, layer.weight)
    return replace(layer, weight=weight, bias=bounded), after


def _data_limits(network: MLP, regressors: Float[Array, "rows regressors"]) -> list[Array]:
    """The largest input norm of every hidden layer over the data, earlier layers reduced.

    For stacked networks the largest of all.
    """
    layers, relu = list(network.layers), network.activation == "relu"
    z = h = regressors.T
    limits = []
    for at in range(len(layers) - 1):
        direct = layers[at].skip is not None
        if direct:  # stacked networks all have the same z
            h = jnp.concatenate([h, jnp.broadcast_to(z, (*h.shape[:-2], *z.shape))], axis=-2)
        norm = jnp.linalg.norm(h, axis=-2).max()
        limits.append(jnp.where(norm > 0, norm, 1))  # where all are zero, any bound will do
        reduced, layers[at + 1] = _reduced(
            layers[at], layers[at + 1], limits[-1], relu=relu, wrap=False
        )
        weight, bias = resolve((reduced.weight, reduced.bias))
        if direct:
            weight = jnp.concatenate([weight, reduced.skip.value()], axis=-1)
        h = activation(network.activation)(weight @ h + bias[..., None])
    return limits


def _on_sphere(layer: Layer) -> bool:
    """Whether its rows are reparameterised already."""
    inner = layer.weight.raw if isinstance(layer.weight, Masked) else layer.weight
    return isinstance(inner, UnitRows)


def _bias(layer: Layer) -> Array:
    return resolve(layer.bias)


def _scaled_rows(layer: Layer, factor: Array, bias: Array) -> Layer:
    """Stored rows multiplied by `factor`, and new thresholds."""

    def scaled(weight: AbstractParameter | None) -> AbstractParameter | None:
        if weight is None:
            return None
        w = active(weight)
        return with_stored(weight, (w * factor[..., None]).astype(w.dtype))

    return replace(
        layer, weight=scaled(layer.weight), skip=scaled(layer.skip), bias=bias.astype(factor.dtype)
    )


def _norms(layer: Layer) -> Array:
    """The norm of each unit's incoming weights, skip columns among them; 1 where all are zero."""
    parts = [layer.weight] if layer.skip is None else [layer.weight, layer.skip]
    norm = jnp.linalg.norm(jnp.concatenate([active(part) for part in parts], axis=-1), axis=-1)
    return jnp.where(norm > 0, norm, 1)


def _limits(network: MLP, bound: Array) -> list[Array]:
    """The bound of every hidden layer's thresholds."""
    if bound.ndim:
        if len(bound) != len(network.layers) - 1:
            raise SparsidError(
                f"`bound` of unit_sphere must be one number, or one for each of the network's "
                f"{len(network.layers) - 1} hidden layers; got {len(bound)}."
            )
        return list(bound)
    limits, reach = [], bound
    for layer in network.layers[:-1]:
        limit = reach if layer.skip is None else jnp.hypot(reach, bound)
        limits.append(limit)
        units = stored(layer.weight).shape[-2]
        reach = jnp.sqrt(units) * (2 * limit if network.activation == "relu" else 1.0)
    return limits


def _check(network: MLP, *, wrap: bool) -> None:
    if network.activation not in ("relu", "binary"):
        raise SparsidError(
            "Training on the unit sphere needs the activation relu or binary; this network has "
            f"{network.activation!r}: change `activation`."
        )
    if len(network.layers) < 2:
        raise SparsidError(
            "Training on the unit sphere needs hidden units, and this network has none: set "
            "`widths`."
        )
    if any(layer.bias is None for layer in network.layers):
        raise SparsidError(
            "Training on the unit sphere bounds biases, and this network has none: set "
            "`bias = true`."
        )
    if wrap and any(layer.skip is not None for layer in network.layers[:-1]):
        raise SparsidError(
            "Reparameterised rows must lie in one matrix, and input skip has two; use "
            'by = "projection", or leave out `skip`.'
        )
    _check_plain(network)
    if not wrap and any(isinstance(layer.bias, Bounded) for layer in network.layers):
        raise SparsidError(
            "These weights are reparameterised on the unit sphere already, and projection would "
            'have no effect; use by = "reparameterisation".'
        )


def _check_plain(network: MLP) -> None:
    others = {type(_unwrapped(w)) for layer in network.layers for w in _weights(layer)} - {Weight}
    if others:
        raise SparsidError(
            "Training on the unit sphere needs plain weights, masked or not; some are "
            f"{others.pop().__name__}: leave out `soft_threshold` and `hold`."
        )


def _weights(layer: Layer) -> list[Any]:
    return [w for w in (layer.weight, layer.skip) if w is not None]


def _unwrapped(weight: AbstractParameter) -> AbstractParameter:
    """The weight without masks and unit rows."""
    while isinstance(weight, Masked | UnitRows):
        weight = weight.raw
    return weight
