"""Running one configuration: networks are trained, pruned, evaluated and stored."""

from dataclasses import dataclass

import jax

from sparsid.architectures import library_versions
from sparsid.identify.prune import errors_of, trained_on
from sparsid.models import Card, Ensemble
from sparsid.results import Row
from sparsid.study.task import Job, Tick, Ticking
from sparsid.study.tasks.prune.cells import PathCell, PathGroup
from sparsid.study.tasks.prune.checkpoint import Checkpoint
from sparsid.study.tasks.prune.datasets import PathData
from sparsid.study.tasks.prune.full_networks import FullNetworks
from sparsid.study.tasks.prune.judging import judged
from sparsid.training import PruningPath, prune
from sparsid.training.curvature import Point
from sparsid.training.layout import Layout
from sparsid.training.progress import Stop
from sparsid.training.pruning import PruningReport
from sparsid.training.starts import models_of, points_of


@dataclass(frozen=True)
class _Full:
    """The full networks, stacked, as vectors of their parameters."""

    layout: Layout
    points: Point


def run(group: PathGroup, job: Job, *, tick: Ticking, stop: Stop) -> None:
    """Trains and prunes all networks of a configuration, and stores them together.

    A checkpoint of the paths is saved every minute and at a stop; the next run resumes from it.
    """

    def doing(what: str) -> None:
        tick(Tick(doing=f"{group.spec.name}: {what}"))

    checkpoint = Checkpoint(job.store, group.checkpoint)
    with jax.enable_x64(True):
        networks = FullNetworks(group, job.data, stop, doing)
        members = networks.begun()
        if checkpoint.path_states is None:
            members = networks.trained(members)
            checkpoint.trained()
    if stop.asked:
        return
    full = _Full(*points_of(members.models()))
    if checkpoint.path_states is not None:
        full = _Full(full.layout, checkpoint.first(full.points))
    parts = job.data.windows(group.spec.model)
    pruning = group.spec.prune.build()

    def callback(report: PruningReport) -> None:
        left = sum(report.left) / len(report.left)
        doing(f"round {report.round}, {left:.0f} parameters left, {report.running} networks")
        checkpoint.save(report.path_states, at_once=stop.asked)

    begun, train, validation = checkpoint.path_states, parts[0], parts[1]
    paths = prune(
        full.layout,
        full.points,
        train,
        validation,
        pruning,
        begun=begun,
        callback=callback,
        stop=stop,
    )
    checkpoint.pruned()
    if stop.asked:
        return
    doing("training the full networks for as many iterations, for comparison")
    control = trained_on(full.layout, full.points, train, validation, pruning, paths, stop)
    if stop.asked:
        return
    timings = checkpoint.seconds | {"together": float(len(group.cells))}
    controls = errors_of(full.layout, control, parts)
    stored = job.store.keys()
    for i, cell in enumerate(group.cells):
        if cell.key in stored:  # an earlier run with fewer seeds: its row stays
            continue
        scores = judged(full.layout, full.points, paths[i], i, parts, controls[i])
        _chosen(full, paths[i], i, cell, job.data).save(job.store.model_path(cell.key))
        row = Row(cell.specification, cell.name, *scores.to_row(), timings, library_versions())
        job.store.write(row)
        tick(Tick(work=1.0, cells=int(cell.key in job.wanted)))
    checkpoint.drop()


def _chosen(full: _Full, path: PruningPath, i: int, cell: PathCell, data: PathData) -> Ensemble:
    """The network of least validation error."""
    step = path.steps[path.least_validation()]
    rest = jax.tree.map(lambda leaf: leaf[i : i + 1], full.points.rest)
    models = models_of(full.layout, Point(step.theta[None], step.keep[None], rest))
    card = Card.describing(data.train.physical, cell.of.model, configuration=cell.name)
    return Ensemble.of(models, data.train.normaliser, card, 1)
