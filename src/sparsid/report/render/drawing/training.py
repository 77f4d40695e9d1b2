"""Figure of training: losses and free-run error against the epoch."""

from typing import TYPE_CHECKING

import numpy as np

from sparsid.report.figures import TrainingHistory
from sparsid.report.render.drawing.style import blank, colours, literal, shared_legend

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


def training_history(data: TrainingHistory, title: str | None) -> "Figure":
    """Training (solid) and validation (dashed) loss, and the validation free-run error."""
    from matplotlib.lines import Line2D

    curves = data.curves
    validated = any(seen.validation is not None for seen in curves.values())
    ran = any(seen.free_run is not None for seen in curves.values())
    figure = blank(10.0 if ran else 6.0, 3.6, title=title)
    axes = figure.subplots(1, 2 if ran else 1, squeeze=False)[0]
    shade = colours(curves)
    for label, seen in curves.items():
        _curve(axes[0], seen.epochs, seen.train, shade[label], "-")
        if seen.validation is not None:
            _curve(axes[0], seen.epochs, seen.validation, shade[label], (0, (4, 1.6)))
        if seen.free_run is not None:
            _curve(axes[1], seen.epochs, seen.free_run, shade[label], "-", marker=".")
    axes[0].set_title("loss")
    if ran:
        axes[1].set_title("free-run error on validation data [standard deviations]")
    for axis in axes:
        axis.set(yscale="log", xlabel="epoch")
    handles = [Line2D([], [], color=colour, lw=1.6) for colour in shade.values()]
    names = [literal(label) for label in curves]
    if validated:
        handles += [Line2D([], [], color="0.3", lw=1.4, ls=ls) for ls in ("-", (0, (4, 1.6)))]
        names += ["training", "validation"]
    shared_legend(figure, handles, names)
    return figure


def _curve(
    axis: "Axes", epochs: np.ndarray, values: np.ndarray, colour: str, dash, marker: str = ""
) -> None:
    values = np.atleast_2d(np.asarray(values, float))
    looked = ~np.isnan(values).all(axis=0)
    at = np.asarray(epochs)[looked]
    # A diverged member has an infinite error; an infinite median is not drawn.
    ordered = np.sort(np.where(np.isnan(values[:, looked]), np.inf, values[:, looked]), axis=0)
    ordered = np.where(np.isfinite(ordered) & (ordered > 0), ordered, np.nan)
    if not at.size:
        return
    middle, greatest = ordered[(len(ordered) - 1) // 2], np.fmax.reduce(ordered, axis=0)
    axis.fill_between(at, ordered[0], greatest, color=colour, alpha=0.15, lw=0)
    axis.plot(at, middle, color=colour, lw=1.5, ls=dash, marker=marker, ms=5)
