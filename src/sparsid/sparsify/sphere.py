"""Training in the reduced space: unit weights into every hidden unit, bounded thresholds.

Over a bounded domain every ReLU or binary network is equal to one whose hidden units have incoming
weights of norm 1 and thresholds no larger than the norm of what they see. Source: qin2018
(arXiv 1805.08340); `graph.reduced` converts what is trained already.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PyTree

from sparsid._errors import SparsidError
from sparsid._registry import unknown
from sparsid.models.mlp import ACTIVATIONS, MLP, Layer
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
from sparsid.sparsify.base import Clock, Seen, Sparsifier
from sparsid.sparsify.masks import living

WAYS = ("reparameterisation", "projection")
REACH = 0.999  # share of its interval that a threshold begins within: at the end tanh is flat


def unit_sphere(
    bound: float | Sequence[float],
    *,
    by: Literal["reparameterisation", "projection"] = "reparameterisation",
) -> Sparsifier:
    """Weights of every hidden unit on the unit sphere, its threshold within [-X, X].

    `bound` is X of the first layer: the largest norm of an input, in scaled numbers, over the
    domain or over the data. Those of later layers follow: 2 sqrt(J) X behind J ReLU units, sqrt(J)
    behind binary ones; or give one for each hidden layer (`data_bounds`). Exact reparameterisation
    trains v and beta of w = v / ||v|| and b = X tanh(beta); projection takes every step's result
    back. At the start of the phase the function stays as it is: what a row loses in length its
    outgoing weights take over, and what a threshold exceeds the interval by goes on (to a
    thousandth of it, as tanh has no end).

    It goes with masks, with L1 on weights as they are used and with averaging. What shrinks stored
    weights (proximal steps) needs projection; soft thresholds are refused, as are input skip under
    reparameterisation (its rows lie in two matrices), networks without biases, and activations
    other than ReLU and binary. In a chain it comes last. Raises SparsidError for these when the
    phase begins, and for a bound that is not positive.
    """
    if by not in WAYS:
        raise SparsidError(unknown("way onto the unit sphere", by, WAYS))
    if not (np.isfinite(bound).all() and np.all(np.asarray(bound) > 0)):
        raise SparsidError(f"`bound` of unit_sphere must be positive and finite; got {bound}.")
    wrap = by == WAYS[0]

    def prepare(model, *, key):
        def onto(network: MLP) -> MLP:
            return _prepared(network, jnp.asarray(bound, float), wrap=wrap)

        return _each_network(onto, model)

    def init(model, *, key):
        return jnp.asarray(bound, float)

    if wrap:
        return Sparsifier(prepare=prepare)
    return Sparsifier(prepare=prepare, init=init, after_step=_project, finish=_projected)


def data_bounds(network: MLP, inputs: Float[np.ndarray, "rows inputs"]) -> tuple[float, ...]:
    """The largest norm that each hidden layer of a network sees over the data, as it is now."""
    resolved = resolve(network)
    activate, z = ACTIVATIONS[network.activation], jnp.asarray(inputs).T
    h, found = z, []
    for layer in resolved.layers[:-1]:
        seen = h if layer.skip is None else jnp.concatenate([h, z])
        found.append(float(jnp.linalg.norm(seen, axis=0).max()))
        h = activate(layer(h, z))
    return tuple(found)


def check_lengths_count(model: PyTree, what: str) -> None:
    """Raises SparsidError where the lengths of stored rows are without effect."""
    nodes = jax.tree.leaves(model, is_leaf=lambda node: isinstance(node, UnitRows))
    if any(isinstance(node, UnitRows) for node in nodes):
        raise SparsidError(
            f"{what} would shrink rows that count by their direction alone; on the unit sphere "
            'take by = "projection", or L1 of the weights as they are used.'
        )


def _project(model, moments, state, clock: Clock, seen: Seen):
    return _projected(model, state), moments, state


def _projected(model: PyTree, bound: Array) -> PyTree:
    """Every hidden row over its norm, every threshold within its interval."""

    def onto(network: MLP) -> MLP:
        _check_bare(network)
        limits = _limits(network, bound)
        hidden = [
            _scaled_rows(layer, 1 / _norms(layer), jnp.clip(layer.bias, -limit, limit))
            for layer, limit in zip(network.layers[:-1], limits, strict=True)
        ]
        return replace(network, layers=(*hidden, network.layers[-1]))

    return _each_network(onto, model)


def _each_network(change: Callable[[MLP], MLP], model: PyTree) -> PyTree:
    def visit(node):
        return change(node) if isinstance(node, MLP) else node

    return jax.tree.map(visit, model, is_leaf=lambda node: isinstance(node, MLP))


def _prepared(network: MLP, bound: Array, *, wrap: bool) -> MLP:
    """The same function in the reduced space, layer by layer; what is there already stays."""
    _check(network, wrap=wrap)
    layers = list(network.layers)
    for at, limit in enumerate(_limits(network, bound)):
        if isinstance(layers[at].bias, Bounded):
            layers[at] = _rebounded(layers[at], limit)
            continue
        layers[at], layers[at + 1] = _reduced(
            layers[at], layers[at + 1], limit, relu=network.activation == "relu", wrap=wrap
        )
    return replace(network, layers=tuple(layers))


def _reduced(
    layer: Layer, after: Layer, limit: Array, *, relu: bool, wrap: bool
) -> tuple[Layer, Layer]:
    """(the layer on the sphere, the next one with what that changes)."""
    norms, reach = _norms(layer), limit * (REACH if wrap else 1.0)
    threshold = layer.bias / norms
    held = jnp.clip(threshold, -reach, reach).astype(norms.dtype)
    if relu:
        outgoing = living(after.weight) * norms[..., None, :]
        beyond = jnp.maximum(threshold - reach, 0)  # a unit that is always on: relu(a) = a
        bias = after.bias + (outgoing @ beyond[..., None])[..., 0]
        after = replace(
            after, weight=with_stored(after.weight, outgoing), bias=bias.astype(norms.dtype)
        )
    layer = _scaled_rows(layer, 1 / norms, held)
    if not wrap:
        return layer, after
    bounded = Bounded(jnp.arctanh(held / limit).astype(norms.dtype), Fixed(limit))
    return replace(layer, weight=under_mask(UnitRows, layer.weight), bias=bounded), after


def _rebounded(layer: Layer, limit: Array) -> Layer:
    """A layer that is on the sphere already, its thresholds within another interval."""
    held = jnp.clip(layer.bias.value(), -REACH * limit, REACH * limit)
    raw = jnp.arctanh(held / limit).astype(layer.bias.raw.dtype)
    same = jnp.asarray(layer.bias.limit.raw) == limit
    return replace(layer, bias=Bounded(jnp.where(same, layer.bias.raw, raw), Fixed(limit)))


def _scaled_rows(layer: Layer, factor: Array, bias: Array) -> Layer:
    """Stored rows times a number each, and new thresholds."""

    def scaled(weight: AbstractParameter | None) -> AbstractParameter | None:
        if weight is None:
            return None
        w = living(weight)
        return with_stored(weight, (w * factor[..., None]).astype(w.dtype))

    return replace(
        layer, weight=scaled(layer.weight), skip=scaled(layer.skip), bias=bias.astype(factor.dtype)
    )


def _norms(layer: Layer) -> Array:
    """The norm of each unit's incoming weights, skip columns among them; 1 where all are zero."""
    parts = [layer.weight] if layer.skip is None else [layer.weight, layer.skip]
    norm = jnp.linalg.norm(jnp.concatenate([living(part) for part in parts], axis=-1), axis=-1)
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
            "Training on the unit sphere is for the activations relu and binary; this network has "
            f"{network.activation!r}."
        )
    if any(layer.bias is None for layer in network.layers):
        raise SparsidError(
            "Training on the unit sphere bounds thresholds; this network has no biases: leave "
            "`bias` on."
        )
    if wrap and any(layer.skip is not None for layer in network.layers[:-1]):
        raise SparsidError(
            "Reparameterised rows must lie in one matrix, and input skip has two; train with "
            'by = "projection", or without `skip`.'
        )
    _check_bare(network)
    if not wrap and any(isinstance(layer.bias, Bounded) for layer in network.layers):
        raise SparsidError(
            "These weights are on the unit sphere by reparameterisation already, and projection "
            'would do nothing to them; leave `by` at "reparameterisation".'
        )


def _check_bare(network: MLP) -> None:
    odd = {type(_bare(w)) for layer in network.layers for w in _weights(layer)} - {Weight}
    if odd:
        raise SparsidError(
            "Training on the unit sphere needs weights that are stored as they are used, or under "
            f"masks; some are {odd.pop().__name__}. It does not combine with soft thresholds or "
            "held weights."
        )


def _weights(layer: Layer) -> list[Any]:
    return [w for w in (layer.weight, layer.skip) if w is not None]


def _bare(weight: AbstractParameter) -> AbstractParameter:
    """What lies below a mask and unit rows."""
    while isinstance(weight, Masked | UnitRows):
        weight = weight.raw
    return weight
