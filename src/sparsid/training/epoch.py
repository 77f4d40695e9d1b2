"""One compiled epoch for one model; `over_members` vectorises it over an ensemble."""

import functools
from collections.abc import Callable
from typing import NamedTuple, Protocol

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Key, PyTree

from sparsid._devices import over_members
from sparsid.models.parameters import resolve, split_trainable
from sparsid.sparsify import Clock, Seen, Sparsifier
from sparsid.training.losses import AbstractLoss
from sparsid.training.optimisers import SGD, Adam
from sparsid.training.schedules import AbstractSchedule
from sparsid.training.shuffle import covered, order


class Epochs(Protocol):
    """The attributes of a phase that training by epochs uses."""

    @property
    def epochs(self) -> int: ...
    @property
    def rate(self) -> AbstractSchedule: ...
    @property
    def sparsifier(self) -> Sparsifier: ...
    @property
    def optimiser(self) -> Adam | SGD: ...
    @property
    def loss(self) -> AbstractLoss: ...
    @property
    def batch(self) -> int: ...


class Member(NamedTuple):
    """The training state of one network."""

    model: PyTree
    moments: PyTree
    state: PyTree  # of the sparsifier
    key: Key[Array, ""]
    alive: Bool[Array, ""]  # False: frozen, because its next epoch became NaN or infinite
    rate: AbstractSchedule | None  # of its phase; its numbers may differ between members


class Inspected(NamedTuple):
    """Losses of one member after an epoch."""

    loss: Array  # mean training loss over the epoch's steps, penalty not counted
    validation: Array  # loss on the validation examples after the epoch; NaN without any


class Program(NamedTuple):
    """What two phases must have in common to share one compiled epoch; it holds no numbers."""

    loss: AbstractLoss
    optimiser: Adam | SGD
    batch: int
    penalty: Callable | None
    after_step: Callable | None
    after_epoch: Callable | None

    @classmethod
    def of(cls, phase: Epochs) -> "Program":
        method = phase.sparsifier
        hooks = (method.penalty, method.after_step, method.after_epoch)
        return cls(phase.loss, phase.optimiser, phase.batch, *hooks)


def steps_per_epoch(examples: PyTree[Array], batch: int) -> int:
    """Full batches per epoch; at least one, smaller than `batch` if there are fewer examples."""
    n = covered(len(jax.tree.leaves(examples)[0]))
    return max(n // batch, 1)


@functools.lru_cache(maxsize=64)
def compiled_epoch(program: Program):
    """(members, epoch, epochs, examples, validation) -> (members, Inspected)."""

    def one(member: Member, epoch, epochs, examples, validation):
        if jax.default_backend() == "cpu":  # a branch: a frozen member costs nothing
            run = functools.partial(_epoch, program, epoch, epochs, examples, validation)
            return jax.lax.cond(member.alive, run, _skip, member)
        later, inspected = _epoch(program, epoch, epochs, examples, validation, member)
        return _freeze(member.alive, later, member), inspected

    return over_members(one)


def _epoch(program: Program, epoch, epochs, examples, validation, member: Member):
    steps = steps_per_epoch(examples, program.batch)
    key, key_order = jax.random.split(member.key)
    n = len(jax.tree.leaves(examples)[0])
    chosen = order(key_order, n)[: steps * program.batch].reshape(steps, -1)
    first = Clock(epoch * steps, epoch, epochs, steps)
    step = functools.partial(_step, program, member.rate, examples, first)
    # The entire model is carried: a hook after a step may change masks too.
    carry = (member.model, member.moments, member.state)
    (model, moments, state), losses = jax.lax.scan(step, carry, (jnp.arange(steps), chosen))
    if program.after_epoch is not None:
        done = Clock((epoch + 1) * steps, epoch + 1, epochs, steps)
        model, moments, state = program.after_epoch(model, moments, state, done)
    later = Member(model, moments, state, key, member.alive, member.rate)
    finite = jnp.isfinite(losses.mean()) & _all_finite(model)
    later = _freeze(finite, later, member)
    return later, Inspected(losses.mean(), _validation_loss(program, later.model, validation))


def _step(program: Program, rate, examples, first: Clock, carry, at):
    model, moments, state = carry
    trainable, rest = split_trainable(model)
    i, chosen = at
    clock = first._replace(step=first.step + i)
    batch = jax.tree.map(lambda array: array[chosen], examples)
    effective, pull = jax.vjp(lambda t: resolve(eqx.combine(t, rest)), trainable)
    loss, seen_gradient = jax.value_and_grad(program.loss.value)(effective, batch)
    (gradient,) = pull(seen_gradient)
    if (penalty := program.penalty) is not None:
        extra = jax.grad(lambda t: penalty(eqx.combine(t, rest), state, clock))
        gradient = jax.tree.map(jnp.add, gradient, extra(trainable))
    rate_now = rate(clock)
    update, moments = program.optimiser.transformation().update(gradient, moments, trainable)
    trainable = jax.tree.map(lambda w, d: w - (rate_now * d).astype(w.dtype), trainable, update)
    model = eqx.combine(trainable, rest)
    if program.after_step is not None:
        done = clock._replace(step=clock.step + 1)
        seen = Seen(seen_gradient, rate_now, program.optimiser.scale(moments))
        model, moments, state = program.after_step(model, moments, state, done, seen)
    return (model, moments, state), loss


def _validation_loss(program: Program, model, validation) -> Array:
    if validation is None:
        return jnp.full((), jnp.nan)
    return program.loss.value(resolve(model), validation)


def _skip(member: Member):
    return member, Inspected(jnp.full((), jnp.nan), jnp.full((), jnp.nan))


def _freeze(keep_later: Array, later: Member, before: Member) -> Member:
    """`later`, or `before` marked as frozen."""
    chosen = jax.tree.map(lambda new, old: jnp.where(keep_later, new, old), later, before)
    return chosen._replace(alive=before.alive & keep_later)


def _all_finite(model) -> Array:
    trainable, _ = split_trainable(model)
    return jnp.all(jnp.array([jnp.all(jnp.isfinite(leaf)) for leaf in jax.tree.leaves(trainable)]))
