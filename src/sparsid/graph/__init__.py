"""Trained members in plain NumPy: networks, their live units and weights, and recurrences."""

from sparsid.graph.clip import Clip
from sparsid.graph.layer import GraphLayer
from sparsid.graph.live import Live
from sparsid.graph.network import Graph, beside
from sparsid.graph.pieces import affine_pieces
from sparsid.graph.recurrence import Recurrence, ScaledChannels, StateSpace
from sparsid.graph.reduced import Reduced, reduced, without_output_bias
from sparsid.graph.rules import HiddenStates, Increment, LaggedOutputs, UpdateRule

__all__ = [
    "Clip",
    "Graph",
    "GraphLayer",
    "HiddenStates",
    "Increment",
    "LaggedOutputs",
    "Live",
    "Recurrence",
    "Reduced",
    "ScaledChannels",
    "StateSpace",
    "UpdateRule",
    "affine_pieces",
    "beside",
    "reduced",
    "without_output_bias",
]
