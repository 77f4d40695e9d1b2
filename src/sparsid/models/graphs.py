"""A trained member as a graph: what drawings, structure and exports read."""

import jax
import numpy as np

from sparsid.graph import Clip, Graph, GraphLayer, beside
from sparsid.models.derivative import DerivativeModel
from sparsid.models.ensemble import Ensemble
from sparsid.models.mlp import MLP
from sparsid.models.narx import NARX, NARXModel
from sparsid.models.parameters import resolve


def graph_of(ensemble: Ensemble, member: int) -> Graph:
    """The network of one member, in scaled numbers; networks per state stand side by side.

    A model that clips its inputs on the march gives a graph that clips them.

    Raises IndexError for a member that is not there.
    """
    card = ensemble.card
    model = resolve(ensemble.members[member].model)
    if isinstance(card.architecture, NARX):
        inputs = card.architecture.regressors(card.states.names, card.inputs.names)
    else:
        inputs = (*card.states.names, *card.inputs.names)
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
