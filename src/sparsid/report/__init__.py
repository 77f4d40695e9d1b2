"""Figures, published numbers beside ours, and one self-contained HTML page. No JAX.

Matplotlib and Jinja2 are imported where they are used, so that importing this stays cheap.
"""

from sparsid.report.against import agreement
from sparsid.report.comparison import Seeds, pairs, sparsity_against_error
from sparsid.report.distributions import distributions
from sparsid.report.diverged import diverged_share
from sparsid.report.drawing import network
from sparsid.report.judged import error_growth
from sparsid.report.literature import published
from sparsid.report.markdown import markdown
from sparsid.report.page import Picture, Table, write_page
from sparsid.report.paths import PathCurve, pruning_paths, saliencies
from sparsid.report.records import inputs, trajectories
from sparsid.report.rows import Interval
from sparsid.report.sizes import SizePanel, against_size
from sparsid.report.structure import link_matrix
from sparsid.report.study_page import study_page
from sparsid.report.style import Saved, save
from sparsid.report.training import Curves, training_history
from sparsid.report.violins import error_violins

__all__ = [
    "Curves",
    "Interval",
    "PathCurve",
    "Picture",
    "Saved",
    "Seeds",
    "SizePanel",
    "Table",
    "against_size",
    "agreement",
    "distributions",
    "diverged_share",
    "error_growth",
    "error_violins",
    "inputs",
    "link_matrix",
    "markdown",
    "network",
    "pairs",
    "pruning_paths",
    "published",
    "saliencies",
    "save",
    "sparsity_against_error",
    "study_page",
    "training_history",
    "trajectories",
    "write_page",
]
