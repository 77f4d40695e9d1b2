"""Training of members through phases: the interface of a phase, and the shared state."""

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

MONITORED = 20_000  # validation examples evaluated after every epoch
NEVER = 10**9  # epochs, for a Monitor without free runs during a phase


class AnyPhase(Needing, Protocol):
    """Interface of a phase; a new kind of phase is a class with these attributes."""

    @property
    def epochs(self) -> int:
        """Largest number of reports, for progress."""
        ...

    @property
    def removes_weights(self) -> bool:
        """Whether the phase may set weights to zero."""
        ...

    def check(self, training: "Training", members: Members, *, thinned: bool) -> None:
        """Raises SparsidError for unsupported data or models, before anything is trained.

        `members` are untrained; `thinned`: whether an earlier phase may set weights to zero.
        """

    def run(self, training: "Training", members: Members, phases: Sequence[Any]) -> Members:
        """The members after their `phases`, one per member; `self` is the first."""
        ...


@dataclass(frozen=True)
class Monitor:
    """Evaluation on validation data during training; no effect on it unless `keep_best`.

    Every `every` epochs all members are run freely over the first `trajectories` validation
    trajectories. With `keep_best`, the result has each member at its best free run.
    """

    validation: ScaledDataset
    every: int = 10
    trajectories: int = 8
    keep_best: bool = False


@dataclass(frozen=True)
class Fitted:
    """Result of training: the ensemble, usable also after an interruption, and its history."""

    ensemble: Ensemble
    history: History


class Training:
    """Creates members, trains them through phases, and evaluates them between epochs.

    `total` is the total number of epochs in reports. Without `allow_diverged`, second-order
    training raises SparsidError if the free runs of all members are NaN or infinite at its start.
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
        """New members, one per key; `start` is a stacked scaled model to start from instead."""
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
        """The members after one phase: the same for all, or one for each member.

        Phases of one call have the same structure (epochs, batch, loss, optimiser, hooks) and may
        differ in numbers. Ends early if a stop was requested or all members are frozen. Raises
        SparsidError for phases that differ in structure, and for one that the architecture does
        not support.
        """
        phases = tuple(phase) if isinstance(phase, Sequence) else (phase,) * members.size
        if len(phases) != members.size:
            raise SparsidError(
                f"`phases` must have one entry for each of {members.size} members; got "
                f"{len(phases)}."
            )
        if any(type(other) is not type(phases[0]) for other in phases):
            raise SparsidError(UNEQUAL)
        check_serves(self.architecture, phases[0])
        return members if self.over(members) else phases[0].run(self, members, phases)

    def over(self, members: Members) -> bool:
        """Whether a stop was requested, or all members are frozen."""
        return self.stop.asked or not members.alive().any()

    def fitted(self, members: Members) -> Fitted:
        """The ensemble in its current state, with its card."""
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
        """Validation examples, evenly subsampled to at most `MONITORED`, on every device."""
        if self.monitor is None:
            return None
        if (loss, "validation") not in self._on_device:
            examples = loss.examples(self.monitor.validation)
            n = len(jax.tree.leaves(examples)[0])
            chosen = np.unique(np.linspace(0, n - 1, min(n, MONITORED)).astype(int))
            subsampled = jax.tree.map(lambda array: array[chosen], examples)
            self._on_device[loss, "validation"] = _to_device(subsampled)
        return self._on_device[loss, "validation"]

    def regressors(self) -> Float[Array, "rows regressors"]:
        """The inputs of a network over the training data."""
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
        """The members with one more report in their history, after passing it to `callback`."""
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
        """Whether validation free runs are due: every `every` epochs, and after the last one."""
        if self.monitor is None:
            return False
        return (epoch + 1) % self.monitor.every == 0 or epoch + 1 == epochs or self.stop.asked

    def compared(
        self, members: Members, models: PyTree
    ) -> tuple[Members, Float[np.ndarray, " member"]]:
        """(members, with their best models updated if `keep_best`; their free-run errors)."""
        assert self.monitor is not None
        monitored = self.monitor.validation.physical[: self.monitor.trajectories]
        errors = free_run_errors(self._ensemble(models, self.card, members.size), monitored)
        if self.monitor.keep_best:
            members = members.keeping_best(errors, models, len(members.history.epochs) + 1)
        return members, errors


def phases_done(history: History) -> int:
    """Number of phases with at least one report: the index of the next phase."""
    return len({report.phase for report in history.epochs})


def _own_precision(array: np.ndarray) -> Array:
    """The array in the precision of this training; Boolean and integer arrays are not cast."""
    exact = not np.issubdtype(array.dtype, np.inexact)
    return jnp.asarray(array, array.dtype if exact else jnp.result_type(float))


def _to_device(examples: PyTree[np.ndarray]) -> PyTree[Array]:
    """Cast only here, as targets are differenced in float64."""
    return replicated(jax.tree.map(_own_precision, examples))
