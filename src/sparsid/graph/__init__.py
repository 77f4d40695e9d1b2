"""The resolved network as plain NumPy arrays: evaluation, live units and links, compaction."""

from sparsid.graph.live import Live
from sparsid.graph.network import Clip, Graph, GraphLayer, beside

__all__ = ["Clip", "Graph", "GraphLayer", "Live", "beside"]
