"""The Python loop around compiled epochs: it enters a phase, looks between epochs, and ends it."""

from collections.abc import Callable, Sequence
from dataclasses import replace

from jaxtyping import Array, Float, PyTree

from sparsid._devices import shard
from sparsid._errors import SparsidError
from sparsid.sparsify import Clock
from sparsid.training.entering import UNEQUAL, enter, finished
from sparsid.training.epoch import (
    Epochs,
    Inspected,
    Member,
    Program,
    compiled_epoch,
    steps_per_epoch,
)
from sparsid.training.members import Members

type Look = Callable[[Members, Member, Inspected, Clock], Members]


def run_epochs(
    members: Members,
    phases: Sequence[Epochs],
    examples: PyTree[Array],
    validation: PyTree[Array] | None,
    *,
    over: Callable[[Members], bool],
    look: Look,
    regressors: Float[Array, "rows regressors"] | None = None,
) -> Members:
    """The members after one phase of epochs each, as their methods leave them.

    `phases` holds one a member, alike but for numbers. `look(members, stack, looked, clock)` gives
    the members after an epoch from those before it, the trained stack and the epoch's losses. The
    phase ends early where `over(members)` holds. `regressors` are for methods that look at the
    data. Raises SparsidError for phases that differ in structure.
    """
    first, program = phases[0], Program.of(phases[0])
    if any((Program.of(p), p.epochs) != (program, first.epochs) for p in phases):
        raise SparsidError(UNEQUAL)
    members = enter(members, phases, regressors)
    members = replace(members, stack=shard(members.stack))
    steps, run = steps_per_epoch(examples, first.batch), compiled_epoch(program)
    for epoch in range(first.epochs):
        if over(members):
            break
        stack, looked = run(members.stack, epoch, first.epochs, examples, validation)
        members = look(members, stack, looked, Clock(epoch * steps, epoch, first.epochs, steps))
    models = finished(members)
    return replace(members, stack=members.stack._replace(model=models, state=()))
