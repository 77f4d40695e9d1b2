"""Drawing figures with Matplotlib, which is imported on first use."""

from collections.abc import Callable, Mapping
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any

from sparsid._errors import SparsidError
from sparsid.report import figures
from sparsid.report.document import Document
from sparsid.report.render.drawing.against import published_comparison
from sparsid.report.render.drawing.comparison import differences, sparsity_against_error
from sparsid.report.render.drawing.distributions import error_distributions
from sparsid.report.render.drawing.diverged import diverged_shares
from sparsid.report.render.drawing.error_growth import error_growth
from sparsid.report.render.drawing.links import link_matrix
from sparsid.report.render.drawing.network import network_diagram
from sparsid.report.render.drawing.pruning import pruning_paths, saliencies
from sparsid.report.render.drawing.sizes import against_size
from sparsid.report.render.drawing.style import Saved, save, styled
from sparsid.report.render.drawing.training import training_history
from sparsid.report.render.drawing.trajectories import inputs, trajectories
from sparsid.report.render.drawing.violins import error_violins

if TYPE_CHECKING:
    from matplotlib.figure import Figure

# The function that draws each kind of figure, from its data and a title or None.
DRAWN: Mapping[type, "Callable[[Any, str | None], Figure]"] = MappingProxyType(
    {
        figures.AgainstSize: against_size,
        figures.Differences: differences,
        figures.DivergedShares: diverged_shares,
        figures.ErrorDistributions: error_distributions,
        figures.ErrorGrowth: error_growth,
        figures.ErrorViolins: error_violins,
        figures.Inputs: inputs,
        figures.LinkMatrix: link_matrix,
        figures.NetworkDiagram: network_diagram,
        figures.PruningPaths: pruning_paths,
        figures.PublishedComparison: published_comparison,
        figures.Saliencies: saliencies,
        figures.SparsityAgainstError: sparsity_against_error,
        figures.TrainingHistory: training_history,
        figures.Trajectories: trajectories,
    }
)


def draw(drawing: figures.Drawing, *, title: str | None = None) -> "Figure":
    """The Matplotlib figure of any kind in `report.figures`, with an optional `title` above it.

    Raises SparsidError for other types.
    """
    if type(drawing) not in DRAWN:
        known = ", ".join(sorted(kind.__name__ for kind in DRAWN))
        raise SparsidError(
            f"A figure must be one of {known}; got {type(drawing).__name__}. Give the data of one "
            "of them."
        )
    with styled():
        return DRAWN[type(drawing)](drawing, title)


def save_figures(document: Document, folder: Path) -> None:
    """Saves each figure of a document as NAME.png and NAME.svg, with its title above it."""
    for figure in document.figures:
        save(draw(figure.drawing, title=figure.title or None), folder, figure.name)


__all__ = ["Saved", "draw", "save", "save_figures"]
