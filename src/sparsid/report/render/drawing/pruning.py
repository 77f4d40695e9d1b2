"""Figures of pruning paths: errors and saliencies against remaining parameters."""

from typing import TYPE_CHECKING

import numpy as np

from sparsid.report.figures import PruningPaths, Saliencies
from sparsid.report.render.drawing.style import blank, colours, literal, shared_legend

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def pruning_paths(data: PruningPaths, title: str | None) -> "Figure":
    """Errors of each configuration's paths against remaining parameters, one panel per record."""
    paths = data.paths
    from matplotlib.lines import Line2D

    records = ("train", "validation", "test")
    figure = blank(10.0, 3.8, title=title)
    axes = figure.subplots(1, len(records), sharey=True, squeeze=False)[0]
    shade = colours(paths)
    for axis, record in zip(axes, records, strict=True):
        for name, curves in paths.items():
            for curve in curves:
                errors = np.where(np.isfinite(curve.left), getattr(curve, record), np.nan)
                axis.plot(curve.left, errors, color=shade[name], lw=0.7, alpha=0.7)
                at = curve.chosen
                axis.plot(curve.left[at], errors[at], "o", color=shade[name], ms=3.5)
        axis.set(yscale="log", xlabel="remaining parameters")
        axis.set_title(f"{record} record")
        axis.invert_xaxis()
    axes[0].set_ylabel("sum of squared scaled errors")
    handles = [Line2D([], [], color=colour, lw=1.6) for colour in shade.values()]
    shared_legend(figure, handles, [literal(name) for name in paths])
    return figure


def saliencies(data: Saliencies, title: str | None) -> "Figure":
    """Saliencies along one path against remaining parameters; each dot is a weight."""
    saliency, left = data.saliency, data.left
    figure = blank(7.0, 4.2, title=title)
    upper, lower = figure.subplots(2, 1, sharex=True, height_ratios=(3, 1))
    for axis, sign, colour in ((upper, 1.0, "C0"), (lower, -1.0, "C3")):
        steps, numbers = np.nonzero(sign * saliency > 0)
        values = np.abs(saliency[steps, numbers])
        fine = np.isfinite(values)
        axis.plot(left[steps[fine]], values[fine], ".", color=colour, ms=2.0, alpha=0.6)
        axis.set_yscale("log")
    upper.set_ylabel("saliency")
    lower.set_ylabel("magnitude of negative")
    lower.invert_yaxis()
    lower.invert_xaxis()
    lower.set_xlabel("remaining parameters")
    return figure
