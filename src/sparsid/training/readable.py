"""Networks made for reading: one for each state, fed by the inputs that it needs and no others.

Three steps. The strength of L1 is chosen for each state: the largest with which that state, running
freely over validation data while the others come from the record, errs hardly more than with the
best. Then every network is trained on with and without one of its inputs after the other, the least
sensitive first, equally long under the weakest penalty. An input is needed if the network leans on
it (others may stand in for it at little cost, as two temperatures that move together do), or if the
one-step validation error without it is larger, however little the network seemed to lean on it;
else it goes. At last the penalty shrinks what is left, small weights become zero, and the rest
trains on without it.
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
    """How networks become readable; `epochs` is the length of a whole training.

    `strengths` of L1 rise; each is tried with `starts` networks over half the epochs, and the
    largest is taken whose free-run error is within `tolerance` of the best. The direct path from
    inputs to outputs has a tenth of it. While inputs are given up it is the weakest, or what they
    are worth would drown in what the penalty costs. An input is a candidate for removal if its
    sensitivity is below `sensitivity_threshold` (standard deviations of the increment for one of
    the input); it is removed if the squared one-step error without it is at most `factor` times
    that with it (half as large again, not squared), or `floor` (of the variance of the
    increments, where errors are nothing but rounding).
    `cut` is the threshold of the last training.
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
    monitored: int = 8  # validation trajectories that states run alone over

    def epochs_for(self, inputs: int) -> int:
        """Epochs of everything, for networks of so many inputs, if every one is tried."""
        return 2 * self.half + 2 * self.epochs + 2 * inputs * self.short

    @property
    def half(self) -> int:
        return max(self.epochs // 2, 1)

    @property
    def short(self) -> int:
        """Epochs with, and without, each input that is tried."""
        return max(self.epochs // 5, 1)


@dataclass(frozen=True, eq=False)
class StrengthChoice:
    """The strengths tried, and what came of them; errors are medians over the starts.

    `alone` are free-run errors of single states, `joint` those of all states together with each
    strength, and `joint_chosen` with every state's own. Where that errs more than the best common
    strength, beyond the tolerance, `chosen` is the common one.
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
    """What was tried, round by round: the input without which each network trained on (-1: none).

    `sensitivity` is what the network's was to it, `error` and `error_with` are the squared one-step
    validation errors without and with it, and `gone` says whether it went.
    """

    tried: Int[np.ndarray, "round member states"]
    sensitivity: Float[np.ndarray, "round member states"]
    error: Float[np.ndarray, "round member states"]
    error_with: Float[np.ndarray, "round member states"]
    gone: Bool[np.ndarray, "round member states"]


@dataclass(frozen=True)
class ReadFitted:
    """A readable ensemble, and how it came to be, as far as it came before an interruption."""

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
    """Trains `size` members whose links are meant to be read; member i depends on i alone.

    Ctrl-C ends training after the running epoch with a usable result. Raises SparsidError for an
    architecture without a network per state.
    """
    if not architecture.per_state:
        raise SparsidError("Links are read from networks per state: set `per_state`.")
    key_try, key_fit = jax.random.split(key)
    with interruptible() as stop:
        run = _Run(architecture, train, validation, reading, callback, stop)
        tried = run.tried(key_try)
        if stop.asked:  # those of the weakest penalty, as far as they are
            some = tried.pick([i % reading.starts for i in range(size)])
            return ReadFitted(run.training.fitted(some), None, None)
        choice = run.choice(tried)
        members, path = run.trained(key_fit, size, choice.per_state), None
        if not stop.asked:
            members, path = run.pared(members)
        return ReadFitted(run.finished(members, choice.per_state), choice, path)


class _Run:
    """The three steps on one plant's data, with one count of epochs over all of them."""

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
        """Networks of every strength, strength by strength; their starts are alike."""
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

    def pared(self, members: Members) -> tuple[Members, LinkPath]:
        """The members with the links that they need, and how they came to them."""
        given, states = self.reading, len(self.training.train.physical.states)
        keep = np.ones((members.size, states, self.inputs), bool)
        needed, rounds = np.zeros_like(keep), []
        method = _penalty(given.strengths[:1] * states)
        phase = self.phase(given.short, method, given.rate / 3, given.rate / 300)
        for _ in range(self.inputs):
            found = structure(self.training.fitted(members).ensemble, self.training.train.physical)
            assert found.sensitivity is not None
            goes, lost = weakest(
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
            fine = np.isfinite(error) & (
                error <= np.maximum(given.factor * error_with, given.floor)
            )
            gone = asked & fine & tried.alive()[:, None]
            trained = asked & both.alive()[:, None]  # who is lost on the way stays as it was
            members = members_of(gone, tried, members_of(trained, both, members))
            keep, needed = keep & ~(goes & gone[..., None]), needed | (goes & ~gone[..., None])
            at = np.where(asked, goes.argmax(axis=2), -1)
            rounds.append((at, lost, error, error_with, gone))
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
    """L1 of a strength for each state, under masks that keep everything so far."""
    return chain(threshold(0.0), L1(weight=1.0, direct=0.1).build(per_output=strengths))


def chosen_strengths(
    alone: Float[np.ndarray, "strength states"], tolerance: float
) -> Int[np.ndarray, " states"]:
    """For each state the last strength whose error is within `tolerance` of the least.

    The weakest where no run stayed finite.
    """
    fine = alone <= tolerance * alone.min(axis=0)
    last = len(alone) - 1 - fine[::-1].argmax(axis=0)
    return np.where(np.isfinite(alone).any(axis=0), last, 0)


def weakest(
    candidates: Bool[np.ndarray, "member states inputs"],
    keep: Bool[np.ndarray, "member states inputs"],
    sensitivity: Float[np.ndarray, "member states inputs"],
    sensitivity_threshold: float,
) -> tuple[Bool[np.ndarray, "member states inputs"], Float[np.ndarray, "member states"]]:
    """(the least sensitive candidate of every network, that sensitivity).

    None, and inf, where the network leans on all of them, or has a single input left.
    """
    left = np.where(candidates & (keep.sum(axis=2, keepdims=True) > 1), sensitivity, np.inf)
    lost = np.where(left.min(axis=2) < sensitivity_threshold, left.min(axis=2), np.inf)
    places = np.arange(keep.shape[2]) == left.argmin(axis=2)[..., None]
    return places & np.isfinite(lost)[..., None], lost


def with_links(members: Members, keep: Bool[np.ndarray, "member states inputs"]) -> Members:
    """The members, under masks already, with these inputs alone: the others' columns are masked."""
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

    So a network of which nothing is asked any more does not depend on how long others go on; nor
    does its member's key, nor whether it still trains.
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
    """Stacked models whose network of state i is that of member `sources[member, i]`."""
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
