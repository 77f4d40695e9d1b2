"""Figure of published shares beside ours, row by row."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from sparsid.report.diverged import MARK, NOTHING, percent
from sparsid.report.rows import Interval, beside, rows, said, whisker
from sparsid.report.style import BLUE, VERMILLION, plain, shared_legend, styled

if TYPE_CHECKING:
    from matplotlib.figure import Figure

APART = 0.16  # rows: the published mark a little above ours, so that none hides the other


@styled
def agreement(
    ours: Mapping[str, Interval],
    published: Mapping[str, float | None],
    *,
    label: str = "diverged runs [%]",
    title: str | None = None,
) -> "Figure":
    """Row by row a published share beside ours with its interval, at one horizon; all in 0..1.

    Ours is blue where its interval holds the published number, and vermillion where it does not;
    a row that only one side has is shown with what there is. Labels keep the order of `ours`.
    """
    from matplotlib.lines import Line2D

    labels = [*ours, *(name for name in published if name not in ours)]
    figure, (axis,) = rows(labels, [""], title=title, each=0.3)
    for k, name in enumerate(labels):
        share, low, high = 100 * np.array(ours.get(name, NOTHING), float)
        (theirs,) = percent([published.get(name)])
        away = not np.isnan(theirs) and not low - 1e-9 <= theirs <= high + 1e-9
        colour = VERMILLION if away else BLUE
        if not np.isnan(share):
            at = k + APART
            whisker(axis, at, (share, low, high), (0, 100), color=colour, lw=1.8, zorder=3)
            axis.plot(share, at, marker="o", ms=5.5, color=colour, mec="white", mew=0.6, zorder=4)
        axis.plot(theirs, k - APART, ms=5, zorder=5, **MARK)
        if np.isnan([share, theirs]).all():
            said(axis, k, "no number")
        beside(axis, k, f"{_number(theirs)} | {_number(share)}")
    beside(axis, -0.75, "published | ours")
    axis.set(xlim=(-2.5, 102.5), xlabel=plain(label))
    look = {"marker": "o", "lw": 1.8, "ms": 5.5, "mec": "white", "mew": 0.6}
    handles = [Line2D([], [], ms=5, **MARK)]
    handles += [Line2D([], [], color=colour, **look) for colour in (BLUE, VERMILLION)]
    shared_legend(figure, handles, ["published", "ours, interval holds it", "ours, it does not"])
    return figure


def _number(value: float) -> str:
    return "–" if np.isnan(value) else f"{value:.3g}"
