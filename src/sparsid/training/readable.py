"""Interpretable networks: one for each state, with only the inputs that it needs.

Three steps. The strength of L1 is chosen for each state: the largest whose free-run error of that
state over validation data, with the other states from the record, is close to the best. Then inputs
are tested one after the other, the least sensitive first: every network is trained further with and
without the input, equally long under the weakest penalty. An input is kept if the sensitivity to it
is above a threshold (even if correlated inputs could replace it at little cost), or if the one-step
validation error without it is larger, however small the sensitivity; else it is removed. Finally
the penalty shrinks the remaining weights, small ones are set to zero, and the others are trained
further without penalty.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, Key, PyTree

from sparsid._errors import SparsidError
from sparsid.data import ScaledDataset
from sparsid.evaluation import alone_errors, free_run_errors, one_step_errors, structure
from sparsid.models import DerivativeMLP, Ensemble
from sparsid.models.mlp import MLP, Layer
from sparsid.models.parameters import Masked
from sparsid.sparsify import L1, Sparsifier, chain, threshold
from sparsid.training.members import Members
from sparsid.training.phases import Phase
from sparsid.training.progress import Callback, EpochReport, interruptible
from sparsid.training.schedules import Cosine
from sparsid.training.training import NEVER, Fitted, Monitor, Training


@dataclass(frozen=True)
class Reading:
    """Options of `fit_readable`; `epochs` is the length of a complete training.

    `strengths` of L1 are ascending; each is tried with `starts` networks over half the epochs, and
    the largest is taken whose free-run error is within `tolerance` of the best. The direct path
    from inputs to outputs has a tenth of it. While inputs are tested it is the weakest, so that the
    penalty does not hide their effect. An input is a candidate for removal if its
    sensitivity is below `sensitivity_threshold` (standard deviations of the increment for one of
    the input); it is removed if the squared one-step error without it is at most `factor` times
    that with it (2.25: 1.5 times the error), or at most `floor` (a share of the variance of the
    increments, for errors of the size of rounding). `cut` is the threshold of the last training.
    """

    epochs: int
    strengths: tuple[float, ...] = (1e-6, 1e-5, 1e-4, 1e-3)
    starts: int = 3
    tolerance: float = 1.1
    sensitivity_threshold: float = 0.3
    factor: float = 2.25
    floor: float = 1e-6
    cut: float = 3e-3
    rate: float = 3e-3
    batch: int = 128
    monitored: int = 8  # validation trajectories for free runs

    def epochs_for(self, inputs: int) -> int:
        """Total epochs for networks of so many inputs, if every input is tested."""
        return 2 * self.half + 2 * self.epochs + 2 * inputs * self.short

    @property
    def half(self) -> int:
        return max(self.epochs // 2, 1)

    @property
    def short(self) -> int:
        """Epochs with, and without, each input that is tested."""
        return max(self.epochs // 5, 1)


@dataclass(frozen=True, eq=False)
class StrengthChoice:
    """The strengths tried and their errors, medians over the starts.

    `alone` are free-run errors of single states, `joint` those of all states together with each
    strength, and `joint_chosen` with the chosen strength of every state. If the last is above the
    best common strength's by more than the tolerance, `chosen` is the common one.
    """

    strengths: tuple[float, ...]
    alone: Float[np.ndarray, "strength states"]
    joint: Float[np.ndarray, " strength"]
    chosen: Int[np.ndarray, " states"]
    joint_chosen: float

    @property
    def per_state(self) -> tuple[float, ...]:
        return tuple(self.strengths[at] for at in self.chosen)


@dataclass(frozen=True, eq=False)
class LinkPath:
    """The tests by round: `tried` is the input tested for each network (-1: none).

    `sensitivity` is the network's sensitivity to it, `error` and `error_with` are the squared
    one-step validation errors without and with it, and `gone` says whether it was removed.
    """

    tried: Int[np.ndarray, "round member states"]
    sensitivity: Float[np.ndarray, "round member states"]
    error: Float[np.ndarray, "round member states"]
    error_with: Float[np.ndarray, "round member states"]
    gone: Bool[np.ndarray, "round member states"]


@dataclass(frozen=True)
class ReadFitted:
    """A readable ensemble and the choices made; None for steps that were interrupted."""

    fitted: Fitted
    strengths: StrengthChoice | None
    path: LinkPath | None


def fit_readable(
    architecture: DerivativeMLP,
    train: ScaledDataset,
    validation: ScaledDataset,
    reading: Reading,
    *,
    size: int = 10,
    callback: Callback | None = None,
    key: Key[Array, ""],
) -> ReadFitted:
    """Trains `size` members with interpretable links; member i depends on `key` and i only.

    Ctrl-C ends training after the current epoch with a usable result. Raises SparsidError for an
    architecture without a network per state.
    """
    if not architecture.per_state:
        raise SparsidError("Readable links need one network per state; set `per_state`.")
    key_try, key_fit = jax.random.split(key)
    with interruptible() as stop:
        run = _Run(architecture, train, validation, reading, callback, stop)
        tried = run.tried(key_try)
        if stop.asked:  # those of the weakest penalty, in their current state
            some = tried.pick([i % reading.starts for i in range(size)])
            return ReadFitted(run.training.fitted(some), None, None)
        choice = run.choice(tried)
        members, path = run.trained(key_fit, size, choice.per_state), None
        if not stop.asked:
            members, path = run.with_needed_inputs(members)
        return ReadFitted(run.finished(members, choice.per_state), choice, path)


class _Run:
    """The three steps on one plant's data, with a common count of epochs."""

    def __init__(
        self,
        architecture: DerivativeMLP,
        train: ScaledDataset,
        validation: ScaledDataset,
        reading: Reading,
        callback: Callback | None,
        stop: Any,
    ):
        self.reading, self.validation, self.callback_of = reading, validation, callback
        inputs = len(train.physical.states) + len(train.physical.inputs)
        self.inputs, self.epochs_done = inputs, 0
        self.training = Training(
            architecture,
            train,
            monitor=Monitor(validation, every=NEVER, trajectories=1),
            callback=self.callback,
            stop=stop,
            total=reading.epochs_for(inputs),
        )

    def callback(self, report: EpochReport) -> None:
        self.epochs_done += 1
        if self.callback_of is not None:
            self.callback_of(replace(report, done=self.epochs_done))

    def phase(self, epochs: int, method: Sparsifier, first: float, last: float) -> Phase:
        return Phase(epochs, Cosine(first, last), method, batch=self.reading.batch)

    def tried(self, key: Key[Array, ""]) -> Members:
        """Networks of every strength, ordered by strength, with the same initial weights."""
        given, rate = self.reading, self.reading.rate
        keys = jax.random.split(key, given.starts)
        members = self.training.begin(jnp.concatenate([keys] * len(given.strengths)))
        states = len(self.training.train.physical.states)
        each = [_penalty((s,) * states) for s in given.strengths for _ in range(given.starts)]
        return self.training.run(members, [self.phase(given.half, m, rate, 0.0) for m in each])

    def choice(self, tried: Members) -> StrengthChoice:
        given, monitored = self.reading, self.validation.physical[: self.reading.monitored]
        ensemble = self.training.fitted(tried).ensemble
        shape = (len(given.strengths), given.starts)
        alone = np.median(alone_errors(ensemble, monitored).reshape(*shape, -1), axis=1)
        joint = np.median(free_run_errors(ensemble, monitored).reshape(shape), axis=1)
        chosen = chosen_strengths(alone, given.tolerance)
        sources = chosen * given.starts + np.arange(given.starts)[:, None]
        mixed = _with_models(ensemble, regrouped(ensemble.stacked.model, sources))
        together = float(np.median(free_run_errors(mixed, monitored)))
        if not together <= given.tolerance * joint.min():
            chosen = np.full_like(chosen, joint.argmin())
        return StrengthChoice(given.strengths, alone, joint, chosen, together)

    def trained(self, key: Key[Array, ""], size: int, strengths: Sequence[float]) -> Members:
        keys = jax.vmap(lambda i: jax.random.fold_in(key, i))(jnp.arange(size))
        rate, method = self.reading.rate, _penalty(strengths)
        phase = self.phase(self.reading.epochs, method, rate, rate / 10)
        return self.training.run(self.training.begin(keys), phase)

    def with_needed_inputs(self, members: Members) -> tuple[Members, LinkPath]:
        """The members with the inputs that they need, and the tests made."""
        given, states = self.reading, len(self.training.train.physical.states)
        keep = np.ones((members.size, states, self.inputs), bool)
        needed, rounds = np.zeros_like(keep), []
        method = _penalty(given.strengths[:1] * states)
        phase = self.phase(given.short, method, given.rate / 3, given.rate / 300)
        for _ in range(self.inputs):
            found = structure(self.training.fitted(members).ensemble, self.training.train.physical)
            assert found.sensitivity is not None
            goes, least = weakest(
                keep & ~needed, keep, found.sensitivity, given.sensitivity_threshold
            )
            if not goes.any() or self.training.stop.asked:
                break
            both = self.training.run(replace(members, phases=()), phase)
            tried = replace(with_links(members, keep & ~goes), phases=())
            tried = self.training.run(tried, phase)
            if self.training.stop.asked:
                break
            error, error_with = (
                one_step_errors(self.training.fitted(m).ensemble, self.validation)
                for m in (tried, both)
            )
            asked = goes.any(axis=2)
            accepted = np.isfinite(error) & (
                error <= np.maximum(given.factor * error_with, given.floor)
            )
            gone = asked & accepted & tried.alive()[:, None]
            trained = asked & both.alive()[:, None]  # a member that diverges stays unchanged
            members = members_of(gone, tried, members_of(trained, both, members))
            keep, needed = keep & ~(goes & gone[..., None]), needed | (goes & ~gone[..., None])
            at = np.where(asked, goes.argmax(axis=2), -1)
            rounds.append((at, least, error, error_with, gone))
        self.training.total = self.epochs_done + given.half + given.epochs
        empty = np.zeros((0, members.size, states))
        columns = zip(*rounds, strict=True) if rounds else (empty,) * 5
        return members, LinkPath(*map(np.asarray, columns))

    def finished(self, members: Members, strengths: Sequence[float]) -> Fitted:
        given = self.reading
        shrink = self.phase(given.half, _penalty(strengths), given.rate / 3, given.rate / 30)
        members = self.training.run(members, shrink)
        cut = threshold(given.cut, direct=given.cut / 30)
        last = self.phase(given.epochs, cut, given.rate / 3, 0.0)
        return self.training.fitted(self.training.run(members, last))


def _penalty(strengths: Sequence[float]) -> Sparsifier:
    """L1 of a strength for each state, under masks that keep all weights."""
    return chain(threshold(0.0), L1(weight=1.0, direct=0.1).build(per_output=strengths))


def chosen_strengths(
    alone: Float[np.ndarray, "strength states"], tolerance: float
) -> Int[np.ndarray, " states"]:
    """For each state the index of the last strength whose error is within `tolerance` of the least.

    0, the weakest, if all runs diverged.
    """
    accepted = alone <= tolerance * alone.min(axis=0)
    last = len(alone) - 1 - accepted[::-1].argmax(axis=0)
    return np.where(np.isfinite(alone).any(axis=0), last, 0)


def weakest(
    candidates: Bool[np.ndarray, "member states inputs"],
    keep: Bool[np.ndarray, "member states inputs"],
    sensitivity: Float[np.ndarray, "member states inputs"],
    sensitivity_threshold: float,
) -> tuple[Bool[np.ndarray, "member states inputs"], Float[np.ndarray, "member states"]]:
    """(the least sensitive candidate of every network, that sensitivity).

    None, and inf, if no candidate is below the threshold, or a single input is left.
    """
    left = np.where(candidates & (keep.sum(axis=2, keepdims=True) > 1), sensitivity, np.inf)
    least = np.where(left.min(axis=2) < sensitivity_threshold, left.min(axis=2), np.inf)
    places = np.arange(keep.shape[2]) == left.argmin(axis=2)[..., None]
    return places & np.isfinite(least)[..., None], least


def with_links(members: Members, keep: Bool[np.ndarray, "member states inputs"]) -> Members:
    """The members, masked already, with these inputs only: the columns of others are masked."""
    whole = jnp.asarray(keep[np.resize(np.arange(len(keep)), len(members.stack.alive))])

    def under(weight: Masked) -> Masked:
        return Masked(weight.raw, weight.keep & whole[:, :, None, :])

    def onto(network: MLP) -> MLP:
        first, *rest = network.layers
        later = [
            layer if layer.skip is None else replace(layer, skip=under(layer.skip))
            for layer in rest
        ]
        layers: tuple[Layer, ...] = (replace(first, weight=under(first.weight)), *later)
        return replace(network, layers=layers)

    model = eqx.tree_at(
        lambda model: model.network.networks,
        members.stack.model,
        replace_fn=onto,
        is_leaf=lambda node: isinstance(node, MLP),
    )
    return replace(members, stack=members.stack._replace(model=model))


def members_of(taken: Bool[np.ndarray, "member states"], new: Members, old: Members) -> Members:
    """The members with their networks of `new` where `taken`, else those of `old`.

    A network whose tests are finished then does not depend on how many rounds others need; nor do
    the key of its member and whether it is frozen.
    """
    whole = jnp.asarray(taken[np.resize(np.arange(len(taken)), len(new.stack.alive))])

    def choose(one, other):
        return jnp.where(whole.reshape(*whole.shape, *[1] * (one.ndim - 2)), one, other)

    mixed = eqx.tree_at(
        lambda model: model.network.networks,
        new.stack.model,
        jax.tree.map(choose, new.stack.model.network.networks, old.stack.model.network.networks),
    )
    any_taken = whole.any(axis=1)
    key = jnp.where(any_taken, new.stack.key, old.stack.key)
    alive = jnp.where(any_taken, new.stack.alive, old.stack.alive)
    frozen = {i: at for i, at in new.history.frozen.items() if not alive[i]}
    return replace(
        new,
        stack=new.stack._replace(model=mixed, key=key, alive=alive),
        phases=(),
        history=replace(new.history, frozen=frozen),
    )


def regrouped(models: PyTree, sources: Int[np.ndarray, "member states"]) -> PyTree:
    """Stacked models that take the network of state i from member `sources[member, i]`."""
    states = np.arange(sources.shape[1])
    whole = jax.tree.map(lambda leaf: leaf[sources[:, 0]], models)
    return eqx.tree_at(
        lambda model: model.network.networks,
        whole,
        jax.tree.map(lambda leaf: leaf[sources, states], models.network.networks),
    )


def _with_models(ensemble: Ensemble, models: PyTree) -> Ensemble:
    size = len(jax.tree.leaves(models)[0])
    return replace(ensemble, stacked=replace(ensemble.stacked, model=models), size=size)
