"""Members moved through phases: what every kind of phase has, and what all of them share."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Protocol

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key, PyTree

from sparsid._devices import padding, replicated
from sparsid._errors import SparsidError
from sparsid.architectures import AbstractArchitecture, Card
from sparsid.architectures.capabilities import Needing, check_serves
from sparsid.data import ScaledDataset
from sparsid.evaluation import free_run_errors
from sparsid.models import Ensemble
from sparsid.training.entering import UNEQUAL
from sparsid.training.epoch import Member
from sparsid.training.losses import AbstractLoss
from sparsid.training.members import Members
from sparsid.training.progress import Callback, EpochReport, History, Stop

MONITORED = 20_000  # validation examples looked at after every epoch
NEVER = 10**9  # epochs, for a Monitor that looks at no free run on the way


class AnyPhase(Needing, Protocol):
    """What every kind of phase has; a new kind is a class with these attributes."""

    @property
    def epochs(self) -> int:
        """How many reports it makes at most: what progress counts."""
        ...

    @property
    def removes_weights(self) -> bool:
        """Whether weights may become zero in it."""
        ...

    def check(self, training: "Training", members: Members, *, thinned: bool) -> None:
        """Raises SparsidError for data or models that it cannot take, before anything is trained.

        `members` are fresh; `thinned` says that a phase before may make weights zero.
        """

    def run(self, training: "Training", members: Members, phases: Sequence[Any]) -> Members:
        """The members after their phases, one a member, this one the first of them."""
        ...


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


class Training:
    """Makes members, moves them through phases, and looks at them between epochs.

    `total` is the number of epochs that reports count towards. With `allow_diverged`, free runs of
    all members that are NaN or infinite when second-order training begins are a result, no error.
    float64 training runs inside `jax.enable_x64`.
    """

    def __init__(
        self,
        architecture: AbstractArchitecture,
        train: ScaledDataset,
        *,
        monitor: Monitor | None = None,
        callback: Callback | None = None,
        stop: Stop | None = None,
        total: int = 0,
        allow_diverged: bool = False,
    ):
        self.architecture, self.train, self.total = architecture, train, total
        self.allow_diverged = allow_diverged
        self.monitor, self.callback, self.stop = monitor, callback, stop or Stop()
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
        SparsidError for phases that differ in structure, and for one that the architecture cannot
        serve.
        """
        phases = tuple(phase) if isinstance(phase, Sequence) else (phase,) * members.size
        if len(phases) != members.size:
            raise SparsidError(f"`phases` must be one a member, {members.size}; got {len(phases)}.")
        if any(type(other) is not type(phases[0]) for other in phases):
            raise SparsidError(UNEQUAL)
        check_serves(self.architecture, phases[0])
        return members if self.over(members) else phases[0].run(self, members, phases)

    def over(self, members: Members) -> bool:
        """Whether the user stopped, or nobody is alive."""
        return self.stop.asked or not members.alive().any()

    def fitted(self, members: Members) -> Fitted:
        """The ensemble as it stands, with its card."""
        history = replace(members.history, interrupted=self.stop.asked)
        models = members.models()
        if members.best is not None and self.monitor is not None and self.monitor.keep_best:
            models = members.best.models
        details = {
            "epochs": len(history.epochs),
            "examples": self.train.scaled.samples,
            "notes": history.sentences(),
        }
        card = replace(self.card, training=details)
        return Fitted(self._ensemble(models, card, members.size), history)

    def _ensemble(self, models: PyTree, card: Card, size: int) -> Ensemble:
        return Ensemble.of(models, self.train.normaliser, card, size)

    def examples(self, loss: AbstractLoss) -> PyTree[Array]:
        """The training examples of a loss, on every device."""
        if (loss, "train") not in self._on_device:
            self._on_device[loss, "train"] = _to_device(loss.examples(self.train))
        return self._on_device[loss, "train"]

    def monitored(self, loss: AbstractLoss) -> PyTree[Array] | None:
        """Validation examples, evenly thinned to a bounded number, on every device."""
        if self.monitor is None:
            return None
        if (loss, "validation") not in self._on_device:
            examples = loss.examples(self.monitor.validation)
            n = len(jax.tree.leaves(examples)[0])
            chosen = np.unique(np.linspace(0, n - 1, min(n, MONITORED)).astype(int))
            thinned = jax.tree.map(lambda array: array[chosen], examples)
            self._on_device[loss, "validation"] = _to_device(thinned)
        return self._on_device[loss, "validation"]

    def regressors(self) -> Float[Array, "rows regressors"]:
        """What a network is given over the training data."""
        rows = [self.architecture.regressors(t.x, t.u) for t in self.train.scaled]
        return replicated(_own_precision(np.concatenate(rows)))

    def reported(
        self,
        members: Members,
        *,
        phase: int,
        epoch: int,
        rate: float,
        train: Float[np.ndarray, " member"],
        validation: Float[np.ndarray, " member"],
        free_run: Float[np.ndarray, " member"] | None = None,
    ) -> Members:
        """The members with one more report in their history, which `callback` has been told."""
        report = EpochReport(
            phase=phase,
            epoch=epoch,
            done=len(members.history.epochs) + 1,
            total=self.total,
            rate=rate,
            train=train,
            validation=validation,
            free_run=free_run,
            seconds=time.monotonic() - self.began,
        )
        if self.callback is not None:
            self.callback(report)
        history = replace(members.history, epochs=(*members.history.epochs, report))
        return replace(members, history=history)

    def due(self, epoch: int, epochs: int) -> bool:
        """Whether validation free runs are due: every few epochs, and after the last one."""
        if self.monitor is None:
            return False
        return (epoch + 1) % self.monitor.every == 0 or epoch + 1 == epochs or self.stop.asked

    def compared(
        self, members: Members, models: PyTree
    ) -> tuple[Members, Float[np.ndarray, " member"]]:
        """(members with the best so far remembered if asked for, their free-run errors)."""
        assert self.monitor is not None
        monitored = self.monitor.validation.physical[: self.monitor.trajectories]
        errors = free_run_errors(self._ensemble(models, self.card, members.size), monitored)
        if self.monitor.keep_best:
            members = members.keeping_best(errors, models, len(members.history.epochs) + 1)
        return members, errors


def phases_done(history: History) -> int:
    """Phases that were trained, as far as they got: the number of the one that begins."""
    return len({report.phase for report in history.epochs})


def _own_precision(array: np.ndarray) -> Array:
    """In the precision of this training, whatever it came in; masks stay masks."""
    exact = not np.issubdtype(array.dtype, np.inexact)
    return jnp.asarray(array, array.dtype if exact else jnp.result_type(float))


def _to_device(examples: PyTree[np.ndarray]) -> PyTree[Array]:
    """Cast only here: targets were differenced in float64."""
    return replicated(jax.tree.map(_own_precision, examples))
