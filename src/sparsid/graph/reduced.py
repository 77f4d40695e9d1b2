"""The reduced parameter space: unit weights, bounded thresholds, the same function.

Over a bounded domain every ReLU or binary network is equal to one whose hidden units have incoming
weights of norm 1 and thresholds no larger than the norm of the layer's input. Units that are
saturated over the domain are removed: dead ones have no effect, constant ones are added to
thresholds, and always active ones are replaced by as many as the rank of their common affine map.
Source: qin2018 (arXiv 1805.08340).
"""

from dataclasses import dataclass, replace
from typing import Protocol, Self

import numpy as np
from jaxtyping import Float

from sparsid._errors import SparsidError
from sparsid.graph.activations import ACTIVATIONS
from sparsid.graph.layer import GraphLayer
from sparsid.graph.network import Graph

REDUCIBLE = ("relu", "binary")
ROUNDING = 1e-13  # relative tolerance of ranks of maps and of bounds


@dataclass(frozen=True, eq=False)
class Reduced:
    """A network in the reduced space. `bounds` has a number for each hidden layer.

    It bounds the norm of the layer's input over the domain, and its thresholds.
    """

    graph: Graph
    bounds: tuple[float, ...]


def reduced(
    graph: Graph,
    *,
    low: Float[np.ndarray, " inputs"] | None = None,
    high: Float[np.ndarray, " inputs"] | None = None,
    data: Float[np.ndarray, "rows inputs"] | None = None,
) -> Reduced:
    """The same function over the box [low, high], or over the rows of `data`; scaled inputs.

    A box gives bounds that hold everywhere in it and grow from layer to layer; data give the
    largest norms over the rows, which are far tighter, and equality on those rows only. Exact up to
    rounding, and idempotent. No layer gets more units than before. Always active units are replaced
    by a basis of their common map, shared by all outputs that used some of them: read links before.
    `ensemble_of` makes a model of the result. Raises SparsidError for activations other than ReLU
    and binary, for a network that clips its inputs, for an unbounded domain, and unless either a
    box or data are given.
    """
    if graph.activation not in REDUCIBLE:
        raise SparsidError(
            f"The reduced space needs the activation {' or '.join(REDUCIBLE)}; this network has "
            f"{graph.activation!r}."
        )
    if graph.clip is not None:
        raise SparsidError(
            "A network that clips its inputs cannot be reduced; pass it without `clip`, and its "
            "box as `low` and `high`."
        )
    domain = _domain(len(graph.input_names), low, high, data)
    while True:
        layers, bounds = _once(graph, domain)
        later = replace(graph, layers=layers)
        if later.widths == graph.widths:
            return Reduced(later, bounds)
        graph = later  # removed units may have made others redundant


def without_output_bias(found: Reduced) -> Reduced:
    """The same function with an output bias of zero, represented by always active units.

    The result has at most one unit more than the network before it was reduced, if that had no
    output bias either. Raises SparsidError without a hidden layer, or if the input of the last one
    is zero.
    """
    if len(found.graph.layers) < 2:
        raise SparsidError(
            "A network without a hidden layer needs its output bias; give it hidden layers."
        )
    *before, hidden, last = found.graph.layers
    norm = found.bounds[-1]
    if not last.bias.any():
        return found
    if not norm:
        raise SparsidError(
            "The output bias needs an active unit, and the input of the last hidden layer is zero."
        )
    rows, coefficients = hidden.joined(), last.weight
    on = np.flatnonzero(hidden.bias >= norm * (1 - ROUNDING))  # always active, up to rounding
    direction = rows[on[0]] if len(on) else np.eye(1, rows.shape[1])[0]
    if found.graph.activation == "binary":
        more, shares = direction[None], last.bias[:, None]
    else:
        half = last.bias[:, None] / (2 * norm)  # relu(v.x + norm) + relu(norm - v.x) is 2 norm
        if len(on):
            coefficients = coefficients.copy()
            coefficients[:, on[:1]] += half
            more, shares = -direction[None], half
        else:
            more, shares = np.stack([direction, -direction]), np.repeat(half, 2, axis=1)
    wider = _layer(
        hidden, np.concatenate([rows, more]), np.append(hidden.bias, np.full(len(more), norm))
    )
    plain = GraphLayer(
        np.concatenate([coefficients, shares], axis=1), last.skip, np.zeros_like(last.bias)
    )
    return replace(found, graph=replace(found.graph, layers=(*before, wider, plain)))


class _Domain(Protocol):
    """Bounds of the inputs of a layer."""

    def norm(self, layer: GraphLayer) -> float:
        """The largest norm of the input of `layer`."""
        ...

    def after(self, layer: GraphLayer, norm: float, activation: str) -> Self:
        """The domain after this hidden layer, whose units have weights of norm 1."""
        ...


@dataclass(frozen=True)
class _Box:
    inputs: float  # the largest norm of a point
    hidden: float

    def norm(self, layer: GraphLayer) -> float:
        return self.hidden if layer.skip is None else float(np.hypot(self.hidden, self.inputs))

    def after(self, layer: GraphLayer, norm: float, activation: str) -> Self:
        largest = 2 * norm if activation == "relu" else 1.0  # of a single unit
        return replace(self, hidden=float(np.sqrt(len(layer.bias)) * largest))


@dataclass(frozen=True, eq=False)
class _Rows:
    inputs: Float[np.ndarray, "rows inputs"]
    hidden: Float[np.ndarray, "rows hidden"]

    def norm(self, layer: GraphLayer) -> float:
        parts = [self.hidden] if layer.skip is None else [self.hidden, self.inputs]
        return float(np.linalg.norm(np.concatenate(parts, axis=1), axis=1).max(initial=0.0))

    def after(self, layer: GraphLayer, norm: float, activation: str) -> Self:
        return replace(self, hidden=ACTIVATIONS[activation](layer.of(self.hidden, self.inputs)))


def _domain(
    inputs: int, low: np.ndarray | None, high: np.ndarray | None, data: np.ndarray | None
) -> _Domain:
    if data is not None and low is None and high is None:
        rows = np.asarray(data, np.float64)
        if rows.ndim != 2 or rows.shape[1] != inputs:
            raise SparsidError(
                f"`data` must have a column for each of the network's {inputs} inputs; got the "
                f"shape {rows.shape}."
            )
        if not np.isfinite(rows).all():
            raise SparsidError("`data` must be finite; some values are NaN or infinite.")
        return _Rows(rows, rows)
    if data is not None or low is None or high is None:
        raise SparsidError(
            "The reduced space needs a domain; give either `low` and `high`, or `data`."
        )
    low, high = np.asarray(low, np.float64), np.asarray(high, np.float64)
    if {low.shape, high.shape} != {(inputs,)} or (low > high).any():
        raise SparsidError(
            f"The box needs a lower and a higher bound for each of the network's {inputs} inputs; "
            f"got {low.tolist()} and {high.tolist()}."
        )
    reach = float(np.linalg.norm(np.maximum(np.abs(low), np.abs(high))))
    if not np.isfinite(reach):
        raise SparsidError("The reduced space needs a bounded domain; got an infinite bound.")
    return _Box(reach, reach)


def _once(graph: Graph, domain: _Domain) -> tuple[tuple[GraphLayer, ...], tuple[float, ...]]:
    """(layers, bounds) after one pass over the hidden layers, the first one first."""
    done, bounds, rest = [], [], list(graph.layers)
    while len(rest) > 1:
        norm = domain.norm(rest[0])
        layer, rest[1] = _reduced_layer(rest[0], rest[1], norm, graph.activation)
        domain = domain.after(layer, norm, graph.activation)
        done.append(layer)
        bounds.append(norm)
        rest = rest[1:]
    return (*done, *rest), tuple(bounds)


def _reduced_layer(
    layer: GraphLayer, after: GraphLayer, norm: float, activation: str
) -> tuple[GraphLayer, GraphLayer]:
    """(the layer in the reduced space, the next layer adapted to it)."""
    relu = activation == "relu"
    rows, lengths = layer.joined(), np.linalg.norm(layer.joined(), axis=1)
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        thresholds, directions = layer.bias / lengths, rows / lengths[:, None]
        still = lengths == 0
        on = ~still & _reaches(thresholds, norm)
        dead = ~still & (thresholds <= -norm if relu else thresholds < -norm)
    moving = ~(still | on | dead)
    outgoing = after.weight * (lengths if relu else 1.0)
    bias = after.bias + after.weight[:, still] @ ACTIVATIONS[activation](layer.bias[still])
    units, values, weight = directions[moving], thresholds[moving], outgoing[:, moving]
    if relu:
        own = after.weight[:, on]
        always, shares = _spanning(directions[on], outgoing[:, on])
        bias = bias + own @ layer.bias[on] - norm * shares.sum(axis=1)
        units = np.concatenate([units, always])
        values = np.append(values, np.full(len(always), norm))
        weight = np.concatenate([weight, shares], axis=1)
    else:
        bias = bias + after.weight[:, on].sum(axis=1)
    return _layer(layer, units, values), GraphLayer(weight, after.skip, bias)


def _reaches(thresholds: np.ndarray, norm: float) -> np.ndarray:
    """Which units are always active, up to rounding."""
    return thresholds >= norm * (1 - ROUNDING)


def _spanning(
    directions: Float[np.ndarray, "units columns"], coefficients: Float[np.ndarray, "outputs units"]
) -> tuple[np.ndarray, np.ndarray]:
    """(unit vectors, coefficients): as few as the rank of coefficients @ directions.

    The given ones if they are no more. Units without an output in common are treated separately, so
    that parallel networks stay separate.
    """
    from scipy.sparse.csgraph import connected_components  # slow to import and rarely needed

    shared = coefficients.T.astype(bool).astype(int) @ coefficients.astype(bool).astype(int)
    count, group = connected_components(shared, directed=False)
    parts = [
        _spanning_one(directions[group == at], coefficients[:, group == at]) for at in range(count)
    ]
    if not parts:
        return directions, coefficients
    vectors, shares = zip(*parts, strict=True)
    return np.concatenate(vectors), np.concatenate(shares, axis=1)


def _spanning_one(
    directions: np.ndarray, coefficients: np.ndarray
) -> tuple[np.ndarray, np.ndarray]:
    left, sizes, right = np.linalg.svd(coefficients @ directions, full_matrices=False)
    rank = int((sizes > ROUNDING * sizes.max(initial=0.0)).sum())
    if rank == len(directions):
        return directions, coefficients
    return right[:rank], left[:, :rank] * sizes[:rank]


def _layer(like: GraphLayer, rows: np.ndarray, bias: np.ndarray) -> GraphLayer:
    """A layer of these joined rows, split as `like` is."""
    hidden = like.weight.shape[1]
    return GraphLayer(rows[:, :hidden], None if like.skip is None else rows[:, hidden:], bias)
