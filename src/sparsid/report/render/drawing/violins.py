"""Figure of the distribution of errors of the runs that did not diverge."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from sparsid.report.figures import ErrorViolins
from sparsid.report.render.drawing.rows import empty_row, horizon, log_ticks, margin_note, rows
from sparsid.report.render.drawing.style import INK, colours, literal

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

HALF = 0.4  # half the height of a violin, in rows
FEWEST = 5  # fewer runs are drawn as dots
POINTS = 64  # along a violin


def error_violins(data: ErrorViolins, title: str | None) -> "Figure":
    """A panel for each horizon, a violin for each configuration, on a logarithmic axis."""
    horizons, errors, counts = data.horizons, data.errors, data.counts or {}
    shade = colours(errors)
    figure, axes = rows(
        list(errors), [horizon(h, data.dt) for h in horizons], title=title, each=0.34
    )
    kept = {
        (name, h): _finite(given[h])
        for name, given in errors.items()
        for h in horizons
        if h in given
    }
    low, high = _range([value for found in kept.values() for value in found])
    for axis, at in zip(axes, horizons, strict=False):  # without a horizon, an empty panel
        for k, name in enumerate(errors):
            found = kept.get((name, at))
            if found is None:
                empty_row(axis, k, "not given")
                continue
            if found.size:
                _violin(axis, k, np.maximum(found, low), shade[name])
            else:
                empty_row(axis, k, "all diverged")
            margin_note(
                axis, k, f"{found.size}/{counts[name]}" if name in counts else str(found.size)
            )
        margin_note(axis, -0.75, "runs")
    for axis in axes:
        axis.set(xscale="log", xlim=(low, high))
        log_ticks(axis.xaxis, low, high)
    figure.supxlabel(literal(data.label), fontsize=9)
    return figure


def _finite(errors: np.ndarray) -> np.ndarray:
    errors = np.asarray(errors, float).ravel()
    return errors[np.isfinite(errors)]


def _range(values: Sequence[float]) -> tuple[float, float]:
    """Limits of the logarithmic axis; errors of zero are drawn at its left end."""
    positive = [value for value in values if value > 0]
    if not positive:
        return 0.01, 1.0
    return min(positive) / 1.25, max(positive) * 1.25


def _violin(axis: "Axes", row: int, errors: np.ndarray, colour: str) -> None:
    size = np.log10(errors)
    if len(errors) < FEWEST or np.ptp(size) < 1e-9:
        axis.plot(errors, np.full(len(errors), row), "o", ms=3, color=colour, alpha=0.6, mew=0)
    else:
        from scipy.stats import gaussian_kde

        grid = np.linspace(size.min(), size.max(), POINTS)
        heights = gaussian_kde(size)(grid)  # of Scott's width
        thick = HALF * heights / heights.max()
        look = {"facecolor": colour, "alpha": 0.6, "edgecolor": colour, "lw": 0.7}
        axis.fill_between(10**grid, row - thick, row + thick, **look)
    lower, middle, upper = np.quantile(errors, (0.25, 0.5, 0.75))
    axis.plot([lower, upper], [row, row], color=INK, lw=2.4, solid_capstyle="butt", zorder=3)
    axis.plot(middle, row, "o", ms=4, color="white", mec=INK, mew=0.8, zorder=4)
