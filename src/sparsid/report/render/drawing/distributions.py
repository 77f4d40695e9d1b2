"""Figure of the distribution of errors over many starts."""

from typing import TYPE_CHECKING

import numpy as np

from sparsid.report.figures import ErrorDistributions
from sparsid.report.render.drawing.rows import log_ticks
from sparsid.report.render.drawing.style import MUTED, blank, colours, literal, shared_legend

if TYPE_CHECKING:
    from matplotlib.figure import Figure

STYLES = ("-", "--", ":", "-.")


def error_distributions(data: ErrorDistributions, title: str | None) -> "Figure":
    """For each panel, the share of starts with an error of at most x."""
    panels, limit = data.panels, data.limit
    from matplotlib.lines import Line2D

    names = list(dict.fromkeys(name for curves in panels.values() for name in curves))
    shade = colours(names)
    figure = blank(max(3.6 * len(panels), 5.5), 3.8, title=title)
    axes = figure.subplots(1, max(1, len(panels)), sharex=True, sharey=True, squeeze=False)[0]
    every = np.concatenate([np.ravel(e) for curves in panels.values() for e in curves.values()])
    known = every[np.isfinite(every) & (every > 0)]
    known = known if limit is None else np.append(known, limit)
    low, high = (known.min() / 1.2, known.max() * 1.2) if known.size else (0.1, 1.0)
    for axis, (head, curves) in zip(axes, panels.items(), strict=True):
        for name, errors in curves.items():
            ordered = np.sort(np.where(np.isfinite(errors), errors, np.inf))
            share = 100 * np.arange(1, len(ordered) + 1) / len(ordered)
            look = {"color": shade[name], "ls": STYLES[names.index(name) // 8 % len(STYLES)]}
            axis.step([low, *ordered, high], [0, *share, share[-1]], where="post", lw=1.5, **look)
        if limit is not None:
            axis.axvline(limit, color=MUTED, lw=0.9, ls=(0, (4, 3)))
        axis.set(xscale="log", xlim=(low, high), ylim=(-2, 102), xlabel=literal(data.label))
        axis.set_title(literal(head))
        log_ticks(axis.xaxis, low, high)
    axes[0].set_ylabel("share of starts [%]")
    handles = [Line2D([], [], color=shade[name], lw=1.6) for name in names]
    shared_legend(figure, handles, [literal(name) for name in names])
    return figure
