"""One resolved feedforward network, its weights as they are used."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from jaxtyping import Bool, Float

from sparsid._errors import SparsidError
from sparsid.graph.activations import ACTIVATIONS, SLOPES
from sparsid.graph.compaction import compacted
from sparsid.graph.live import Live, find_live, reach


@dataclass(frozen=True, eq=False)
class GraphLayer:
    """weight @ h + skip @ z + bias, where z are the network's own inputs. Arrays are float64."""

    weight: Float[np.ndarray, "outputs hidden"]
    skip: Float[np.ndarray, "outputs inputs"] | None
    bias: Float[np.ndarray, " outputs"]

    def __post_init__(self):
        for name in ("weight", "skip", "bias"):
            array = getattr(self, name)
            if array is not None:
                object.__setattr__(self, name, np.asarray(array, np.float64))

    def of(
        self, h: Float[np.ndarray, "batch hidden"], z: Float[np.ndarray, "batch inputs"]
    ) -> Float[np.ndarray, "batch outputs"]:
        """What the units add up, before any activation."""
        reached = h @ self.weight.T + self.bias
        return reached if self.skip is None else reached + z @ self.skip.T

    def joined(self) -> Float[np.ndarray, "outputs columns"]:
        """All incoming weights: those of hidden units, then those of skipped inputs."""
        return (
            self.weight if self.skip is None else np.concatenate([self.weight, self.skip], axis=1)
        )


@dataclass(frozen=True, eq=False)
class Clip:
    """The inputs z held to [low, high] where they enter hidden layers, or wherever they enter.

    They bend over smoothly and end `margin` of the width outside. "linear" holds them wherever they
    enter, and adds `slope` times what sticks out.
    """

    low: Float[np.ndarray, " inputs"]
    high: Float[np.ndarray, " inputs"]
    where: Literal["hidden", "all", "linear"]
    slope: Float[np.ndarray, "outputs inputs"] | None = None
    margin: float = 0.0

    def seen(self, z: Float[np.ndarray, "batch inputs"]) -> Float[np.ndarray, "batch inputs"]:
        """What is let through of z."""
        inside = np.clip(z, self.low, self.high)
        if not self.margin:
            return inside
        room = self.margin * (self.high - self.low)
        with np.errstate(invalid="ignore"):
            return np.where(z == inside, z, inside + room * np.tanh((z - inside) / room))

    def slopes(self, z: Float[np.ndarray, "batch inputs"]) -> Float[np.ndarray, "batch inputs"]:
        """How much of a small change of z is let through."""
        over = z - np.clip(z, self.low, self.high)
        room = self.margin * (self.high - self.low)
        with np.errstate(divide="ignore", invalid="ignore"):
            bent = 1.0 - np.tanh(over / room) ** 2 if self.margin else np.zeros_like(over)
        return np.where(over == 0, 1.0, bent)

    def __post_init__(self):
        for name in ("low", "high", "slope"):
            array = getattr(self, name)
            if array is not None:
                object.__setattr__(self, name, np.asarray(array, np.float64))

    def of(self, output: int) -> "Clip":
        """The same for a network of this output alone."""
        return replace(self, slope=None if self.slope is None else self.slope[output : output + 1])


@dataclass(frozen=True, eq=False)
class Graph:
    """A feedforward network; its first layer's h are the inputs z, its last layer is linear.

    Raises SparsidError for shapes that do not fit together or an unknown activation.
    """

    layers: tuple[GraphLayer, ...]
    activation: str
    input_names: tuple[str, ...]
    output_names: tuple[str, ...]
    clip: Clip | None = None

    def __post_init__(self):
        for name in ("layers", "input_names", "output_names"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        ACTIVATIONS[self.activation]
        _check(self)

    @property
    def widths(self) -> tuple[int, ...]:
        """Units of each hidden layer."""
        return tuple(len(layer.bias) for layer in self.layers[:-1])

    @property
    def weight_count(self) -> int:
        """Entries of all weight matrices, zeros included; biases not counted."""
        return sum(matrix.size for matrix in _matrices(self))

    @property
    def nonzero_count(self) -> int:
        """Weights that are not exactly zero, whether live or not; biases not counted."""
        return sum(int(np.count_nonzero(matrix)) for matrix in _matrices(self))

    def evaluate(self, z: Float[np.ndarray, "batch inputs"]) -> Float[np.ndarray, "batch outputs"]:
        """The network's outputs in float64: the reference for everything made from the graph."""
        z = inner = np.asarray(z, np.float64)
        beyond = 0.0
        if (clip := self.clip) is not None:
            inner = clip.seen(z)
            beyond = 0.0 if clip.slope is None else (z - inner) @ clip.slope.T
            z = z if clip.where == "hidden" else inner
        activate = ACTIVATIONS[self.activation]
        h = inner if self.layers[1:] else z
        for layer in self.layers[:-1]:
            h = activate(layer.of(h, inner))
        return self.layers[-1].of(h, z) + beyond

    def slopes(
        self, z: Float[np.ndarray, "batch inputs"]
    ) -> Float[np.ndarray, "batch outputs inputs"]:
        """Derivatives of every output by every input at these points, exact; float64."""
        z = inner = np.asarray(z, np.float64)
        whole = into = np.eye(len(self.input_names)) * np.ones((len(z), 1, 1))
        beyond = 0.0
        if (clip := self.clip) is not None:
            inner, let_through = clip.seen(z), clip.slopes(z)
            into = whole * let_through[:, None]
            if clip.slope is not None:
                beyond = clip.slope * (1.0 - let_through)[:, None]
            z, whole = (z, whole) if clip.where == "hidden" else (inner, into)
        activate, bend = ACTIVATIONS[self.activation], SLOPES[self.activation]
        h, along = (inner, into) if self.layers[1:] else (z, whole)
        for layer in self.layers[:-1]:
            before = layer.of(h, inner)
            h, along = activate(before), bend(before)[..., None] * _chained(layer, along, into)
        return _chained(self.layers[-1], along, whole) + beyond

    def live(self) -> Live:
        """Which inputs, units and weights carry something from an input to an output."""
        return find_live(self.layers)

    def links(self) -> Bool[np.ndarray, "outputs inputs"]:
        """Whether any path of nonzero weights leads from the input to the output.

        The slopes beyond the box of a linear `clip` are no such path.
        """
        return reach(self.layers, len(self.input_names))[-1]

    def compact(self) -> "Graph":
        """The same function of the same inputs without dead units.

        A unit that no input reaches is constant; its value moves into the biases it feeds. Where a
        hidden layer has no live unit, the layers up to it drop out.
        """
        layers = compacted(self.layers, ACTIVATIONS[self.activation])
        return Graph(
            tuple(GraphLayer(*layer) for layer in layers),
            self.activation,
            self.input_names,
            self.output_names,
            self.clip,
        )


def beside(graphs: Sequence[Graph]) -> Graph:
    """Networks of the same inputs and depth side by side as one: a network for each state, say."""
    if not graphs:
        raise SparsidError("Networks side by side need at least one network; got none.")
    first = graphs[0]
    kinds = {(len(g.layers), g.activation, g.input_names) for g in graphs}
    if len(kinds) > 1:
        raise SparsidError("Networks side by side must share inputs, depth and activation.")
    layers = []
    for at in range(len(first.layers)):
        ranks = [graph.layers[at] for graph in graphs]
        weights = [layer.weight for layer in ranks]
        layers.append(
            GraphLayer(
                np.concatenate(weights) if at == 0 else _block_diagonal(weights),
                _stacked_skips(ranks, len(first.input_names)),
                np.concatenate([layer.bias for layer in ranks]),
            )
        )
    names = tuple(name for graph in graphs for name in graph.output_names)
    clip = _joint_clip([graph.clip for graph in graphs])
    return Graph(tuple(layers), first.activation, first.input_names, names, clip)


def _joint_clip(clips: Sequence[Clip | None]) -> Clip | None:
    given = [clip for clip in clips if clip is not None]
    kinds = {(clip.where, clip.margin, clip.low.tobytes(), clip.high.tobytes()) for clip in given}
    if len(kinds) > 1 or len(given) not in (0, len(clips)):
        raise SparsidError("Networks side by side must clip their inputs alike.")
    if not given:
        return None
    slopes = [clip.slope for clip in given if clip.slope is not None]
    return replace(given[0], slope=np.concatenate(slopes) if slopes else None)


def _chained(layer: GraphLayer, along: np.ndarray, into: np.ndarray) -> np.ndarray:
    """Derivatives of what a layer's units add up, from those of what they take."""
    chained = layer.weight @ along
    return chained if layer.skip is None else chained + layer.skip @ into


def _matrices(graph: Graph) -> list[np.ndarray]:
    both = [matrix for layer in graph.layers for matrix in (layer.weight, layer.skip)]
    return [matrix for matrix in both if matrix is not None]


def _block_diagonal(blocks: Sequence[np.ndarray]) -> np.ndarray:
    rows, columns = np.sum([block.shape for block in blocks], axis=0)
    whole, row, column = np.zeros((rows, columns)), 0, 0
    for block in blocks:
        height, width = block.shape
        whole[row : row + height, column : column + width] = block
        row, column = row + height, column + width
    return whole


def _stacked_skips(layers: Sequence[GraphLayer], inputs: int) -> np.ndarray | None:
    if all(layer.skip is None for layer in layers):
        return None
    return np.concatenate(
        [
            np.zeros((len(layer.bias), inputs)) if layer.skip is None else layer.skip
            for layer in layers
        ]
    )


def _check(graph: Graph) -> None:
    if not graph.layers:
        raise SparsidError("A graph needs at least one layer; got none.")
    inputs = hidden = len(graph.input_names)
    for at, layer in enumerate(graph.layers):
        outputs = len(layer.bias) if layer.bias.ndim == 1 else -1
        skips = None if layer.skip is None else layer.skip.shape
        if layer.weight.shape != (outputs, hidden) or skips not in (None, (outputs, inputs)):
            raise SparsidError(
                f"Layer {at} must take {hidden} units and {inputs} inputs; got weight "
                f"{layer.weight.shape}, skip {skips} and bias {layer.bias.shape}."
            )
        hidden = outputs
    if hidden != len(graph.output_names):
        raise SparsidError(
            f"The last layer must have one unit for each of {len(graph.output_names)} outputs; "
            f"got {hidden}."
        )
    if graph.clip is not None:
        _check_clip(graph.clip, hidden, inputs)


def _check_clip(clip: Clip, outputs: int, inputs: int) -> None:
    if {clip.low.shape, clip.high.shape} != {(inputs,)}:
        raise SparsidError(
            f"The bounds of `clip` must have one number for each of {inputs} inputs; got shapes "
            f"{clip.low.shape} and {clip.high.shape}."
        )
    slope = None if clip.slope is None else clip.slope.shape
    wanted = (outputs, inputs) if clip.where == "linear" else None
    if slope != wanted:
        raise SparsidError(
            f"The slope of a clip {clip.where!r} must have the shape {wanted}; got {slope}."
        )
