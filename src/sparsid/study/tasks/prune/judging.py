"""Evaluation of one pruning path: errors of its networks over the three records."""

import jax
import numpy as np

from sparsid.identify.prune import Judged, errors_of
from sparsid.study.tasks.prune.scores import PARTS, Errors, PathScores
from sparsid.study.tasks.prune.scores import Point as Reading
from sparsid.training import PruningPath
from sparsid.training.curvature import Point
from sparsid.training.layout import Layout
from sparsid.training.windows import Windows


def judged(
    layout: Layout,
    points: Point,
    path: PruningPath,
    i: int,
    parts: tuple[Windows, ...],
    control: Judged,
) -> PathScores:
    """Scores of network `i` of `points` along its path; only here is the test record used."""
    steps = path.steps
    rest = jax.tree.map(lambda leaf: np.repeat(leaf[i : i + 1], len(steps), axis=0), points.rest)
    stack = Point(np.stack([s.theta for s in steps]), np.stack([s.keep for s in steps]), rest)
    errors = errors_of(layout, stack, parts)
    chosen = {
        "full": 0,
        "best": path.least_validation(),
        "smallest": path.smallest_not_worse(),
        "exploding": path.smallest_before_explosion(),
        "last": len(steps) - 1,
    }
    known = [step.saliency for step in steps if step.saliency is not None]
    return PathScores(
        points={
            name: Reading(
                _finite(errors[at]), float(steps[at].left), float(at), float(steps[at].iterations)
            )
            for name, at in chosen.items()
        },
        control=_finite(control),
        undone=float(path.undone),
        left=np.array([step.left for step in steps], float),
        iterations=np.array([step.iterations for step in steps], float),
        theta=stack.theta,
        saliency=np.stack(known) if known else np.zeros((0, layout.size)),
        **{part: np.array([getattr(of, part) for of in errors], float) for part in PARTS},
    )


def _finite(errors: Judged) -> Errors:
    values = (getattr(errors, part) for part in PARTS)
    return Errors(*(v if v is not None and np.isfinite(v) else None for v in values))
