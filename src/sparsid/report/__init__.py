"""Figures, published numbers beside ours, and one self-contained HTML page. No JAX.

Matplotlib and Jinja2 are imported where they are used, so that importing this stays cheap.
"""

from sparsid.report.drawing import network
from sparsid.report.judged import diverged_share, error_growth
from sparsid.report.literature import published
from sparsid.report.page import Picture, Table, write_page
from sparsid.report.records import inputs, trajectories
from sparsid.report.structure import link_matrix
from sparsid.report.style import Saved, save
from sparsid.report.training import Curves, training_history

__all__ = [
    "Curves",
    "Picture",
    "Saved",
    "Table",
    "diverged_share",
    "error_growth",
    "inputs",
    "link_matrix",
    "network",
    "published",
    "save",
    "training_history",
    "trajectories",
    "write_page",
]
