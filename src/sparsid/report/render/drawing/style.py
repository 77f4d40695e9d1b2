"""One look for all figures: colours, sizes, panels, names as text, and saving to files."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from textwrap import wrap
from typing import TYPE_CHECKING

import numpy as np

from sparsid._files import atomic_write

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

# Okabe and Ito's palette, which colour-blind readers can tell apart.
BLUE, VERMILLION, GREEN, PURPLE = "#0072B2", "#D55E00", "#009E73", "#CC79A7"
ORANGE, SKY, BLACK = "#E69F00", "#56B4E9", "#000000"
INDIGO, MAROON = "#332288", "#661100"  # two darker ones, as far from these as they are apart
_STRONG = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY, INDIGO, MAROON)
_LIGHT = ("#8CC0DC", "#ECB78C", "#8CD3C0", "#E8C3D7", "#F4D48C", "#B3DDF5", "#A39CC9", "#BA948C")
CYCLE = _STRONG + _LIGHT  # from the ninth on the same hues again, in the same order, lighter
INK, MUTED, FAINT = "#222222", "#6B6B6B", "#D9D9D9"

DPI = 150

RC = {
    "font.family": ["DejaVu Sans"],
    "font.size": 9,
    "text.color": INK,
    "axes.titlesize": 9.5,
    "axes.titlelocation": "left",
    "axes.labelsize": 9,
    "axes.labelcolor": INK,
    "axes.edgecolor": "#9A9A9A",
    "axes.linewidth": 0.7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": True,
    "axes.axisbelow": True,
    "grid.color": "#E6E6E6",
    "grid.linewidth": 0.6,
    "xtick.labelsize": 8,
    "ytick.labelsize": 8,
    "xtick.color": "#9A9A9A",
    "ytick.color": "#9A9A9A",
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.major.width": 0.7,
    "ytick.major.width": 0.7,
    "legend.frameon": False,
    "legend.fontsize": 9,
    "hatch.linewidth": 0.7,
    "figure.titlesize": 11.5,
    "figure.dpi": DPI,
    "figure.facecolor": "white",
    "savefig.facecolor": "white",
    "svg.fonttype": "path",  # looks the same everywhere
    "svg.hashsalt": "sparsid",  # the same figure gives the same file
}


@dataclass(frozen=True)
class Saved:
    """Where one figure was written."""

    png: Path
    svg: Path


@contextmanager
def styled() -> Iterator[None]:
    """What is drawn in it has this module's style, whatever the user has set."""
    import matplotlib

    with matplotlib.rc_context(RC):  # pyright: ignore[reportArgumentType]
        yield


def blank(width: float, height: float, *, title: str | None = None) -> "Figure":
    """An empty figure (inches) that needs neither a screen nor pyplot."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(width, height), dpi=DPI, layout="constrained")
    FigureCanvasAgg(figure)
    if title:
        figure.suptitle(wrapped(title, int(8.5 * width)), x=0.01, ha="left", fontweight="bold")
    return figure


def panels(
    count: int, *, title: str | None = None, columns: int = 2, height: float = 1.7
) -> "tuple[Figure, list[Axes]]":
    """A figure of `count` panels that share their time axis."""
    columns = max(1, min(columns, count))
    rows = max(1, -(-count // columns))
    figure = blank(10.0, 0.9 + height * rows, title=title)
    axes = figure.subplots(rows, columns, sharex=True, squeeze=False).ravel()
    for unused in axes[count:]:
        unused.set_visible(False)
    # With an incomplete last row, the panel above the hole carries the time axis itself.
    for axis in axes[max(0, count - columns) : count]:
        axis.tick_params(labelbottom=True)
    return figure, list(axes[:count])


def label_time(axes: "list[Axes]", label: str) -> None:
    """The label of the shared time axis, under the last row of panels."""
    for axis in axes:
        if axis.get_subplotspec().is_last_row():  # pyright: ignore[reportOptionalMemberAccess]
            axis.set_xlabel(label)


def colours(labels: Iterable[str]) -> dict[str, str]:
    """A colour for each label, in order."""
    return {label: CYCLE[i % len(CYCLE)] for i, label in enumerate(labels)}


def literal(text: str) -> str:
    """Text that Matplotlib shows as it is written: a dollar sign starts no formula."""
    return str(text).replace("$", r"\$")


def pretty(name: str, unit: str | None = None) -> str:
    """A channel's name and unit, for people."""
    shown = literal(name).replace("_", " ")
    return f"{shown} [{literal(unit).replace('degC', '°C')}]" if unit else shown


def wrapped(text: str, width: int = 34) -> str:
    """Text as it is written, long ones in several lines."""
    return literal("\n".join(wrap(str(text), width)))


def clock(time_s: np.ndarray) -> tuple[np.ndarray, str]:
    """Times in the unit that suits their span, and the axis label that says it."""
    time_s = np.asarray(time_s, float)
    span = float(np.ptp(time_s)) if time_s.size else 0.0
    for above, length, unit in ((3 * 86400, 86400, "d"), (3 * 3600, 3600, "h"), (180, 60, "min")):
        if span >= above:
            return time_s / length, f"time [{unit}]"
    return time_s, "time [s]"


def shared_legend(figure: "Figure", handles: list, labels: Sequence[str], columns: int = 5) -> None:
    """One legend for the whole figure: beside its title, or below where both have no room there."""
    shown = [wrapped(label, 44) for label in labels]
    longest = max((len(line) for text in shown for line in text.split("\n")), default=1)
    fit = int(figure.get_figwidth() / (0.5 + 0.078 * longest))
    look = {
        "ncols": max(1, min(columns, fit, len(labels))),
        "handlelength": 1.8,
        "columnspacing": 1.4,
    }
    legend = figure.legend(handles, shown, loc="outside upper right", **look)
    title = figure.get_suptitle()
    taken = legend.get_window_extent().width
    if title:
        taken += figure.texts[0].get_window_extent().width + 0.3 * DPI
    if taken > figure.bbox.width or len(labels) > 2 * look["ncols"]:
        legend.remove()
        figure.legend(handles, shown, loc="outside lower center", **look)


def save(figure: "Figure", folder: str | Path, name: str) -> Saved:
    """Writes `name`.png and `name`.svg into the folder, each whole or not at all.

    The same figure gives the same bytes. Raises SparsidError if they cannot be written.
    """
    saved = Saved(Path(folder) / f"{name}.png", Path(folder) / f"{name}.svg")
    with styled():
        with atomic_write(saved.png) as part:
            figure.savefig(part, format="png", dpi=DPI, metadata={"Software": "sparsid"})
        with atomic_write(saved.svg) as part:
            # A date would make every file another; the creator names a version and an address.
            figure.savefig(part, format="svg", metadata={"Date": None, "Creator": "sparsid"})
    return saved
