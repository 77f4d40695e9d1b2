"""Style of all figures: colours, sizes, panels, labels, and saving to files."""

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
INDIGO, MAROON = "#332288", "#661100"  # two darker ones, equally distinguishable
_STRONG = (BLUE, VERMILLION, GREEN, PURPLE, ORANGE, SKY, INDIGO, MAROON)
_LIGHT = ("#8CC0DC", "#ECB78C", "#8CD3C0", "#E8C3D7", "#F4D48C", "#B3DDF5", "#A39CC9", "#BA948C")
CYCLE = _STRONG + _LIGHT  # lighter variants of the same hues from the ninth on
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
    "svg.fonttype": "path",  # independent of installed fonts
    "svg.hashsalt": "sparsid",  # reproducible files
}


@dataclass(frozen=True)
class Saved:
    """The files of one figure."""

    png: Path
    svg: Path


@contextmanager
def styled() -> Iterator[None]:
    """Context in which figures have this module's style, regardless of the user's settings."""
    import matplotlib

    with matplotlib.rc_context(RC):  # pyright: ignore[reportArgumentType]
        yield


def blank(width: float, height: float, *, title: str | None = None) -> "Figure":
    """An empty figure (size in inches) that needs neither a display nor pyplot."""
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
    """A figure of `count` panels with a shared time axis."""
    columns = max(1, min(columns, count))
    rows = max(1, -(-count // columns))
    figure = blank(10.0, 0.9 + height * rows, title=title)
    axes = figure.subplots(rows, columns, sharex=True, squeeze=False).ravel()
    for unused in axes[count:]:
        unused.set_visible(False)
    # With an incomplete last row, the panel above an empty place has its own time axis.
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
    """Text with escaped dollar signs, so that Matplotlib does not parse formulas."""
    return str(text).replace("$", r"\$")


def pretty(name: str, unit: str | None = None) -> str:
    """A channel's name and unit for labels."""
    shown = literal(name).replace("_", " ")
    return f"{shown} [{literal(unit).replace('degC', '°C')}]" if unit else shown


def wrapped(text: str, width: int = 34) -> str:
    """Text with escaped dollar signs, wrapped to `width` characters."""
    return literal("\n".join(wrap(str(text), width)))


def clock(time_s: np.ndarray) -> tuple[np.ndarray, str]:
    """Times in a unit that suits their range, and the axis label with this unit."""
    time_s = np.asarray(time_s, float)
    span = float(np.ptp(time_s)) if time_s.size else 0.0
    for above, length, unit in ((3 * 86400, 86400, "d"), (3 * 3600, 3600, "h"), (180, 60, "min")):
        if span >= above:
            return time_s / length, f"time [{unit}]"
    return time_s, "time [s]"


def shared_legend(figure: "Figure", handles: list, labels: Sequence[str], columns: int = 5) -> None:
    """One legend for the entire figure: next to its title, or below if it does not fit there."""
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
    """Writes `name`.png and `name`.svg atomically into the folder.

    Equal figures give equal bytes. Raises SparsidError if the files cannot be written.
    """
    saved = Saved(Path(folder) / f"{name}.png", Path(folder) / f"{name}.svg")
    with styled():
        with atomic_write(saved.png) as part:
            figure.savefig(part, format="png", dpi=DPI, metadata={"Software": "sparsid"})
        with atomic_write(saved.svg) as part:
            # No date and no version of Matplotlib, which would change the bytes.
            figure.savefig(part, format="svg", metadata={"Date": None, "Creator": "sparsid"})
    return saved
