"""Figure of the error of free runs over time."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np

from sparsid.report.figures import ErrorGrowth
from sparsid.report.render.drawing.style import MUTED, blank, clock, colours, literal

if TYPE_CHECKING:
    from matplotlib.figure import Figure

POINTS = 800


def error_growth(data: ErrorGrowth, title: str | None) -> "Figure":
    """Median and 10 to 90 % band of e(t) over the runs, on a logarithmic axis."""
    errors, limit = data.errors, data.limit
    time, time_label = clock(data.time_s)
    chosen = _even(len(time))
    figure = blank(8.0, 4.2, title=title)
    axis = figure.add_subplot()
    bands = {
        name: _quantiles(np.asarray(runs, float)[:, chosen], (0.1, 0.5, 0.9))
        for name, runs in errors.items()
    }
    low, high = _decades(bands, limit[0] if limit else None)
    shade, handles = colours(errors), []
    for name, (lower, middle, upper) in bands.items():
        axis.fill_between(
            time[chosen],
            np.clip(lower, low, high),
            np.clip(upper, low, high),
            color=shade[name],
            alpha=0.18,
            lw=0,
        )
        shown = np.where(middle > 0, np.minimum(middle, 2 * high), np.nan)
        handles += axis.plot(time[chosen], shown, color=shade[name], lw=1.7)
    if limit is not None:
        axis.axhline(limit[0], color=MUTED, lw=0.9, ls=(0, (4, 3)))
        look = {"xycoords": axis.get_yaxis_transform(), "textcoords": "offset points"}
        axis.annotate(literal(limit[1]), (0.01, limit[0]), (0, 3), color=MUTED, fontsize=8, **look)
    axis.set(yscale="log", ylim=(low, high), xlabel=time_label, ylabel=literal(data.label))
    axis.margins(x=0.01)
    named = [f"{name} (median, 10–90 % of {len(errors[name])} runs)" for name in errors]
    axis.legend(handles, [literal(text) for text in named], loc="lower right")
    return figure


def _quantiles(runs: np.ndarray, shares: Sequence[float]) -> np.ndarray:
    """Quantiles over runs without interpolation, so that infinite values stay infinite."""
    ordered = np.sort(np.where(np.isnan(runs), np.inf, runs), axis=0)
    return np.stack([ordered[round(share * (len(runs) - 1))] for share in shares])


def _decades(bands: Mapping[str, np.ndarray], threshold: float | None) -> tuple[float, float]:
    """Limits of the error axis: from the smallest lower end after the start to the largest
    finite value, but no further than three decades above a median or the threshold."""
    lows, medians, highs = [], [], []
    for lower, middle, upper in bands.values():
        lows += [v for v in lower[len(lower) // 50 :] if 0 < v < np.inf]
        medians += [v for v in middle if 0 < v < np.inf]
        highs += [v for v in upper if 0 < v < np.inf]
    if not highs:
        return 1e-3, 10.0
    centre = float(np.median(medians)) if medians else min(highs)
    ceiling = max(10 * centre, 30.0 if threshold is None else 10 * threshold)
    high = max(min(2 * max(highs), ceiling), 0.0 if threshold is None else 2 * threshold)
    low = max(min(lows, default=high / 100) / 1.5, 1e-5 * high)
    return low, max(high, 10 * low)


def _even(count: int) -> np.ndarray:
    """Evenly spaced indices, including the first and the last."""
    return np.unique(np.linspace(0, max(count - 1, 0), min(count, POINTS)).astype(int))
