"""Figure of which input affects which state."""

from typing import TYPE_CHECKING

import numpy as np

from sparsid.report.figures import LinkMatrix
from sparsid.report.render.drawing.style import BLUE, INK, blank, pretty

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def link_matrix(data: LinkMatrix, title: str | None) -> "Figure":
    """A row for each output, a column for each input, filled where an active path connects them."""
    from matplotlib.colors import LinearSegmentedColormap

    shares = np.asarray(data.links, float)
    rows, columns = shares.shape
    figure = blank(2.2 + 0.46 * columns, 1.7 + 0.36 * rows, title=title)
    axis = figure.add_subplot()
    fill = LinearSegmentedColormap.from_list("links", ["#F4F4F4", BLUE])
    axis.pcolormesh(shares, cmap=fill, vmin=0, vmax=1, edgecolors="white", linewidth=2)
    if np.asarray(data.links).dtype != bool:
        for (row, column), share in np.ndenumerate(shares):
            axis.text(
                column + 0.5,
                row + 0.5,
                f"{100 * share:.0f}",
                ha="center",
                va="center",
                fontsize=7.5,
                color="white" if share > 0.65 else INK,
            )
    turned = {"rotation": 40, "ha": "left", "rotation_mode": "anchor"}
    axis.set_xticks(np.arange(columns) + 0.5, [pretty(name) for name in data.input_names], **turned)
    axis.set_yticks(np.arange(rows) + 0.5, [pretty(name) for name in data.output_names])
    axis.xaxis.tick_top()
    axis.invert_yaxis()
    axis.set_aspect("equal")
    axis.grid(visible=False)
    axis.tick_params(length=0)
    axis.spines[:].set_visible(False)
    return figure
