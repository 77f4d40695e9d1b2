"""Figures that compare configurations: differences, and error against sparsity."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from sparsid.report.figures import Bounds, Differences, Seeds, SparsityAgainstError
from sparsid.report.render.drawing.rows import (
    empty_row,
    log_ticks,
    margin_note,
    rows,
    span,
    whisker,
)
from sparsid.report.render.drawing.style import (
    BLUE,
    MUTED,
    blank,
    colours,
    literal,
    wrapped,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

HUGE = 1e300  # replaces infinity in interpolation
MARKERS = ("o", "s", "^", "v")  # one for each cycle of eight colours


def differences(data: Differences, title: str | None) -> "Figure":
    """A row for each pair: its difference with interval, and a line at zero."""
    figure, axes = rows(data.labels, list(data.differences), title=title, each=0.28)
    every = [end for given in data.differences.values() for interval in given for end in interval]
    limits = span([0.0, *every])
    for axis, given in zip(axes, data.differences.values(), strict=False):
        axis.axvline(0, color=MUTED, lw=0.9, zorder=1)
        for k, interval in enumerate(given):
            if not np.isfinite(interval[0]):
                empty_row(axis, k, "no number")
                continue
            _difference(axis, k, interval, limits)
            if len(data.differences) == 1:
                margin_note(axis, k, _written(interval))
    axes[0].set_xlim(*limits)
    figure.supxlabel(literal(data.label), fontsize=9)
    return figure


def sparsity_against_error(data: SparsityAgainstError, title: str | None) -> "Figure":
    """Error and share of diverged runs against the share of zero weights."""
    points = data.points
    from matplotlib.lines import Line2D

    named = [wrapped(name, 30) for name in points]
    if any(not np.isfinite(seeds.rfmse).all() for seeds in points.values()):
        named.append("all runs diverged")
    lines = sum(name.count("\n") + 1 for name in named)
    figure = blank(10.0, max(4.0, 0.9 + 0.2 * lines), title=title)
    error, share = figure.subplots(1, 2)
    shade = colours(points)
    low, high = _errors_seen(points)
    handles = []
    for k, (name, seeds) in enumerate(points.items()):
        look: dict[str, Any] = {"color": shade[name], "marker": MARKERS[k // 8 % len(MARKERS)]}
        zeros = 100 * np.asarray(seeds.zeros, float)
        wrong = np.asarray(seeds.rfmse, float)
        _cloud(error, zeros, np.where(np.isnan(wrong), np.inf, wrong), look, low, high)
        _cloud(share, zeros, 100 * np.asarray(seeds.diverged, float), look, 0, np.inf)
        handles.append(Line2D([], [], ls="none", ms=6, mec="black", mew=0.5, **look))
    error.set(yscale="log", ylim=(low, high), ylabel="RFMSE [standard deviations]")
    log_ticks(error.yaxis, low, high)
    share.set(ylabel="diverged runs [%]", ylim=(-3, 103))
    across = span([100 * value for seeds in points.values() for value in seeds.zeros], least=10)
    for axis in (error, share):
        axis.set(xlabel="weights that are zero [%]", xlim=across)
    if len(named) > len(handles):
        handles.append(Line2D([], [], ls="none", ms=6, color=MUTED, marker="^"))
    if handles:
        figure.legend(handles, named, loc="outside right lower")
    return figure


def _difference(axis: "Axes", row: int, interval: Bounds, limits: tuple[float, float]) -> None:
    apart = interval[1] > 0 or interval[2] < 0
    colour = BLUE if apart else MUTED
    whisker(axis, row, interval, limits, color=colour, lw=1.6, zorder=3)
    fill = colour if apart else "white"
    axis.plot(interval[0], row, "o", ms=5.5, mew=1.2, mfc=fill, mec=colour, zorder=4)


def _written(interval: Bounds) -> str:
    middle, low, high = (
        "–" if np.isnan(end) else f"{end:+.3g}".replace("-", "−").replace("inf", "∞")
        for end in interval
    )
    return f"{middle}  [{low}, {high}]"


def _errors_seen(points: Mapping[str, Seeds]) -> tuple[float, float]:
    seen = np.concatenate([np.ravel(seeds.rfmse) for seeds in points.values()] or [np.ones(0)])
    known = seen[np.isfinite(seen) & (seen > 0)]
    if not known.size:
        return 0.01, 1.0
    return float(known.min()) / 1.3, float(known.max()) * 1.5


def _cloud(
    axis: "Axes", across: np.ndarray, up: np.ndarray, look: dict[str, Any], low: float, high: float
) -> None:
    """The networks and their medians; values above `high` are drawn at the edge."""
    above_axis = up > high
    edge: dict[str, Any] = {**look, "marker": "^", "clip_on": False}
    seen = ~above_axis
    axis.plot(across[seen], np.maximum(up[seen], low), ms=3.5, mew=0, alpha=0.4, ls="", **look)
    for x in across[above_axis]:
        axis.plot(x, high, ms=4.5, mew=0, alpha=0.4, **edge)
    if not len(up):
        return
    left, x, right = _quartiles(across)
    below, y, above = np.clip(_quartiles(up), low, 2 * high)
    line = {"color": look["color"], "lw": 1.1, "zorder": 3}
    axis.plot([x, x], [below, above], **line)
    if y <= high:
        axis.plot([left, right], [y, y], **line)
    strong = look if y <= high else edge
    axis.plot(x, min(y, high), ms=6.5, mec="black", mew=0.6, zorder=4, **strong)


def _quartiles(values: np.ndarray) -> np.ndarray:
    """Quartiles and median, in order; infinite if interpolated with an infinite value."""
    found = np.quantile(np.where(np.isfinite(values), values, HUGE), (0.25, 0.5, 0.75))
    return np.where(found > HUGE / 1e9, np.inf, found)
