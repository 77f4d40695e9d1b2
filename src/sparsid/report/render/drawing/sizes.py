"""Figure of quantities of each configuration against the size of its training data."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from sparsid.report.figures import AgainstSize, Bounds, SizePanel
from sparsid.report.render.drawing.rows import log_ticks
from sparsid.report.render.drawing.style import blank, colours, literal, shared_legend

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLUMNS = 4
APART = 0.02  # offset between configurations at one size, in decades, so that they do not overlap


def against_size(data: AgainstSize, title: str | None) -> "Figure":
    """A panel for each quantity, sizes on a logarithmic axis, bars for the intervals."""
    from matplotlib.lines import Line2D

    sizes, panels = data.sizes, data.panels
    names = list(dict.fromkeys(name for panel in panels for name in panel.curves))
    shade = colours(names)
    columns = max(1, min(COLUMNS, len(panels)))
    rows = max(1, -(-len(panels) // columns))
    figure = blank(max(2.6 * columns, 5.5), 1.0 + 2.4 * rows, title=title)
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for unused in axes[len(panels) :]:
        unused.set_visible(False)
    for axis, panel in zip(axes, panels, strict=False):
        for name, intervals in panel.curves.items():
            shift = 10 ** (APART * (names.index(name) - (len(names) - 1) / 2))
            _curve(axis, shift * np.asarray(sizes, float), intervals, shade[name])
        axis.set_title(literal(panel.title))
        axis.set(xscale="log", ylabel=literal(panel.label))
        axis.set_xticks(sizes, [str(size) for size in sizes])
        axis.minorticks_off()
        if panel.log:
            _log(axis, panel)
    for axis in axes[max(0, len(panels) - columns) : len(panels)]:
        axis.set_xlabel(literal(data.label))
    handles = [Line2D([], [], color=shade[name], marker="o", ms=4, lw=1.4) for name in names]
    shared_legend(figure, handles, [literal(name) for name in names])
    return figure


def _curve(axis: "Axes", at: np.ndarray, intervals: Sequence[Bounds], colour: str) -> None:
    values, low, high = np.array(intervals, float).T
    axis.plot(at, values, "o-", color=colour, ms=3.5, lw=1.2)
    axis.vlines(at, low, high, color=colour, lw=1.4, alpha=0.8)


def _log(axis: "Axes", panel: SizePanel) -> None:
    every = np.array([interval for curve in panel.curves.values() for interval in curve], float)
    known = every[np.isfinite(every) & (every > 0)]
    if known.size:
        low, high = known.min() / 1.3, known.max() * 1.3
        axis.set(yscale="log", ylim=(low, high))
        log_ticks(axis.yaxis, low, high)
