"""Figures of time series: states with free runs of ensembles, and inputs."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import numpy as np

from sparsid.data.median import median_run
from sparsid.report.figures import Inputs, Trajectories
from sparsid.report.render.drawing.style import (
    BLACK,
    BLUE,
    MUTED,
    clock,
    colours,
    label_time,
    panels,
    pretty,
    shared_legend,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

POINTS = 500  # lines are downsampled to about as many points, which keeps files small
MARGIN = 0.3  # above and below the truth, as a share of its range


def trajectories(data: Trajectories, title: str | None) -> "Figure":
    """For each state the truth, and each ensemble's members with their median."""
    truth = np.asarray(data.truth, float)
    time, time_label = clock(data.time_s)
    figure, axes = panels(truth.shape[1], title=title)
    shade, left = colours(data.ensembles), False
    middle = {label: median_run(np.asarray(runs, float)) for label, runs in data.ensembles.items()}
    faint = 0.35 if len(data.ensembles) > 1 else 0.55
    for i, axis in enumerate(axes):
        low, high = _limits(truth[:, i])
        for label, runs in reversed(list(data.ensembles.items())):  # the first is drawn on top
            seen = np.asarray(runs, float)[:, :, i]
            median = middle[label][:, i]
            left |= _ensemble(axis, time, seen, median, low, high, shade[label], faint)
        axis.plot(*_thinned(time, truth[:, i]), color=BLACK, lw=1.3, ls=(0, (4, 1.6)), zorder=4)
        axis.set_ylim(low, high)
        axis.margins(x=0.01)
        axis.set_title(pretty(data.names[i], data.units[i] if data.units else None))
    label_time(axes, time_label)
    _legend(figure, shade, left)
    return figure


def inputs(data: Inputs, title: str | None) -> "Figure":
    """A panel for each input (zero-order hold)."""
    u = np.asarray(data.u, float)
    time, time_label = clock(data.time_s)
    figure, axes = panels(u.shape[1], title=title, height=1.45)
    for i, axis in enumerate(axes):
        axis.plot(*_held(time, u[:, i]), color=BLUE, lw=1.0)
        axis.margins(x=0.01)
        axis.set_title(pretty(data.names[i], data.units[i] if data.units else None))
    label_time(axes, time_label)
    return figure


def _ensemble(
    axis: "Axes",
    time: np.ndarray,
    runs: np.ndarray,
    median: np.ndarray,
    low: float,
    high: float,
    colour: str,
    faint: float,
) -> bool:
    """Draws the members and their median; returns whether a run leaves the axes."""
    if len(runs) > 1:
        for run in runs:
            axis.plot(*_thinned(time, _within(run, low, high)), color=colour, lw=0.6, alpha=faint)
    middle = _within(median, low, high)
    axis.plot(*_thinned(time, middle), color=colour, lw=1.5, zorder=3)
    exits = [found for run in runs if (found := _left_at(run, low, high)) is not None]
    look = {"color": colour, "ms": 5, "mec": "white", "mew": 0.4, "clip_on": False, "zorder": 5}
    for at, upward in exits:
        axis.plot(time[at], high if upward else low, marker="^" if upward else "v", **look)
    return bool(exits)


def _legend(figure: "Figure", shade: Mapping[str, str], left: bool) -> None:
    from matplotlib.lines import Line2D

    handles = [Line2D([], [], color=BLACK, lw=1.3, ls=(0, (4, 1.6)))]
    handles += [Line2D([], [], color=colour, lw=1.5) for colour in shade.values()]
    if left:
        handles.append(Line2D([], [], color=MUTED, marker="^", ls="none", ms=5))
    shared_legend(figure, handles, ["truth", *shade, *(["a run leaves the axes"] if left else [])])


def _limits(truth: np.ndarray) -> tuple[float, float]:
    """The truth's range with a margin; a default range if it is constant or empty."""
    known = truth[np.isfinite(truth)]
    if not known.size:
        return -1.0, 1.0
    low, high = float(known.min()), float(known.max())
    least = 1e-3 * max(abs(low), abs(high)) or 1.0
    span = max(high - low, least)
    return low - MARGIN * span, high + MARGIN * span


def _within(run: np.ndarray, low: float, high: float) -> np.ndarray:
    """The run clipped a little outside the axes, so that huge values are drawn as steep lines."""
    span = high - low
    return np.clip(run, low - span, high + span)


def _left_at(run: np.ndarray, low: float, high: float) -> tuple[int, bool] | None:
    """The sample after which a run stays outside, and whether it left upwards; None: it did not.

    A run that becomes NaN leaves at the nearer edge.
    """
    inside = np.flatnonzero((run >= low) & (run <= high))
    first = int(inside[-1]) + 1 if inside.size else 0
    if first == len(run):
        return None
    seen = run[first] if not np.isnan(run[first]) else run[max(first - 1, 0)]
    return first, bool(seen > (low + high) / 2)


def _held(time: np.ndarray, line: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The corners of a zero-order-hold line; downsampled if it changes at most samples."""
    changes = np.flatnonzero(np.diff(line)) + 1
    if len(changes) > 2 * POINTS:
        return _thinned(time, line)
    before = np.concatenate([line[:1], line[changes]])
    corners = np.concatenate([time[:1], np.repeat(time[changes], 2), time[-1:]])
    return corners, np.repeat(before, 2)


def _thinned(time: np.ndarray, line: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """The line downsampled to the minima and maxima of short segments, which keeps all peaks."""
    length = 2 * len(line) // POINTS
    if length < 3:
        return time, line
    whole = len(line) // length * length
    stretches = line[:whole].reshape(-1, length)
    starts = length * np.arange(len(stretches))
    lows = starts + np.where(np.isnan(stretches), np.inf, stretches).argmin(axis=1)
    highs = starts + np.where(np.isnan(stretches), -np.inf, stretches).argmax(axis=1)
    rest = np.arange(whole, len(line))
    kept = np.unique(np.concatenate([[0], lows, highs, rest, [len(line) - 1]]))
    return time[kept], line[kept]
