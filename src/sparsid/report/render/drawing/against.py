"""Figure of published shares compared with ours, row by row."""

from typing import TYPE_CHECKING

import numpy as np

from sparsid.report.figures import UNKNOWN, PublishedComparison
from sparsid.report.render.drawing.diverged import MARK, percent
from sparsid.report.render.drawing.rows import empty_row, margin_note, rows, whisker
from sparsid.report.render.drawing.style import BLUE, VERMILLION, literal, shared_legend

if TYPE_CHECKING:
    from matplotlib.figure import Figure

APART = 0.16  # offset of both marks from the row's centre, in rows, so that they do not overlap


def published_comparison(data: PublishedComparison, title: str | None) -> "Figure":
    """A row for each published share and ours with its interval."""
    from matplotlib.lines import Line2D

    labels = [*data.ours, *(name for name in data.published if name not in data.ours)]
    figure, (axis,) = rows(labels, [""], title=title, each=0.3)
    for k, name in enumerate(labels):
        share, low, high = 100 * np.array(data.ours.get(name, UNKNOWN), float)
        (theirs,) = percent([data.published.get(name)])
        away = not np.isnan(theirs) and not low - 1e-9 <= theirs <= high + 1e-9
        colour = VERMILLION if away else BLUE
        if not np.isnan(share):
            at = k + APART
            whisker(axis, at, (share, low, high), (0, 100), color=colour, lw=1.8, zorder=3)
            axis.plot(share, at, marker="o", ms=5.5, color=colour, mec="white", mew=0.6, zorder=4)
        axis.plot(theirs, k - APART, ms=5, zorder=5, **MARK)
        if np.isnan([share, theirs]).all():
            empty_row(axis, k, "no number")
        margin_note(axis, k, f"{_number(theirs)} | {_number(share)}")
    margin_note(axis, -0.75, "published | ours")
    axis.set(xlim=(-2.5, 102.5), xlabel=literal(data.label))
    look = {"marker": "o", "lw": 1.8, "ms": 5.5, "mec": "white", "mew": 0.6}
    handles = [Line2D([], [], ms=5, **MARK)]
    handles += [Line2D([], [], color=colour, **look) for colour in (BLUE, VERMILLION)]
    names = ["published", "ours, interval contains published", "ours, it does not"]
    shared_legend(figure, handles, names)
    return figure


def _number(value: float) -> str:
    return "–" if np.isnan(value) else f"{value:.3g}"
