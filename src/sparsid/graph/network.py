"""One resolved feedforward network with its effective weights."""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float

from sparsid._errors import SparsidError
from sparsid.graph.activations import ACTIVATIONS
from sparsid.graph.clip import Clip
from sparsid.graph.compaction import compacted
from sparsid.graph.layer import GraphLayer
from sparsid.graph.live import Live, find_live, reach


@dataclass(frozen=True, eq=False)
class Graph:
    """A feedforward network; the first layer's h are the inputs z, the last layer is linear.

    Raises SparsidError for inconsistent shapes or an unknown activation.
    """

    layers: tuple[GraphLayer, ...]
    activation: str
    input_names: tuple[str, ...]
    output_names: tuple[str, ...]
    clip: Clip | None = None

    def __post_init__(self):
        for name in ("layers", "input_names", "output_names"):
            object.__setattr__(self, name, tuple(getattr(self, name)))
        ACTIVATIONS.check(self.activation)
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
        """The network's outputs in float64: the reference for all exports of the graph."""
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
        """Exact derivatives of every output with respect to every input, in float64."""
        z = inner = np.asarray(z, np.float64)
        full = into = np.eye(len(self.input_names)) * np.ones((len(z), 1, 1))
        beyond = 0.0
        if (clip := self.clip) is not None:
            inner, passed = clip.seen(z), clip.slopes(z)
            into = full * passed[:, None]
            if clip.slope is not None:
                beyond = clip.slope * (1.0 - passed)[:, None]
            z, full = (z, full) if clip.where == "hidden" else (inner, into)
        activation = ACTIVATIONS[self.activation]
        h, along = (inner, into) if self.layers[1:] else (z, full)
        for layer in self.layers[:-1]:
            before = layer.of(h, inner)
            along = activation.slope(before, np)[..., None] * layer.chained(along, into)
            h = activation(before)
        return self.layers[-1].chained(along, full) + beyond

    def live(self) -> Live:
        """The inputs, units and weights on a path of nonzero weights from input to output."""
        return find_live(self.layers)

    def links(self) -> Bool[np.ndarray, "outputs inputs"]:
        """Whether any path of nonzero weights leads from the input to the output.

        The slopes outside the box of a linear `clip` do not count.
        """
        return reach(self.layers, len(self.input_names))[-1]

    def pattern(self) -> Bool[np.ndarray, "outputs inputs"]:
        """Where a slope can be nonzero: the links, and the slopes of a linear `clip`."""
        slope = None if self.clip is None else self.clip.slope
        return self.links() if slope is None else self.links() | (slope != 0)

    def compact(self) -> "Graph":
        """The same function of the same inputs without dead units.

        A unit that no input reaches is constant; its value is added to the biases of the next
        layer. If a hidden layer has no live unit, the layers up to it are removed.
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
    """Parallel networks of the same inputs and depth as one: for example one for each state."""
    if not graphs:
        raise SparsidError("Parallel networks need at least one network; got none.")
    first = graphs[0]
    kinds = {(len(g.layers), g.activation, g.input_names) for g in graphs}
    if len(kinds) > 1:
        raise SparsidError(
            "Parallel networks must have the same inputs, depth and activation; got "
            f"{len(kinds)} kinds."
        )
    from scipy.linalg import block_diag  # slow to import and rarely needed

    layers = []
    for at in range(len(first.layers)):
        ranks = [graph.layers[at] for graph in graphs]
        weights = [layer.weight for layer in ranks]
        layers.append(
            GraphLayer(
                np.concatenate(weights) if at == 0 else np.asarray(block_diag(*weights)),
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
        raise SparsidError(
            "Parallel networks must clip their inputs in the same way; these differ."
        )
    if not given:
        return None
    slopes = [clip.slope for clip in given if clip.slope is not None]
    return replace(given[0], slope=np.concatenate(slopes) if slopes else None)


def _matrices(graph: Graph) -> list[np.ndarray]:
    both = [matrix for layer in graph.layers for matrix in (layer.weight, layer.skip)]
    return [matrix for matrix in both if matrix is not None]


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
        graph.clip.check(hidden, inputs)
