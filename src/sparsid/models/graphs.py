"""A trained member as a graph, which drawings, structure and exports read; and back again."""

from dataclasses import replace
from typing import Any

import jax
import numpy as np

from sparsid._errors import SparsidError
from sparsid.architectures.arrays import layer_role, skip_role
from sparsid.graph import Clip, Graph, GraphLayer, beside
from sparsid.models.derivative import DerivativeModel
from sparsid.models.ensemble import Ensemble
from sparsid.models.mlp import MLP, Layer
from sparsid.models.narx import NARXModel
from sparsid.models.parameters import Weight, resolve


def graph_of(ensemble: Ensemble, member: int) -> Graph:
    """The network of one member, in scaled numbers; networks per state stand side by side.

    A model that clips its inputs on the march gives a graph that clips them.

    Raises IndexError for a member that is not there.
    """
    card = ensemble.card
    model = resolve(ensemble.members[member].model)
    inputs = card.architecture.network_inputs(card.states.names, card.inputs.names)
    network, clip = model.network, _clip(model)
    if isinstance(network, MLP):
        return _graph(network, inputs, card.states.names, clip)
    alone = (
        _graph(
            jax.tree.map(lambda leaf, i=i: leaf[i], network.networks),
            inputs,
            (name,),
            None if clip is None else clip.of(i),
        )
        for i, name in enumerate(card.states.names)
    )
    return beside(tuple(alone))


def ensemble_of(graph: Graph, like: Ensemble) -> Ensemble:
    """One member that computes by this graph, else as the first member of `like`; in float64.

    The graph takes and gives what `like`'s networks do. Side by side or not, it is one network for
    all outputs. Raises SparsidError for other channels, or a graph that clips its inputs.
    """
    model, card = like.members[0].model, like.card
    wanted = graph_of(like, 0)
    if (graph.input_names, graph.output_names) != (wanted.input_names, wanted.output_names):
        raise SparsidError(
            "A graph becomes a model of the same inputs and outputs; got "
            f"{', '.join(graph.input_names)} and {', '.join(graph.output_names)}."
        )
    if graph.clip is not None or wanted.clip is not None:
        raise SparsidError("A graph becomes a model only where neither clips its inputs.")
    plain = graph if all(graph.widths) else graph.compact()
    network = _network(plain)
    skip = any(layer.skip is not None for layer in network.layers)
    own: dict[str, Any] = {"widths": plain.widths, "activation": plain.activation, "skip": skip}
    own |= {"bias": True} | ({"per_state": False} if "per_state" in vars(card.architecture) else {})
    whole = jax.tree.map(_float64, replace(model, network=network))
    stacked = jax.tree.map(lambda leaf: leaf[None], whole)
    architecture = card.architecture.model_copy(update=own)
    return replace(
        like,
        stacked=replace(like.stacked, model=stacked),
        size=1,
        card=replace(card, architecture=architecture),
    )


def _network(graph: Graph) -> MLP:
    """All later layers take the inputs where one does."""
    inputs, last = len(graph.input_names), len(graph.layers) - 1
    skips = any(layer.skip is not None for layer in graph.layers[1:])
    layers = []
    for at, layer in enumerate(graph.layers):
        weight, skip = layer.weight, layer.skip
        if at == 0:
            weight, skip = weight if skip is None else weight + skip, None
        elif skips and skip is None:
            skip = np.zeros((len(layer.bias), inputs))
        layers.append(
            Layer(
                Weight(_float64(weight), layer_role(at, last)),
                None if skip is None else Weight(_float64(skip), skip_role(at, last)),
                _float64(layer.bias),
            )
        )
    return MLP(tuple(layers), graph.activation)


def _float64(array: Any) -> Any:
    return np.asarray(array, np.float64)


def _clip(model: DerivativeModel | NARXModel) -> Clip | None:
    if isinstance(model, NARXModel) or model.clip == "none":
        return None
    return Clip(model.low, model.high, model.clip, model.slope, model.margin)


def _graph(
    network: MLP, inputs: tuple[str, ...], outputs: tuple[str, ...], clip: Clip | None
) -> Graph:
    layers = tuple(
        GraphLayer(
            np.asarray(layer.weight),
            None if layer.skip is None else np.asarray(layer.skip),
            np.zeros(len(layer.weight)) if layer.bias is None else np.asarray(layer.bias),
        )
        for layer in network.layers
    )
    return Graph(layers, network.activation, inputs, outputs, clip)
