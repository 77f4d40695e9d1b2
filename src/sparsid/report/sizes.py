"""Figure of what more data buys: numbers of each configuration against the size of its data."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sparsid.report.rows import Interval, fitting, log_ticks
from sparsid.report.style import blank, colours, plain, shared_legend, styled

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

COLUMNS = 4
APART = 0.02  # decades between configurations at one size, so that none hides another


@dataclass(frozen=True)
class SizePanel:
    """Curves by name: an interval for each size, NaN where there is none."""

    title: str
    label: str
    curves: Mapping[str, Sequence[Interval]]
    log: bool = False


@styled
def against_size(
    sizes: Sequence[int],
    panels: Sequence[SizePanel],
    *,
    label: str = "training trajectories",
    title: str | None = None,
) -> "Figure":
    """A panel for each number, sizes on a logarithmic axis, bars for the intervals.

    Raises SparsidError for a curve that has not one interval for each size.
    """
    from matplotlib.lines import Line2D

    names = list(dict.fromkeys(name for panel in panels for name in panel.curves))
    shade = colours(names)
    columns = max(1, min(COLUMNS, len(panels)))
    rows = max(1, -(-len(panels) // columns))
    figure = blank(max(2.6 * columns, 5.5), 1.0 + 2.4 * rows, title=title)
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for unused in axes[len(panels) :]:
        unused.set_visible(False)
    for axis, panel in zip(axes, panels, strict=False):
        fitting("curves", panel.curves, len(sizes), "one a size")
        for name, intervals in panel.curves.items():
            shift = 10 ** (APART * (names.index(name) - (len(names) - 1) / 2))
            _curve(axis, shift * np.asarray(sizes, float), intervals, shade[name])
        axis.set_title(plain(panel.title))
        axis.set(xscale="log", ylabel=plain(panel.label))
        axis.set_xticks(sizes, [str(size) for size in sizes])
        axis.minorticks_off()
        if panel.log:
            _log(axis, panel)
    for axis in axes[max(0, len(panels) - columns) : len(panels)]:
        axis.set_xlabel(plain(label))
    handles = [Line2D([], [], color=shade[name], marker="o", ms=4, lw=1.4) for name in names]
    shared_legend(figure, handles, [plain(name) for name in names])
    return figure


def _curve(axis: "Axes", at: np.ndarray, intervals: Sequence[Interval], colour: str) -> None:
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
