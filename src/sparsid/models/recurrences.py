"""Conversion of a trained member to NumPy, for figures, structure and exports, and back."""

from dataclasses import replace
from typing import Any

import jax
import numpy as np

from sparsid._errors import SparsidError
from sparsid.architectures.arrays import layer_role, skip_role
from sparsid.graph import Graph, Recurrence, ScaledChannels
from sparsid.models.ensemble import Ensemble
from sparsid.models.mlp import MLP, Layer
from sparsid.models.parameters import Weight, resolve


def recurrence_of(ensemble: Ensemble, member: int) -> Recurrence:
    """One member as a simulator in NumPy, complete for use outside Python.

    Networks per state become one network. Raises IndexError for a member that does not exist.
    """
    card, simulator = ensemble.card, ensemble.members[member]
    states, inputs, scaling, box = card.states, card.inputs, simulator.scaling, card.box
    named = card.architecture.network_inputs(states.names, inputs.names)
    with jax.enable_x64(True):  # arrays keep their precision
        graph, rule = resolve(simulator.model).graph_and_rule(named, states.names)
    observed = ScaledChannels(
        states.names, states.units, scaling.offset, scaling.scale, box["states"]
    )
    fed = ScaledChannels(
        inputs.names, inputs.units, scaling.input_offset, scaling.input_scale, box["inputs"]
    )
    return Recurrence(graph, rule, observed, fed, card.dt)


def graph_of(ensemble: Ensemble, member: int) -> Graph:
    """The network of one member, in scaled numbers; networks per state become one network.

    A model that clips its inputs in free runs gives a graph that clips them.

    Raises IndexError for a member that does not exist.
    """
    return recurrence_of(ensemble, member).graph


def widened(ensemble: Ensemble) -> Ensemble:
    """The same ensemble with all arrays converted to float64, so that it computes in float64."""
    model = jax.tree.map(_float64, ensemble.stacked.model)
    return replace(ensemble, stacked=replace(ensemble.stacked, model=model))


def ensemble_of(graph: Graph, like: Ensemble) -> Ensemble:
    """An ensemble of one member with this graph, else as the first member of `like`; in float64.

    The graph has the inputs and outputs of `like`'s networks and becomes one network for all
    outputs. Raises SparsidError for other channels, or a graph that clips its inputs.
    """
    model, card = like.members[0].model, like.card
    wanted = graph_of(like, 0)
    if (graph.input_names, graph.output_names) != (wanted.input_names, wanted.output_names):
        raise SparsidError(
            "The graph must have the same inputs and outputs as the networks of `like`; got "
            f"{', '.join(graph.input_names)} and {', '.join(graph.output_names)}."
        )
    if graph.clip is not None or wanted.clip is not None:
        raise SparsidError("Neither the graph nor the model `like` may clip its inputs.")
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
    """The graph as an MLP; if one later layer has skip weights, all of them have."""
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
