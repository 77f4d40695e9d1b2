"""A sparsification method is a record of pure functions; records combine with `chain`.

Every hook is optional (None) and is compiled only where it is given. Structure alone is closed
over; numbers (strengths, thresholds, shares) live in the state that `init` returns, so that runs
which differ in numbers alone share one compiled program. Hooks that are compiled are module-level
functions, or frozen records of such: the compiled program is found again by them.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:  # these names of jaxtyping import JAX
    from jaxtyping import Array, PyTree


class Clock(NamedTuple):
    """Where a phase stands: the same for all members, so that "is it due?" stays a branch."""

    step: Array | int  # steps done in this phase
    epoch: Array | int  # epochs done in this phase
    epochs: Array | int  # epochs of the whole phase
    steps_per_epoch: int

    @property
    def fraction(self) -> Array | float:
        """Share of the phase that is done, 0 to 1."""
        return self.step / (self.epochs * self.steps_per_epoch)


class Seen(NamedTuple):
    """What a hook may look at after a step."""

    gradient: PyTree  # with respect to the effective weights: dense also at dead places
    rate: Array  # the step's learning rate
    scale: PyTree  # the optimiser's step a unit of gradient, leaf by leaf; None: 1 everywhere


@dataclass(frozen=True)
class Sparsifier:
    """One method. All hooks see one member.

    - `prepare(model, *, key) -> model` wraps leaves, at the beginning of a phase;
    - `init(model, *, key) -> state`, at the beginning of a phase;
    - `penalty(model, state, clock) -> scalar`, added to the loss;
    - `after_step(model, moments, state, clock, seen) -> (model, moments, state)`;
    - `after_epoch(model, moments, state, clock) -> (model, moments, state)`;
    - `finish(model, state) -> model`, valid at any moment.

    With `sees_data`, `prepare` and `init` also take `regressors` (rows, regressors): what a
    network is given over the training data, in scaled numbers.
    """

    prepare: Callable | None = None
    init: Callable | None = None
    penalty: Callable | None = None
    after_step: Callable | None = None
    after_epoch: Callable | None = None
    finish: Callable | None = None
    sees_data: bool = False


NOTHING = Sparsifier()


def prepare(method: Sparsifier, model, *, key, regressors: Array | None = None):
    return (
        model if method.prepare is None else _begun(method, method.prepare, model, key, regressors)
    )


def init(method: Sparsifier, model, *, key, regressors: Array | None = None) -> Any:
    return () if method.init is None else _begun(method, method.init, model, key, regressors)


def _begun(method: Sparsifier, hook: Callable, model, key, regressors: Array | None):
    return hook(model, key=key, **({"regressors": regressors} if method.sees_data else {}))


def finish(method: Sparsifier, model, state):
    return model if method.finish is None else method.finish(model, state)
