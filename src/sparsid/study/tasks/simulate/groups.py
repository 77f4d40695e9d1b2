"""Running one group of cells: it is trained phase by phase, evaluated and stored on the way."""

import time
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Key, PyTree

from sparsid.architectures import library_versions
from sparsid.data import Normaliser
from sparsid.models import Ensemble
from sparsid.results import Row
from sparsid.study.task import Job, Tick, Ticking
from sparsid.study.tasks.simulate.judging import Judge
from sparsid.study.tasks.simulate.plan import BaselineGroup, Group, NetworkCell, Node, built
from sparsid.study.tasks.simulate.scores import SimulationScores, WeightCounts
from sparsid.training import History, Members, Monitor, Training
from sparsid.training.linear import linear_start
from sparsid.training.progress import Stop
from sparsid.training.training import NEVER


def run(group: Group | BaselineGroup, job: Job, *, tick: Ticking, stop: Stop) -> None:
    """Runs one group; the model and row of each cell are stored as soon as it is finished.

    Branches without wanted cells are skipped; all others run completely. After a stop request no
    row of an unfinished cell is written.
    """
    if isinstance(group, BaselineGroup):
        if not stop.asked:
            _run_baseline(group.cell, job, tick)
        return
    with jax.enable_x64(group.dtype == "float64"):
        _GroupRun(group, job, tick, stop).down(group.node, None, 0.0)


class _GroupRun:
    """Depth-first traversal of the tree of one group."""

    def __init__(self, group: Group, job: Job, tick: Ticking, stop: Stop):
        self.group, self.job, self.tick, self.stop = group, job, tick, stop
        self.judge = Judge.of(job.data, job.study.evaluate)
        train = job.data.train[: group.size]
        scale = Normaliser.fit(train)
        monitored = None
        if job.data.monitored:
            monitored = Monitor(scale.apply(job.data.validation), every=NEVER, trajectories=1)
        self.training = Training(
            group.model,
            scale.apply(train),
            monitor=monitored,
            callback=lambda report: self._epoch(),
            stop=stop,
            allow_diverged=True,
        )
        self.cost, self.left = 0.0, 0.0

    def down(self, node: Node, above: Members | None, seconds: float) -> None:
        """Runs the phase of `node` from the members `above`, then its children.

        `seconds` is the time already spent on these members.
        """
        began = time.monotonic()
        members = self._begin(node) if above is None else above.pick(_parents(node))
        self.cost = self.group.cost(node)
        self.left = self.cost * node.epochs
        members = self.training.run(members, [built(m.phase) for m in node.members])
        if self.stop.asked:
            return
        self.tick(Tick(self.left))  # if all members were frozen, the rest of the phase is skipped
        seconds += time.monotonic() - began
        self._finish(node, members, seconds)
        for child in node.children:
            if child.keys & self.job.wanted and not self.stop.asked:
                self.down(child, members, seconds)

    def _begin(self, node: Node) -> Members:
        """Initial members; a network's start and shuffling depend on its seed alone."""
        seeds = [member.seed for member in node.members]
        keys = [jax.random.fold_in(jax.random.key(0), seed) for seed in seeds]
        start = self._linear(keys) if self.job.study.training.start == "linear" else None
        return self.training.begin(jnp.stack(keys), start=start)

    def _linear(self, keys: list[Key[Array, ""]]) -> PyTree:
        """Stacked models initialised as the linear model, each with its own key."""
        train = self.training.train
        alone = [linear_start(self.group.model, train, size=1, key=key) for key in keys]
        return jax.tree.map(lambda *leaves: jnp.concatenate(leaves), *alone)

    def _finish(self, node: Node, members: Members, seconds: float) -> None:
        """Evaluates and stores the cells that end at `node` and are not stored yet."""
        stored = self.job.store.keys()
        ended = {
            cell.key: (place, cell)
            for place, member in enumerate(node.members)
            for cell in reversed(member.cells)  # of cells with equal keys the first gives the name
            if cell.key not in stored
        }
        if not ended:
            return
        began = time.monotonic()
        places = [place for place, _ in ended.values()]
        fitted = self.training.fitted(members)
        ensemble = fitted.ensemble.pick(places)
        judged = self.judge.networks(ensemble)
        history = fitted.history.pick(places)
        timings = {"training_s": seconds, "together": float(len(node.members))}
        timings["judging_s"] = (time.monotonic() - began) / len(ended)
        for at, (_, cell) in enumerate(ended.values()):
            epochs = sum(built(phase).epochs for phase in cell.of.phases)
            scores = replace(judged[at], **_losses(history, at, epochs))
            model = _named(ensemble.pick([at]), cell, history.pick([at]))
            model.save(self.job.store.model_path(cell.key))
            _store(self.job, cell, scores, timings)
            self.tick(Tick(cells=int(cell.key in self.job.wanted)))

    def _epoch(self) -> None:
        self.left -= self.cost
        self.tick(Tick(self.cost))


def _parents(node: Node) -> list[int]:
    return [member.parent for member in node.members]


def _losses(history: History, member: int, epochs: int) -> dict[str, np.ndarray]:
    """Losses after each epoch of the cell; NaN after the member was frozen."""
    found = {name: np.full(epochs, np.nan) for name in ("train_loss", "validation_loss")}
    for at, report in enumerate(history.epochs):
        found["train_loss"][at] = report.train[member]
        found["validation_loss"][at] = report.validation[member]
    return found


def _named(ensemble: Ensemble, cell: NetworkCell, history: History) -> Ensemble:
    """The cell's model with a card of its own, which does not mention the other members."""
    content: dict[str, Any] = {
        "configuration": cell.name,
        "cell": cell.key,
        "specification": cell.specification,
        "notes": replace(history, interrupted=False).sentences(),  # the cell itself is finished
    }
    return replace(ensemble, card=replace(ensemble.card, training=content))


def _run_baseline(cell: NetworkCell, job: Job, tick: Ticking) -> None:
    from sparsid.identify.sindy import fit_sindy

    spec = cell.of.baseline
    if spec is None or cell.key not in job.wanted:
        return
    began = time.monotonic()
    train = job.data.train[: cell.of.size]
    model = fit_sindy(train, library=spec.library, threshold=spec.threshold)
    fitted = time.monotonic()
    weights = WeightCounts(
        zero_share=1 - model.nonzero / model.terms,
        nonzero=float(model.nonzero),
        weights=float(model.terms),
    )
    scores = Judge.of(job.data, job.study.evaluate).baseline(model.run, weights)
    timings = {"training_s": fitted - began, "judging_s": time.monotonic() - fitted}
    _store(job, cell, scores, timings)
    tick(Tick(cells=1))


def _store(job: Job, cell: NetworkCell, scores: SimulationScores, timings: dict) -> None:
    """Writes the row, which marks the cell as finished."""
    versions = library_versions()
    job.store.write(Row(cell.specification, cell.name, *scores.to_row(), timings, versions))
