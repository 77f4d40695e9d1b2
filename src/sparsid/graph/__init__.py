"""The resolved network as plain NumPy arrays: evaluation, live units and links, compaction."""

from sparsid.graph.clip import Clip
from sparsid.graph.layer import GraphLayer
from sparsid.graph.live import Live
from sparsid.graph.network import Graph, beside
from sparsid.graph.pieces import affine_pieces
from sparsid.graph.reduced import Reduced, reduced, without_output_bias

__all__ = [
    "Clip",
    "Graph",
    "GraphLayer",
    "Live",
    "Reduced",
    "affine_pieces",
    "beside",
    "reduced",
    "without_output_bias",
]
