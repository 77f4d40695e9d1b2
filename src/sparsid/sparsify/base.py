"""A sparsification method is a record of pure functions; records combine with `chain`.

Every hook is optional (None) and is compiled only where it is given. Hooks close over structure
only; numbers (strengths, thresholds, shares) are part of the state that `init` returns, so that
runs which differ in numbers alone share one compiled program. Compiled hooks are module-level
functions, or frozen dataclasses of them: they are the cache key of the compiled program.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:  # these names of jaxtyping import JAX
    from jaxtyping import Array, PyTree


class Clock(NamedTuple):
    """Position within a phase: the same for all members, so `lax.cond` on it stays a branch."""

    step: Array | int  # steps done in this phase
    epoch: Array | int  # epochs done in this phase
    epochs: Array | int  # total epochs of the phase
    steps_per_epoch: int

    @property
    def fraction(self) -> Array | float:
        """Share of the phase that is done, 0 to 1."""
        return self.step / (self.epochs * self.steps_per_epoch)


class Seen(NamedTuple):
    """What a hook receives after a step."""

    gradient: PyTree  # with respect to the effective weights: dense, also at masked entries
    rate: Array  # the step's learning rate
    scale: PyTree  # the optimiser's step per unit of gradient, for each leaf; None: 1


@dataclass(frozen=True)
class Sparsifier:
    """One method. Every hook takes one member.

    - `prepare(model, *, key) -> model` wraps leaves, at the beginning of a phase;
    - `init(model, *, key) -> state`, at the beginning of a phase;
    - `penalty(model, state, clock) -> scalar`, added to the loss;
    - `after_step(model, moments, state, clock, seen) -> (model, moments, state)`;
    - `after_epoch(model, moments, state, clock) -> (model, moments, state)`;
    - `finish(model, state) -> model`, may be called at any time.

    With `sees_data`, `prepare` and `init` also take `regressors` (rows, regressors): the scaled
    inputs of a network over the training data.
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
        model if method.prepare is None else _call(method, method.prepare, model, key, regressors)
    )


def init(method: Sparsifier, model, *, key, regressors: Array | None = None) -> Any:
    return () if method.init is None else _call(method, method.init, model, key, regressors)


def _call(method: Sparsifier, hook: Callable, model, key, regressors: Array | None):
    return hook(model, key=key, **({"regressors": regressors} if method.sees_data else {}))


def finish(method: Sparsifier, model, state):
    return model if method.finish is None else method.finish(model, state)
