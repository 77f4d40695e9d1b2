"""The resolved network as plain NumPy arrays: evaluation, live units and links, compaction."""

from sparsid.graph.live import Live
from sparsid.graph.network import Graph, GraphLayer, beside

__all__ = ["Graph", "GraphLayer", "Live", "beside"]
