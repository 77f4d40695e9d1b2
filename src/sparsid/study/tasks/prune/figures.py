"""The page of a path study: errors along the paths, saliencies, networks before and after."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sparsid import report
from sparsid.cli.study_page import write_page_of
from sparsid.identify.prune import with_points
from sparsid.models import Ensemble, graph_of, load
from sparsid.report import PathCurve, Table
from sparsid.study.results import StudyResults
from sparsid.study.tasks.prune.results import PathResults
from sparsid.training.starts import points_of

if TYPE_CHECKING:
    from matplotlib.figure import Figure

type Drawn = "tuple[str, str, Figure]"


def write_path_page(results: StudyResults, tables: list[Table], *, force: bool = False) -> Path:
    """Writes index.html and figures/ into the study's folder; returns the page's path."""
    return write_page_of(results, tables, _figures(results), force=force)


def _figures(results: StudyResults) -> Iterator[Drawn]:
    sizes = sorted({found.number("full_left")[0] for found in results.configurations})
    for size in sizes:
        alike = [c for c in results.configurations if c.number("full_left")[0] == size]
        curves = {found.name: [_curve(found, i) for i in range(len(found.rows))] for found in alike}
        caption = (
            "Errors against what is left, all networks. Dots: chosen on the validation record."
        )
        yield f"paths-{size:g}", caption, report.pruning_paths(curves)
    for at, found in enumerate(results.configurations):
        first = found.best(1)[0]
        series = found.rows[first].series
        if len(series["saliency"]):
            drawn = report.saliencies(series["saliency"], series["left"][: len(series["saliency"])])
            caption = f"{found.name}: saliencies along the path of its best full network."
            yield f"saliencies-{at}", caption, drawn
        pruned = load(found.models[first])
        for stage, ensemble in (("before", _full(pruned, series["theta"])), ("after", pruned)):
            caption = f"{found.name}: its best full network, {stage} pruning."
            yield f"network-{at}-{stage}", caption, report.network(graph_of(ensemble, 0))


def _full(pruned: Ensemble, theta: np.ndarray) -> Ensemble:
    """The network as it was on the first step of its path."""
    layout, point = points_of(pruned.stacked.model)
    first = theta[:1]
    return with_points(pruned, layout, point._replace(theta=first, keep=first != 0))


def _curve(found: PathResults, i: int) -> PathCurve:
    row = found.rows[i]
    errors = (row.series[part] for part in ("train", "validation", "test"))
    return PathCurve(row.series["left"], *errors, chosen=int(row.numbers["best_step"] or 0))
