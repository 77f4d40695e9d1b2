"""Training ensembles: the Python loop around compiled epochs, which only looks."""

import math
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
from sparsid.models import AbstractArchitecture, AbstractLoss, Card, Ensemble
from sparsid.sparsify import NOTHING, Clock
from sparsid.training.descent import AT_ONCE, Descent, DescentReport, check_size, descend
from sparsid.training.entering import UNEQUAL, enter, finished
from sparsid.training.epoch import Looked, Member, Program, compiled_epoch, steps_per_epoch
from sparsid.training.members import Members
from sparsid.training.phases import Phase
from sparsid.training.progress import EpochReport, History, Stop, Watcher, interruptible
from sparsid.training.starts import models_of, points_of
from sparsid.training.stopping import RUNNING
from sparsid.training.windows import windows

type AnyPhase = Phase | Descent

WATCHED = 20_000  # validation examples looked at after every epoch
SELDOM = 10**9  # epochs, for a Monitor that looks at no free run on the way


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
    architecture: AbstractArchitecture,
    train: ScaledDataset,
    phases: Sequence[AnyPhase],
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
    architecture: AbstractArchitecture,
    train: ScaledDataset,
    prefix: Sequence[AnyPhase],
    branches: Mapping[str, Sequence[AnyPhase]],
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
    for phase in {id(phase): phase for phases in whole.values() for phase in phases}.values():
        if isinstance(phase, Descent):
            continue
        phase.loss.check(train)
        if monitor is not None:
            phase.loss.check(monitor.validation)
    keys = jax.vmap(lambda i: jax.random.fold_in(key, i))(jnp.arange(size))
    with jax.enable_x64(dtype == "float64"), interruptible() as stop:
        training = Training(architecture, train, monitor=monitor, watch=watch, stop=stop)
        common = training.begin(keys, start=start)
        for phases in whole.values():
            _check_sizes(common, phases)
        training.total = max(_epochs(phases) for phases in whole.values())
        for phase in prefix:
            common = training.run(common, phase)
        results = {}
        for name, phases in whole.items():
            training.total, members = _epochs(phases), common
            for phase in phases[len(prefix) :]:
                members = training.run(members, phase)
            results[name] = training.fitted(members)
        return results


def _check_sizes(members: Members, phases: Sequence[AnyPhase]) -> None:
    """Refuses second-order phases of large networks before anything has been trained for them."""
    if all(isinstance(phase, Phase) for phase in phases):
        return
    first = next(at for at, phase in enumerate(phases) if isinstance(phase, Descent))
    if all(isinstance(p, Phase) and p.sparsifier == NOTHING for p in phases[:first]):
        _, points = points_of(members.models())
        check_size(int(points.keep.sum(axis=1).max()))


def _epochs(phases: Sequence[AnyPhase]) -> int:
    return sum(phase.epochs for phase in phases)


class Training:
    """Makes members, moves them through phases, and looks at them between epochs.

    `total` is the number of epochs that reports count towards. float64 training runs inside
    `jax.enable_x64`.
    """

    def __init__(
        self,
        architecture: AbstractArchitecture,
        train: ScaledDataset,
        *,
        monitor: Monitor | None = None,
        watch: Watcher | None = None,
        stop: Stop | None = None,
        total: int = 0,
    ):
        self.architecture, self.train, self.total = architecture, train, total
        self.monitor, self.watch, self.stop = monitor, watch, stop or Stop()
        self.began = time.monotonic()
        self.card = Card.describing(train.physical, architecture)
        self._on_device: dict[tuple[AbstractLoss, str], PyTree] = {}

    def begin(self, keys: Key[Array, " member"], *, start: PyTree | None = None) -> Members:
        """Fresh members, one a key; `start` is a stacked scaled model to begin from instead."""
        size = len(keys)
        count = size + padding(size)
        keys = keys[np.resize(np.arange(size), count)]
        build_key, run_key = jax.vmap(jax.random.split, out_axes=1)(keys)
        models = jax.vmap(lambda k: self.architecture.build(self.train, key=k))(build_key)
        if start is not None:
            models = jax.tree.map(
                lambda leaf: _own_precision(np.resize(leaf, (count, *leaf.shape[1:]))), start
            )
        return Members(Member(models, (), (), run_key, jnp.arange(count) < size, None), size)

    def run(self, members: Members, phase: AnyPhase | Sequence[AnyPhase]) -> Members:
        """One phase forward: the same for all, or one for each member.

        Phases of one call have the same structure (epochs, batch, loss, optimiser, hooks) and may
        differ in numbers. Ends early if the user asked to stop or nobody is alive. Raises
        SparsidError for phases that differ in structure.
        """
        phases = (phase,) * members.size if isinstance(phase, Phase | Descent) else tuple(phase)
        if len(phases) != members.size:
            raise SparsidError(f"`phases` must be one a member, {members.size}; got {len(phases)}.")
        if self.over(members):
            return members
        if isinstance(phases[0], Descent):
            if any(phase != phases[0] for phase in phases):
                raise SparsidError(UNEQUAL)
            return self._descended(members, phases[0])
        return self._through(members, [p for p in phases if isinstance(p, Phase)])

    def _through(self, members: Members, phases: Sequence[Phase]) -> Members:
        """A phase of epochs forward."""
        first, program = phases[0], Program.of(phases[0])
        if any((Program.of(p), p.epochs) != (program, first.epochs) for p in phases):
            raise SparsidError(UNEQUAL)
        looks = any(phase.sparsifier.sees_data for phase in phases)
        members = enter(members, phases, self._regressors() if looks else None)
        members = replace(members, stack=share_out(members.stack))
        examples, validation = self.examples(first.loss), self._watched(first.loss)
        steps = steps_per_epoch(examples, first.batch)
        at, run = _phase_number(members), compiled_epoch(program)
        for epoch in range(first.epochs):
            if self.over(members):
                break
            stack, looked = run(members.stack, epoch, first.epochs, examples, validation)
            clock = Clock(epoch * steps, epoch, first.epochs, steps)
            members = self._looked_at(members, stack, looked, at, clock)
        models = finished(members)
        return replace(members, stack=members.stack._replace(model=models, state=()))

    def _descended(self, members: Members, descent: Descent) -> Members:
        """A phase of second-order training forward; moments start fresh after it."""
        layout, points = points_of(members.models())
        data = windows(self.train, descent.criterion, lag=members.stack.model.lag)
        at, history = _phase_number(members), members.history
        numbers = float(data.counts.sum()) * data.y.shape[-1]

        def watch(look: DescentReport) -> None:
            nonlocal history
            report = EpochReport(
                phase=at,
                epoch=(look.iterations - 1) // AT_ONCE,
                done=len(history.epochs) + 1,
                total=self.total,
                rate=math.nan,
                train=look.errors / numbers,
                validation=np.full(members.size, np.nan),
                free_run=None,
                seconds=time.monotonic() - self.began,
            )
            history = replace(history, epochs=(*history.epochs, report))
            if self.watch is not None:
                self.watch(report)

        validation = None
        if self.monitor is not None:
            whole = type(descent.criterion)()
            validation = windows(self.monitor.validation, whole, lag=members.stack.model.lag)
        ended = descend(
            layout, points, data, descent, validation=validation, watch=watch, stop=self.stop
        )
        if (ended.reasons == RUNNING).any() and not self.stop.asked:
            history = replace(history, out_of_time=(*history.out_of_time, at))
        models = models_of(layout, ended.points)
        filled = jax.tree.map(
            lambda leaf: np.resize(leaf, (len(members.stack.alive), *leaf.shape[1:])), models
        )
        stack = members.stack._replace(model=filled, moments=(), state=(), rate=None)
        members = replace(members, stack=stack, phases=(), history=history)
        if self.monitor is None:
            return members
        members, errors = self._compared(members, models)
        *before, last = members.history.epochs
        told = replace(members.history, epochs=(*before, replace(last, free_run=errors)))
        return replace(members, history=told)

    def over(self, members: Members) -> bool:
        """Whether the user stopped, or nobody is alive."""
        return self.stop.asked or not members.alive().any()

    def fitted(self, members: Members) -> Fitted:
        """The ensemble as it stands, with its card."""
        history = replace(members.history, interrupted=self.stop.asked)
        models = members.models()
        if members.best is not None and self.monitor is not None and self.monitor.keep_best:
            models = members.best.models
        told = {
            "epochs": len(history.epochs),
            "examples": self.train.scaled.samples,
            "notes": history.sentences(),
        }
        card = replace(self.card, training=told)
        return Fitted(self._ensemble(models, card, members.size), history)

    def _ensemble(self, models: PyTree, card: Card, size: int) -> Ensemble:
        return Ensemble.of(models, self.train.normaliser, card, size)

    def examples(self, loss: AbstractLoss) -> PyTree:
        """The training examples of a loss, on every device."""
        if (loss, "train") not in self._on_device:
            self._on_device[loss, "train"] = _to_device(loss.examples(self.train))
        return self._on_device[loss, "train"]

    def _regressors(self) -> Array:
        """What a network is given over the training data."""
        rows = [self.architecture.regressors(t.x, t.u) for t in self.train.scaled]
        return everywhere(_own_precision(np.concatenate(rows)))

    def _watched(self, loss: AbstractLoss) -> PyTree | None:
        """Validation examples, evenly thinned to a bounded number."""
        if self.monitor is None:
            return None
        if (loss, "validation") not in self._on_device:
            examples = loss.examples(self.monitor.validation)
            n = len(jax.tree.leaves(examples)[0])
            chosen = np.unique(np.linspace(0, n - 1, min(n, WATCHED)).astype(int))
            thinned = jax.tree.map(lambda array: array[chosen], examples)
            self._on_device[loss, "validation"] = _to_device(thinned)
        return self._on_device[loss, "validation"]

    def _looked_at(
        self, members: Members, stack: Member, looked: Looked, at: int, clock: Clock
    ) -> Members:
        """The members after an epoch, with its report; they are frozen who did not survive it."""
        history, epoch = members.history, int(clock.epoch)
        died = members.alive() & ~np.asarray(stack.alive)[: members.size]
        frozen = {**history.frozen, **{int(i): (at, epoch) for i in np.flatnonzero(died)}}
        members = replace(members, stack=stack, history=replace(history, frozen=frozen))
        members, free_run = self._free_run(members, epoch)
        report = EpochReport(
            phase=at,
            epoch=epoch,
            done=len(history.epochs) + 1,
            total=self.total,
            rate=float(members.phases[0].rate(clock)),
            train=np.asarray(looked.loss)[: members.size],
            validation=np.asarray(looked.validation)[: members.size],
            free_run=free_run,
            seconds=time.monotonic() - self.began,
        )
        if self.watch is not None:
            self.watch(report)
        history = replace(members.history, epochs=(*history.epochs, report))
        return replace(members, history=history)

    def _free_run(self, members: Members, epoch: int) -> tuple[Members, np.ndarray | None]:
        """Validation free-run error of each member where it is due: every few epochs, and last."""
        monitor, last = self.monitor, members.phases[0].epochs
        if monitor is None or not (
            (epoch + 1) % monitor.every == 0 or epoch + 1 == last or self.stop.asked
        ):
            return members, None
        models = jax.tree.map(lambda leaf: np.asarray(leaf)[: members.size], finished(members))
        return self._compared(members, models)

    def _compared(self, members: Members, models: PyTree) -> tuple[Members, np.ndarray]:
        """(members with the best so far remembered if asked for, their free-run errors)."""
        assert self.monitor is not None
        watched = self.monitor.validation.physical[: self.monitor.trajectories]
        errors = free_run_errors(self._ensemble(models, self.card, members.size), watched)
        if self.monitor.keep_best:
            members = members.keeping_best(errors, models, len(members.history.epochs) + 1)
        return members, errors


def _phase_number(members: Members) -> int:
    """Of the phase that begins: phases before it, as far as they got."""
    return len({report.phase for report in members.history.epochs})


def _own_precision(array: np.ndarray) -> Array:
    """In the precision of this training, whatever it came in; masks stay masks."""
    exact = not np.issubdtype(array.dtype, np.inexact)
    return jnp.asarray(array, array.dtype if exact else jnp.result_type(float))


def _to_device(examples: PyTree[np.ndarray]) -> PyTree[Array]:
    """Cast only here: targets were differenced in float64."""
    return everywhere(jax.tree.map(_own_precision, examples))
