"""The figures of a study of pruning: errors along the paths, saliencies, networks."""

from collections.abc import Iterator

import numpy as np

from sparsid.identify.prune import with_points
from sparsid.models import Ensemble, graph_of, load
from sparsid.report.figures import NetworkDiagram, PathCurve, PruningPaths, Saliencies
from sparsid.study.documents import Drawn
from sparsid.study.results import StudyResults
from sparsid.study.tasks.prune.results import PathResults
from sparsid.training.starts import points_of


def figures(results: StudyResults) -> Iterator[Drawn]:
    """All figures, in the order of the page."""
    sizes = sorted({found.number("full", "left")[0] for found in results.configurations})
    for size in sizes:
        alike = [c for c in results.configurations if c.number("full", "left")[0] == size]
        curves = {found.name: [_curve(found, i) for i in range(len(found.rows))] for found in alike}
        caption = "Errors against remaining parameters, all networks. Dots: least validation error."
        yield f"paths-{size:g}", caption, PruningPaths(curves)
    for at, found in enumerate(results.configurations):
        first = found.best(1)[0]
        scores = found.scores[first]
        if known := len(scores.saliency):
            drawn = Saliencies(scores.saliency, scores.left[:known])
            caption = f"{found.name}: saliencies along the path of its best full network."
            yield f"saliencies-{at}", caption, drawn
        pruned = load(found.models[first])
        for stage, ensemble in (("before", _full(pruned, scores.theta)), ("after", pruned)):
            caption = f"{found.name}: its best full network, {stage} pruning."
            yield f"network-{at}-{stage}", caption, NetworkDiagram(graph_of(ensemble, 0))


def _full(pruned: Ensemble, theta: np.ndarray) -> Ensemble:
    """The network at the first step of its path."""
    layout, point = points_of(pruned.stacked.model)
    first = theta[:1]
    return with_points(pruned, layout, point._replace(theta=first, keep=first != 0))


def _curve(found: PathResults, i: int) -> PathCurve:
    s = found.scores[i]
    return PathCurve(s.left, s.train, s.validation, s.test, chosen=int(s.points["best"].step))
