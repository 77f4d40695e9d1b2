"""Figure of the share of diverged runs of configurations at each horizon."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from jaxtyping import Float

from sparsid.report.figures import UNKNOWN, Bounds, DivergedShares
from sparsid.report.render.drawing.rows import horizon
from sparsid.report.render.drawing.style import BLACK, INK, MUTED, blank, colours, shared_legend

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

SIDE_BY_SIDE = 6  # bars at a horizon; with more, published shares are drawn as marks
MARK: dict[str, Any] = {"marker": "D", "mfc": "white", "mec": INK, "mew": 0.9, "ls": "none"}


@dataclass(frozen=True, eq=False)
class Bars:
    """One bar at each horizon, in percent; NaN: none."""

    label: str
    theirs: bool
    numbers: Float[np.ndarray, "horizon 3"]
    marks: Float[np.ndarray, " horizon"]


def diverged_shares(data: DivergedShares, title: str | None) -> "Figure":
    """Share of diverged runs at each horizon with its interval."""
    horizons, shares, published = data.horizons, data.shares, data.published or {}
    marked = len(shares) + len(published) > SIDE_BY_SIDE
    bars = _overlaid(shares, published) if marked else _side_by_side(shares, published)
    shade = colours(dict.fromkeys(group.label for group in bars))
    figure = blank(*((10.0, 4.4 + 0.06 * len(bars)) if marked else (8.0, 4.2)), title=title)
    axis = figure.add_subplot()
    width = (0.86 if marked else 0.8) / max(1, len(bars))
    drawn = []
    for k, group in enumerate(bars):
        at = np.arange(len(horizons)) + (k - (len(bars) - 1) / 2) * width
        drawn.append((group, at, _draw(axis, at, group, 0.92 * width, shade[group.label])))
    top = max((float(np.nanmax(b.numbers[:, 2:], initial=0.0)) for b in bars), default=0.0)
    top = max([top, *(float(np.nanmax(b.marks, initial=0.0)) for b in bars)])
    _scales(axis, horizons, data.dt, max(5.0, 1.16 * top))
    capacity = width * (figure.get_figwidth() - 1.0) / max(1, len(horizons))
    for group, at, _ in drawn:
        _values(axis, at, group, capacity)
    handles = [handle for _, _, handle in drawn]
    named = [f"{group.label}, published" if group.theirs else group.label for group in bars]
    if any(np.isfinite(group.marks).any() for group in bars if not group.theirs):
        handles += axis.plot([], [], ms=4.5, **MARK)
        named.append("published (numbers: ours)")
    shared_legend(figure, handles, named)
    return figure


def percent(shares: Sequence[float | None]) -> Float[np.ndarray, " share"]:
    """Shares as percentages, NaN for None."""
    return np.array([np.nan if share is None else 100 * share for share in shares], float)


def _side_by_side(
    shares: Mapping[str, Sequence[Bounds]], published: Mapping[str, Sequence[float | None]]
) -> list[Bars]:
    """A bar of ours, then of theirs, for each label."""
    bars = []
    for label in dict.fromkeys([*shares, *published]):
        if label in shares:
            ours = _numbers(shares[label])
            bars.append(Bars(label, False, ours, np.full(len(ours), np.nan)))
        if label in published:
            theirs = percent(published[label])
            bars.append(Bars(label, True, np.stack([theirs] * 3, 1), np.full(len(theirs), np.nan)))
    return bars


def _overlaid(
    shares: Mapping[str, Sequence[Bounds]], published: Mapping[str, Sequence[float | None]]
) -> list[Bars]:
    """Theirs as marks over ours; a label that only they have gets a place without a bar."""
    bars = []
    for label in dict.fromkeys([*shares, *published]):
        count = len(shares[label] if label in shares else published[label])
        marks = percent(published.get(label, [None] * count))
        numbers = _numbers(shares.get(label, [UNKNOWN] * count))
        bars.append(Bars(label, label not in shares, numbers, marks))
    return bars


def _numbers(intervals: Sequence[Bounds]) -> np.ndarray:
    return 100 * np.array([tuple(interval) for interval in intervals], float).reshape(-1, 3)


def _draw(axis: "Axes", at: np.ndarray, group: Bars, width: float, colour: str):
    """Draws the bars and marks of one label; returns the handle for the legend."""
    share, low, high = group.numbers.T
    alone = group.theirs and np.isnan(share).all()
    look = {**MARK, "mfc": colour if alone else "white"}
    if np.isfinite(group.marks).any():
        line = axis.plot(at, group.marks, ms=3.8, zorder=6, clip_on=False, **look)
        if alone:
            return line[0]
    if group.theirs:
        return axis.bar(at, share, width, facecolor="white", edgecolor=colour, hatch="////", lw=0.9)
    reach = np.clip([share - low, high - share], 0, None)
    axis.errorbar(at, share, yerr=reach, fmt="none", ecolor=BLACK, elinewidth=0.9, capsize=2.5)
    return axis.bar(at, share, width, facecolor=colour, edgecolor=colour, lw=0.9)


def _scales(axis: "Axes", horizons: Sequence[int], dt: float | None, top: float) -> None:
    from matplotlib.ticker import MaxNLocator

    axis.set_xticks(np.arange(len(horizons)), [horizon(h, dt) for h in horizons])
    axis.set(ylim=(0, top), ylabel="diverged runs [%]")
    axis.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10], integer=True))
    axis.tick_params(axis="x", length=0)
    axis.grid(axis="x", visible=False)
    axis.margins(x=0.02)


def _values(axis: "Axes", at: np.ndarray, group: Bars, capacity: float) -> None:
    """The numbers above the bars, rotated if wider than `capacity` (inches); – for NaN.

    A number is moved above a mark at its position.
    """
    turned = capacity < 0.31
    size = min(7.5, 66 * capacity)
    if size < 4.5:
        return
    point = axis.get_ylim()[1] / 200  # percent, about
    reach = (3.2 * size if turned else 1.3 * size) * point
    look: dict[str, Any] = {"textcoords": "offset points", "ha": "center", "va": "bottom"}
    look |= {"fontsize": size, "color": MUTED if group.theirs else INK, "rotation": 90 * turned}
    for x, (value, _, high), mark in zip(at, group.numbers, group.marks, strict=True):
        shown = mark if np.isnan(value) else value
        above = np.fmax(high, shown)
        stepped = above - 4 * point < mark < above + reach + 5 * point
        if not np.isfinite(shown):
            axis.annotate("–", (x, 0), (0, 3), **look)
            continue
        place = (x, max(above, mark) if stepped else above)
        axis.annotate(f"{shown:.3g}", place, (0, 5 if stepped else 3), **look)
