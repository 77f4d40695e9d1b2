"""Layout of comparisons: a row for each configuration, and panels with shared axes."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from sparsid.report.figures import Bounds
from sparsid.report.render.drawing.style import MUTED, blank, literal, wrapped

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.axis import Axis
    from matplotlib.figure import Figure


def rows(
    labels: Sequence[str], columns: Sequence[str], *, title: str | None = None, each: float = 0.3
) -> "tuple[Figure, list[Axes]]":
    """Panels with titles `columns` and shared axes; row k is at y = k, from the top.

    `each` is the minimum height of a row, in inches.
    """
    names = [wrapped(label) for label in labels]
    lines = max((name.count("\n") + 1 for name in names), default=1)
    heads = max((column.count("\n") + 1 for column in columns), default=1)
    width = 7.5 if len(columns) == 1 else 10.0
    height = 1.15 + 0.16 * heads + max(each, 0.15 * lines + 0.05) * max(1, len(labels))
    figure = blank(width, max(2.3, height), title=title)
    count = max(1, len(columns))
    axes = list(figure.subplots(1, count, sharex=True, sharey=True, squeeze=False)[0])
    axes[0].set_yticks(np.arange(len(names)), names)
    axes[0].set_ylim(max(1, len(names)) - 0.5, -0.5)
    for axis, column in zip(axes, columns, strict=False):
        axis.set_title(literal(column))
        axis.tick_params(axis="y", length=0)
        axis.grid(axis="y", visible=False)
        for k in range(0, len(names), 2):
            axis.axhspan(k - 0.5, k + 0.5, color="#F6F6F6", lw=0, zorder=0)
    return figure, axes


def empty_row(axis: "Axes", row: int, text: str) -> None:
    """Text in the middle of a row without data."""
    at = {"transform": axis.get_yaxis_transform(), "va": "center", "ha": "center"}
    axis.text(0.5, row, literal(text), color=MUTED, fontsize=7.5, fontstyle="italic", **at)


def margin_note(axis: "Axes", row: float, text: str) -> None:
    """Small text to the right of a row."""
    at = {"transform": axis.get_yaxis_transform(), "va": "center", "ha": "left"}
    axis.text(1.02, row, literal(text), color=MUTED, fontsize=7, clip_on=False, **at)


def span(values: Sequence[float], *, least: float = 0.0) -> tuple[float, float]:
    """Limits around the finite values, with a margin; at least `least` apart."""
    known = np.array([value for value in values if np.isfinite(value)] or [0.0])
    middle, half = (known.max() + known.min()) / 2, (max(np.ptp(known), least) or 2.0) / 2
    return float(middle - 1.08 * half), float(middle + 1.08 * half)


def whisker(
    axis: "Axes", row: float, interval: Bounds, limits: tuple[float, float], **look
) -> None:
    """A line between the ends of an interval; an infinite or NaN end extends out of the panel."""
    low, high = limits
    ends = np.where(np.isnan(interval[1:]), [-np.inf, np.inf], interval[1:])
    ends = np.clip(ends, low - (high - low), high + (high - low))
    axis.plot(ends, [row, row], solid_capstyle="butt", **look)


def horizon(samples: int, dt: float | None) -> str:
    """A horizon in samples, and as a time if the sampling time `dt` (s) is given."""
    text = f"{samples} samples"
    if dt is None:
        return text
    amount, unit = next(
        (samples * dt / length, unit)
        for length, unit in ((3600, "h"), (60, "min"), (1, "s"))
        if samples * dt >= length or length == 1
    )
    return f"{text}\n{amount:.3g} {unit}"


def log_ticks(axis: "Axis", low: float, high: float) -> None:
    """Plain numbers as ticks of a logarithmic axis, fewer of them over a wider range."""
    from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

    decades = np.log10(high / low)
    between = (1.0, 2.0, 5.0) if decades < 1.3 else (1.0, 3.0) if decades < 2.2 else (1.0,)
    axis.set_major_locator(LogLocator(subs=between, numticks=7))
    axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axis.set_minor_formatter(NullFormatter())
