"""Diagram of the active part of a pruned network."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from sparsid.graph import Graph, GraphLayer, Live
from sparsid.report.figures import NetworkDiagram
from sparsid.report.render.drawing.style import BLUE, FAINT, INK, MUTED, VERMILLION, blank, pretty

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LAYER_GAP = 3.4  # between columns; lengths are in units of the drawing
CELL = 0.115  # width of a cell in the strip of skip links
STRIP_GAP = 0.16  # between a strip and its unit
TALL = 6.0  # height of the drawing
UNIT = 0.085  # radius


@dataclass(frozen=True)
class Place:
    """The units of one column: their indices in the layer, and their positions."""

    x: float
    units: np.ndarray
    y: np.ndarray


def network_diagram(data: NetworkDiagram, title: str | None) -> "Figure":
    """Inputs on the left, outputs on the right, active hidden units and links between them."""
    graph = data.graph
    live = graph.live()
    places = _places(graph, live)
    skips = [_live_skip(layer, mask) for layer, mask in zip(graph.layers, live.skips, strict=True)]
    strips = [0.0, *(CELL * skip.shape[1] if skip.any() else 0.0 for skip in skips[1:])]
    right = places[-1].x
    figure = blank(1.45 * len(places) + 3.4, 6.4, title=title)
    axis = figure.add_subplot()
    for at, layer in enumerate(graph.layers):
        source, target = places[at], places[at + 1]
        weights = np.where(live.weights[at], layer.weight, 0.0)
        if at == 0 and skips[0].size:
            weights = weights + skips[0]
        _links(axis, weights, source, target, strips[at])
        if strips[at]:
            _strip(axis, skips[at], target, strips[at])
    for at, place in enumerate(places):
        _dots(axis, place, live.inputs if at == 0 else live.units[at - 1])
    _names(axis, graph, live, places)
    _headings(axis, graph, live, places)
    _key(axis, graph, live, places[-1].x, any(strips))
    axis.set(xlim=(-2.6, right + 2.6), ylim=(-0.75, TALL + 0.75))
    axis.set_axis_off()
    return figure


def _places(graph: Graph, live: Live) -> list[Place]:
    """Columns of active units; each unit is placed near its sources, so that fewer links cross."""
    inputs = np.arange(len(graph.input_names))
    places = [Place(0.0, inputs, _heights(len(inputs), len(inputs)))]
    most = max([len(inputs), len(graph.output_names), *live.widths])
    for at, layer in enumerate(graph.layers):
        last = at == len(graph.layers) - 1
        units = np.arange(len(layer.bias)) if last else np.flatnonzero(live.units[at])
        if not last:
            units = _near_sources(np.abs(layer.weight) * live.weights[at], places[-1], units)
        places.append(Place((at + 1) * LAYER_GAP, units, _heights(len(units), most)))
    return places


def _near_sources(pull: np.ndarray, before: Place, units: np.ndarray) -> np.ndarray:
    """The units from top to bottom by the mean height of their sources."""
    weights = pull[np.ix_(units, before.units)]
    total = weights.sum(axis=1)
    centre = np.full(len(units), TALL / 2)
    np.divide(weights @ before.y, total, out=centre, where=total > 0)
    return units[np.argsort(-centre, kind="stable")]


def _heights(count: int, most: int) -> np.ndarray:
    """Evenly spaced heights from the top; a column with fewer units is a little shorter."""
    tall = TALL * (0.62 + 0.38 * min(1.0, count / max(most, 1)))
    if count < 2:
        return np.full(count, TALL / 2)
    return TALL / 2 + np.linspace(tall / 2, -tall / 2, count)


def _live_skip(layer: GraphLayer, mask: np.ndarray | None) -> np.ndarray:
    """The layer's active skip weights; no columns if it has none."""
    if layer.skip is None or mask is None:
        return np.zeros((len(layer.bias), 0))
    return np.where(mask, layer.skip, 0.0)


def _links(axis: "Axes", weights: np.ndarray, source: Place, target: Place, strip: float) -> None:
    """Curves for the nonzero weights, the largest drawn last."""
    from matplotlib.collections import PathCollection
    from matplotlib.colors import to_rgba
    from matplotlib.path import Path

    rows, columns = np.nonzero(weights[np.ix_(target.units, source.units)])
    if not len(rows):
        return
    values = weights[np.ix_(target.units, source.units)][rows, columns]
    order = np.argsort(np.abs(values))
    size = np.abs(values) / np.abs(values).max()
    begin = source.x + UNIT
    end = target.x - (strip + STRIP_GAP if strip else UNIT)
    bend = 0.45 * (end - begin)
    codes = [Path.MOVETO, Path.CURVE4, Path.CURVE4, Path.CURVE4]
    curves, edges, widths = [], [], []
    for k in order:
        low, high = source.y[columns[k]], target.y[rows[k]]
        across, up = [begin, begin + bend, end - bend, end], [low, low, high, high]
        curves.append(Path(np.column_stack([across, up]), codes))
        colour = BLUE if values[k] > 0 else VERMILLION
        edges.append(to_rgba(colour, 0.22 + 0.68 * size[k]))
        widths.append(0.45 + 2.0 * size[k])
    axis.add_collection(
        PathCollection(curves, facecolors="none", edgecolors=edges, linewidths=widths, zorder=1)
    )


def _strip(axis: "Axes", skip: np.ndarray, target: Place, width: float) -> None:
    """Before each unit a cell for each input, filled if it is connected to the unit directly."""
    from matplotlib.collections import PolyCollection
    from matplotlib.colors import to_rgba

    left = target.x - STRIP_GAP - width
    gaps = np.abs(np.diff(target.y))
    half = min(0.085, 0.36 * float(gaps.min())) if len(gaps) else 0.085
    size = np.abs(skip) / (np.abs(skip).max() or 1.0)
    cells, faces = [], []
    for unit, y in zip(target.units, target.y, strict=True):
        for i, weight in enumerate(skip[unit]):
            a, b = left + CELL * (i + 0.08), left + CELL * (i + 0.92)
            cells.append([(a, y - half), (b, y - half), (b, y + half), (a, y + half)])
            colour = BLUE if weight > 0 else VERMILLION
            faces.append(to_rgba(colour, 0.35 + 0.65 * size[unit, i]) if weight else "#EFEFEF")
    axis.add_collection(PolyCollection(cells, facecolors=faces, edgecolors="none", zorder=2))
    number = {"ha": "center", "va": "bottom", "fontsize": 5, "color": MUTED}
    for i in sorted({0, *range(4, skip.shape[1], 5), skip.shape[1] - 1}):
        axis.text(left + CELL * (i + 0.5), target.y.max() + half + 0.03, str(i + 1), **number)


def _dots(axis: "Axes", place: Place, active: np.ndarray) -> None:
    faces = [INK if active[unit] else FAINT for unit in place.units]
    axis.scatter(
        np.full(len(place.units), place.x), place.y, s=34, c=faces, edgecolors="white", zorder=3
    )


def _names(axis: "Axes", graph: Graph, live: Live, places: list[Place]) -> None:
    for i, (name, y) in enumerate(zip(graph.input_names, places[0].y, strict=True)):
        colour = INK if live.inputs[i] else "#A8A8A8"
        text = f"{pretty(name)}  {i + 1}"
        axis.text(-0.25, y, text, ha="right", va="center", fontsize=8.5, color=colour)
    last = places[-1]
    for i, (name, y) in enumerate(zip(graph.output_names, last.y, strict=True)):
        colour = INK if live.units[-1][i] else "#A8A8A8"
        axis.text(last.x + 0.25, y, pretty(name), va="center", fontsize=8.5, color=colour)


def _headings(axis: "Axes", graph: Graph, live: Live, places: list[Place]) -> None:
    """Above each column the number of active units."""
    counts = [(int(live.inputs.sum()), len(graph.input_names), "inputs")]
    counts += [
        (n, total, f"hidden {at + 1}")
        for at, (n, total) in enumerate(zip(live.widths, graph.widths, strict=True))
    ]
    counts.append((int(live.units[-1].sum()), len(graph.output_names), "outputs"))
    for place, (n, total, name) in zip(places, counts, strict=True):
        text = f"{name}\n{n} of {total}"
        axis.text(place.x, TALL + 0.62, text, ha="center", va="center", fontsize=8, color=MUTED)


def _key(axis: "Axes", graph: Graph, live: Live, right: float, strips: bool) -> None:
    """Below the drawing: the meaning of the colours, and the number of active weights."""
    share = live.weight_count / graph.weight_count if graph.weight_count else 0.0
    text = f"{live.weight_count} of {graph.weight_count} weights active ({100 * share:.2g} %)"
    if strips:
        text += "; cells: direct weights of the inputs"
    y = -0.62
    axis.text(right, y, text, ha="right", va="center", fontsize=8, color=MUTED)
    for x, colour, sign in ((0.0, BLUE, "positive"), (1.7, VERMILLION, "negative")):
        axis.plot([x, x + 0.4], [y, y], color=colour, lw=2.2, solid_capstyle="butt")
        axis.text(x + 0.5, y, sign, va="center", fontsize=8, color=MUTED)
