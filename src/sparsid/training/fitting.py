"""Training ensembles: the Python loop around compiled epochs, which only looks."""

import copy
import functools
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Key, PyTree

from sparsid._devices import everywhere, padding, share_out
from sparsid._errors import SparsidError
from sparsid.data import ScaledDataset
from sparsid.evaluation import free_run_errors
from sparsid.models import Card, DerivativeMLP, Ensemble
from sparsid.models.parameters import split_trainable
from sparsid.sparsify import Clock
from sparsid.sparsify import base as sparsify
from sparsid.training.epoch import (
    Looked,
    Member,
    Program,
    compiled_epoch,
    steps_per_epoch,
    transfer,
)
from sparsid.training.phases import Phase
from sparsid.training.progress import EpochReport, History, Stop, Watcher, interruptible

WATCHED = 20_000  # validation examples looked at after every epoch


@dataclass(frozen=True)
class Monitor:
    """Looks at validation data while training runs; it changes nothing unless `keep_best`.

    Every `every` epochs all members run freely over the first `trajectories` validation
    trajectories. With `keep_best`, each member ends as it was when that free run was best.
    """

    validation: ScaledDataset
    every: int = 10
    trajectories: int = 8
    keep_best: bool = False


@dataclass(frozen=True)
class Fitted:
    """What training leaves: a usable ensemble, whatever happened, and its history."""

    ensemble: Ensemble
    history: History


def fit_ensemble(
    architecture: DerivativeMLP,
    train: ScaledDataset,
    phases: Sequence[Phase],
    *,
    size: int = 10,
    monitor: Monitor | None = None,
    watch: Watcher | None = None,
    start: PyTree | None = None,
    dtype: str = "float32",
    key: Key[Array, ""],
) -> Fitted:
    """Trains `size` members through `phases` on scaled data, all devices at work.

    Member i depends on `key` and i alone, not on its company. `watch` is called after every epoch.
    `start` is a stacked scaled model to begin from instead of fresh ones. Ctrl-C ends training
    after the running epoch with a usable result. Raises SparsidError for an empty request.
    """
    only = {"": tuple(phases)}
    options = {"size": size, "monitor": monitor, "watch": watch, "start": start, "dtype": dtype}
    return fit_branches(architecture, train, (), only, key=key, **options)[""]


def fit_branches(
    architecture: DerivativeMLP,
    train: ScaledDataset,
    prefix: Sequence[Phase],
    branches: Mapping[str, Sequence[Phase]],
    *,
    size: int = 10,
    monitor: Monitor | None = None,
    watch: Watcher | None = None,
    start: PyTree | None = None,
    dtype: str = "float32",
    key: Key[Array, ""],
) -> dict[str, Fitted]:
    """Trains a common `prefix` once, then every branch from there; otherwise as `fit_ensemble`.

    A branch ends with the same bits as if it had been trained alone from the beginning: the way to
    compare X with X and weight averaging, which share three quarters of their training.
    """
    whole = {name: (*prefix, *branch) for name, branch in branches.items()}
    if size < 1 or not whole or not all(whole.values()):
        raise SparsidError(
            f"Training needs at least one member and one phase; got {size} and "
            f"{min(map(len, whole.values()), default=0)}."
        )
    with jax.enable_x64(dtype == "float64"), interruptible() as stop:
        common = _Loop(architecture, train, tuple(prefix), size, monitor, watch, stop)
        first = next(iter(whole.values()))[0]
        members = common.run(common.begin(first, start, key))
        results = {}
        for name, phases in whole.items():
            loop = common.fork(phases)
            results[name] = loop.result(loop.run(members, since=len(prefix)))
        return results


class _Loop:
    """The state of one call of `fit_ensemble`."""

    def __init__(
        self,
        architecture: DerivativeMLP,
        train: ScaledDataset,
        phases: tuple[Phase, ...],
        size: int,
        monitor: Monitor | None,
        watch: Watcher | None,
        stop: Stop,
    ):
        self.architecture, self.train, self.phases, self.size = architecture, train, phases, size
        self.monitor, self.watch, self.stop = monitor, watch, stop
        self.history = History()
        self.done, self.began = 0, time.monotonic()
        self.card = Card.describing(train.physical, architecture)
        self.best: tuple[np.ndarray, PyTree] | None = None

    def fork(self, phases: tuple[Phase, ...]) -> "_Loop":
        """A loop that goes on from here through `phases`, of which this one's are the first."""
        other = copy.copy(self)
        other.phases, other.history = phases, copy.deepcopy(self.history)
        return other

    def run(self, members: Member, *, since: int = 0) -> Member:
        """All phases from `since` on, until everybody stopped."""
        for at, phase in enumerate(self.phases[since:], start=since):
            if self.over(members):
                break
            members = self.run_phase(members, at, phase)
        return members

    def begin(self, first: Phase, start: PyTree | None, key: Key[Array, ""]) -> Member:
        """Fresh members, as many as the devices divide evenly; the padding never lives."""
        count = self.size + padding(self.size)
        keys = jax.vmap(lambda i: jax.random.fold_in(key, i))(jnp.arange(count))
        build_key, run_key = jax.vmap(jax.random.split, out_axes=1)(keys)
        models = jax.vmap(lambda k: self.architecture.build(self.train, key=k))(build_key)
        if start is not None:
            models = jax.tree.map(
                lambda leaf: _own_precision(np.resize(leaf, (count, *leaf.shape[1:]))), start
            )
        moments = _fresh_moments(first, models)
        return Member(models, moments, (), run_key, jnp.arange(count) < self.size)

    def run_phase(self, members: Member, at: int, phase: Phase) -> Member:
        """All epochs of one phase, or fewer if everybody stopped."""
        members = share_out(_enter(members, phase, self.phases[max(at - 1, 0)]))
        examples = _to_device(phase.loss.examples(self.train))
        validation = self._watched(phase)
        run = compiled_epoch(Program.of(phase))
        steps = steps_per_epoch(examples, phase.batch)
        for epoch in range(phase.epochs):
            if self.over(members):
                break
            before = members.alive
            members, looked = run(members, phase.rate, epoch, phase.epochs, examples, validation)
            self._note_frozen(before, members.alive, at, epoch)
            self.done += 1
            clock = Clock(epoch * steps, epoch, phase.epochs, steps)
            self._report(members, looked, at, epoch, float(phase.rate(clock)))
        return members._replace(model=_finished(phase, members), state=())

    def over(self, members: Member) -> bool:
        """Whether the user stopped, or nobody is alive."""
        return self.stop.asked or not bool(members.alive.any())

    def result(self, members: Member) -> Fitted:
        """The ensemble as it stands, with its card."""
        self.history.interrupted = self.stop.asked
        models = members.model
        if self.best is not None and self.monitor is not None and self.monitor.keep_best:
            models = self.best[1]
        card = replace(
            self.card,
            training={
                "epochs": self.done,
                "examples": self.train.scaled.samples,
                "notes": self.history.sentences(),
            },
        )
        return Fitted(self._ensemble(models, card), self.history)

    def _ensemble(self, models: PyTree, card: Card) -> Ensemble:
        kept = jax.tree.map(lambda leaf: np.asarray(leaf)[: self.size], models)
        return Ensemble.of(kept, self.train.normaliser, card, self.size)

    def _watched(self, phase: Phase) -> PyTree | None:
        """Validation examples, evenly thinned to a bounded number."""
        if self.monitor is None:
            return None
        examples = phase.loss.examples(self.monitor.validation)
        n = len(jax.tree.leaves(examples)[0])
        chosen = np.unique(np.linspace(0, n - 1, min(n, WATCHED)).astype(int))
        return _to_device(jax.tree.map(lambda array: array[chosen], examples))

    def _note_frozen(self, before: Array, after: Array, at: int, epoch: int) -> None:
        for member in np.flatnonzero(np.asarray(before) & ~np.asarray(after)):
            self.history.frozen[int(member)] = (at, epoch)

    def _report(self, members: Member, looked: Looked, at: int, epoch: int, rate: float) -> None:
        free_run = self._free_run(members, at, epoch)
        report = EpochReport(
            phase=at,
            epoch=epoch,
            done=self.done,
            total=sum(phase.epochs for phase in self.phases),
            rate=rate,
            train=np.asarray(looked.loss)[: self.size],
            validation=np.asarray(looked.validation)[: self.size],
            free_run=free_run,
            seconds=time.monotonic() - self.began,
        )
        self.history.epochs.append(report)
        if self.watch is not None:
            self.watch(report)

    def _free_run(self, members: Member, at: int, epoch: int) -> np.ndarray | None:
        """Validation free-run error of each member where it is due: every few epochs, and last."""
        monitor, phase = self.monitor, self.phases[at]
        due = monitor is not None and (
            (epoch + 1) % monitor.every == 0 or epoch + 1 == phase.epochs or self.stop.asked
        )
        if monitor is None or not due:
            return None
        models = _finished(phase, members)
        ensemble = self._ensemble(models, self.card)
        errors = free_run_errors(ensemble, monitor.validation.physical[: monitor.trajectories])
        if monitor.keep_best:
            self._keep_best(errors, models)
        return errors

    def _keep_best(self, errors: np.ndarray, models: PyTree) -> None:
        padded = np.resize(errors, len(jax.tree.leaves(models)[0]))
        if self.best is None:
            self.best = (padded, jax.tree.map(np.asarray, models))
            better = np.ones(len(padded), bool)
        else:
            best, kept = self.best
            better = padded < best
            if jax.tree.structure(kept) != jax.tree.structure(models):
                better = np.ones(len(padded), bool)  # a new phase wraps the weights: begin again
            self.best = (np.where(better, padded, best), _choose(better, models, kept))
        for member in np.flatnonzero(better[: self.size]):
            self.history.best[int(member)] = self.done


def _choose(first: np.ndarray, a: PyTree, b: PyTree) -> PyTree:
    def pick(x, y):
        return np.where(first.reshape(-1, *[1] * (np.ndim(x) - 1)), x, y)

    return jax.tree.map(pick, a, b) if not first.all() else jax.tree.map(np.asarray, a)


def _own_precision(array: np.ndarray) -> Array:
    """In the precision of this training, whatever it came in; masks stay masks."""
    exact = not np.issubdtype(array.dtype, np.inexact)
    return jnp.asarray(array, array.dtype if exact else jnp.result_type(float))


def _to_device(examples: PyTree[np.ndarray]) -> PyTree[Array]:
    """Cast only here: targets were differenced in float64."""
    return everywhere(jax.tree.map(_own_precision, examples))


def _fresh_moments(phase: Phase, models: PyTree) -> PyTree:
    trainable, _ = split_trainable(models)
    return jax.vmap(phase.optimiser.transformation().init)(trainable)


@functools.partial(jax.jit, static_argnums=0)
def _prepared(method: sparsify.Sparsifier, models: PyTree, keys: Array) -> tuple[PyTree, PyTree]:
    def one(model, key):
        key_prepare, key_init = jax.random.split(key)
        model = sparsify.prepare(method, model, key=key_prepare)
        return model, sparsify.init(method, model, key=key_init)

    return jax.vmap(one)(models, keys)


def _enter(members: Member, phase: Phase, previous: Phase) -> Member:
    """Members as the phase begins: leaves wrapped, moments passed on, the method's state new."""
    keys = jax.vmap(jax.random.split, out_axes=1)(members.key)
    models, state = _prepared(phase.sparsifier, members.model, keys[1])
    moments = _fresh_moments(phase, models)
    if phase.optimiser == previous.optimiser:
        moments = transfer(members.moments, members.model, models, moments)
    return Member(models, moments, state, keys[0], members.alive)


def _finished(phase: Phase, members: Member) -> PyTree:
    return jax.vmap(lambda m, s: sparsify.finish(phase.sparsifier, m, s))(
        members.model, members.state
    )
