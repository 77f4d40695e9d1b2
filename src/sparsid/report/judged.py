"""Figures of how free runs are judged: error against time, and the share of diverged runs."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
from jaxtyping import Float

from sparsid.report.style import (
    BLACK,
    INK,
    MUTED,
    blank,
    clock,
    colours,
    legend_above,
    plain,
    styled,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

type Interval = tuple[float, float, float]  # share, lower and upper end

POINTS = 800


@styled
def error_growth(
    time_s: Float[np.ndarray, " T"],
    errors: Mapping[str, Float[np.ndarray, "run T"]],
    *,
    title: str | None = None,
    label: str = "error [standard deviations]",
    limit: tuple[float, str] | None = None,
) -> "Figure":
    """Median and 10 to 90 % band of e(t) over the runs, on a logarithmic axis.

    A run counts as infinitely wrong from where it is not finite: it is not left out. `limit` is an
    error to draw a line at, and what it says.
    """
    time, time_label = clock(time_s)
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
        axis.annotate(plain(limit[1]), (0.01, limit[0]), (0, 3), color=MUTED, fontsize=8, **look)
    axis.set(yscale="log", ylim=(low, high), xlabel=time_label, ylabel=plain(label))
    axis.margins(x=0.01)
    named = [f"{name} (median, 10–90 % of {len(errors[name])} runs)" for name in errors]
    axis.legend(handles, [plain(text) for text in named], loc="lower right")
    return figure


@styled
def diverged_share(
    horizons: Sequence[int],
    shares: Mapping[str, Sequence[Interval]],
    *,
    published: Mapping[str, Sequence[float | None]] | None = None,
    dt: float | None = None,
    title: str | None = None,
) -> "Figure":
    """Share of diverged runs at each horizon (samples) with its interval; all shares in 0..1.

    `published` shares stand beside them, hatched; where one goes by the same label as ours, it
    has its colour. With the sampling time `dt` (s), horizons are named as times too.
    """
    from matplotlib.ticker import MaxNLocator

    published = published or {}
    figure = blank(8.0, 4.2, title=title)
    axis = figure.add_subplot()
    shade = colours([*shares, *(label for label in published if label not in shares)])
    bars = [
        (label, theirs)
        for label in shade
        for theirs in (False, True)
        if label in (published if theirs else shares)
    ]
    width = 0.8 / max(1, len(bars))
    top, handles, named = 0.0, [], []
    for k, (label, theirs) in enumerate(bars):
        at = np.arange(len(horizons)) + (k - (len(bars) - 1) / 2) * width
        if theirs:
            values = [(np.nan if s is None else s) for s in published[label]]
            whiskers = [(v, v, v) for v in values]
        else:
            whiskers = [tuple(map(float, interval)) for interval in shares[label]]
        numbers = 100 * np.array(whiskers, float).reshape(-1, 3)
        handles.append(_bars(axis, at, numbers, 0.92 * width, shade[label], theirs))
        named.append(f"{label}, published" if theirs else label)
        top = max(top, float(np.nanmax(numbers, initial=0.0)))
    axis.set_xticks(np.arange(len(horizons)), [_horizon(h, dt) for h in horizons])
    axis.set(ylim=(0, max(5.0, 1.12 * top)), ylabel="diverged runs [%]")
    axis.yaxis.set_major_locator(MaxNLocator(6, steps=[1, 2, 5, 10], integer=True))
    axis.tick_params(axis="x", length=0)
    axis.grid(axis="x", visible=False)
    legend_above(figure, handles, named)
    return figure


def _bars(
    axis: "Axes", at: np.ndarray, numbers: np.ndarray, width: float, colour: str, theirs: bool
):
    share, low, high = numbers.T
    if theirs:
        look = {"facecolor": "white", "edgecolor": colour, "hatch": "////", "lw": 0.9}
    else:
        look = {"facecolor": colour, "edgecolor": colour, "lw": 0.9}
    drawn = axis.bar(at, share, width, **look)
    if not theirs:
        reach = np.clip([share - low, high - share], 0, None)
        axis.errorbar(at, share, yerr=reach, fmt="none", ecolor=BLACK, elinewidth=0.9, capsize=2.5)
    for x, value, above in zip(at, share, high, strict=True):
        if np.isfinite(value):
            axis.annotate(
                f"{value:.3g}",
                (x, above),
                (0, 3),
                textcoords="offset points",
                ha="center",
                fontsize=7.5,
                color=MUTED if theirs else INK,
            )
    return drawn


def _horizon(samples: int, dt: float | None) -> str:
    text = f"{samples} samples"
    if dt is None:
        return text
    amount, unit = next(
        (samples * dt / length, unit)
        for length, unit in ((3600, "h"), (60, "min"), (1, "s"))
        if samples * dt >= length or length == 1
    )
    return f"{text}\n{amount:.3g} {unit}"


def _quantiles(runs: np.ndarray, shares: Sequence[float]) -> np.ndarray:
    """Quantiles over runs by counting (no interpolation), so that infinities stay infinities."""
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
    """Evenly spaced places, first and last among them."""
    return np.unique(np.linspace(0, max(count - 1, 0), min(count, POINTS)).astype(int))
