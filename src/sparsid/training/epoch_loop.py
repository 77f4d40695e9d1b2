"""The Python loop over compiled epochs of one phase, with a callback after each."""

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
    """The members after one phase of epochs each, `finish` of their methods included.

    `phases` has one per member; they differ in numbers only. `look(members, stack, inspected,
    clock)` returns the members after an epoch from those before it, the trained stack and the
    epoch's losses. The phase ends early if `over(members)` is true. `regressors` are for methods
    that use the data. Raises SparsidError for phases that differ in structure.
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
        stack, inspected = run(members.stack, epoch, first.epochs, examples, validation)
        members = look(members, stack, inspected, Clock(epoch * steps, epoch, first.epochs, steps))
    models = finished(members)
    return replace(members, stack=members.stack._replace(model=models, state=()))
