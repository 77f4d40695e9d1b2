"""A trained member as a graph: what drawings, structure and exports read."""

import jax
import numpy as np

from sparsid.graph import Graph, GraphLayer, beside
from sparsid.models.ensemble import Ensemble, Simulator
from sparsid.models.mlp import MLP, PerOutput
from sparsid.models.parameters import resolve


def graph_of(ensemble: Ensemble, member: int) -> Graph:
    """The network of one member, in scaled numbers; networks per state stand side by side.

    Raises IndexError for a member that is not there.
    """
    card = ensemble.card
    inputs = (*card.states.names, *card.inputs.names)
    network = _network(ensemble.members[member])
    if isinstance(network, MLP):
        return _graph(network, inputs, card.states.names)
    alone = (
        _graph(jax.tree.map(lambda leaf, i=i: leaf[i], network.networks), inputs, (name,))
        for i, name in enumerate(card.states.names)
    )
    return beside(tuple(alone))


def _network(simulator: Simulator) -> MLP | PerOutput:
    return resolve(simulator.model).network


def _graph(network: MLP, inputs: tuple[str, ...], outputs: tuple[str, ...]) -> Graph:
    layers = tuple(
        GraphLayer(
            np.asarray(layer.weight),
            None if layer.skip is None else np.asarray(layer.skip),
            np.asarray(layer.bias),
        )
        for layer in network.layers
    )
    return Graph(layers, network.activation, inputs, outputs)
