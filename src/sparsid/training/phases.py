"""A phase of training by epochs: batches of examples, with a sparsification method."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import jax
import numpy as np

from sparsid._errors import SparsidError
from sparsid.architectures.capabilities import Need
from sparsid.sparsify import NOTHING, Clock, Sparsifier
from sparsid.training.entering import finished
from sparsid.training.epoch import Inspected, Member
from sparsid.training.epoch_loop import run_epochs
from sparsid.training.losses import AbstractLoss, OneStep
from sparsid.training.members import Members
from sparsid.training.optimisers import SGD, Adam
from sparsid.training.schedules import AbstractSchedule, Constant
from sparsid.training.training import Training, phases_done


@dataclass(frozen=True)
class Phase:
    """`epochs` passes over the examples of `loss` in batches of `batch`.

    Moments are kept from a preceding phase of the same optimiser, else reset.
    """

    epochs: int
    rate: AbstractSchedule = field(default_factory=lambda: Constant(1e-3))
    sparsifier: Sparsifier = NOTHING
    optimiser: Adam | SGD = field(default_factory=Adam)
    loss: AbstractLoss = field(default_factory=OneStep)
    batch: int = 50

    def __post_init__(self):
        for name in ("epochs", "batch"):
            if getattr(self, name) < 1:
                raise SparsidError(f"`{name}` must be at least 1; got {getattr(self, name)}.")

    @property
    def needs(self) -> Need | None:
        """The capability that the loss needs of a model."""
        return self.loss.needs

    @property
    def removes_weights(self) -> bool:
        """Whether weights may become zero in it."""
        return self.sparsifier != NOTHING

    def check(self, training: Training, members: Members, *, thinned: bool) -> None:
        """Raises SparsidError where the data are too short for the loss."""
        lag = members.stack.model.lag
        self.loss.check(training.train, lag=lag)
        if training.monitor is not None:
            self.loss.check(training.monitor.validation, lag=lag)

    def run(self, training: Training, members: Members, phases: Sequence["Phase"]) -> Members:
        """The members after one phase each; the phases differ in numbers only."""
        at = phases_done(members.history)

        def look(members: Members, stack: Member, inspected: Inspected, clock: Clock) -> Members:
            return _reported(training, members, stack, inspected, at, clock)

        uses_data = any(phase.sparsifier.sees_data for phase in phases)
        return run_epochs(
            members,
            phases,
            training.examples(self.loss),
            training.monitored(self.loss),
            over=training.over,
            look=look,
            regressors=training.regressors() if uses_data else None,
        )


def _reported(
    training: Training, members: Members, stack: Member, inspected: Inspected, at: int, clock: Clock
) -> Members:
    """The members after an epoch, with its report; diverged ones are marked as frozen."""
    size, epoch = members.size, int(clock.epoch)
    diverged = members.alive() & ~np.asarray(stack.alive)[:size]
    frozen = {**members.history.frozen, **{int(i): (at, epoch) for i in np.flatnonzero(diverged)}}
    members = replace(members, stack=stack, history=replace(members.history, frozen=frozen))
    free_run = None
    if training.due(epoch, members.phases[0].epochs):
        models = jax.tree.map(lambda leaf: np.asarray(leaf)[:size], finished(members))
        members, free_run = training.compared(members, models)
    return training.reported(
        members,
        phase=at,
        epoch=epoch,
        rate=float(members.phases[0].rate(clock)),
        train=np.asarray(inspected.loss)[:size],
        validation=np.asarray(inspected.validation)[:size],
        free_run=free_run,
    )
