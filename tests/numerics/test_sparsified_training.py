"""Sparsifiers in training: ensembles against one alone, masks, phases, best, interruption."""

import signal

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tests.by_hand import layers_of, plant, scaled_plant
from tests.numerics import test_training as by_one

from sparsid._devices import replicated, shard
from sparsid.models import DerivativeMLP
from sparsid.models.parameters import (
    Masked,
    resolve,
    split_trainable,
    stored,
    weights,
    with_stored,
)
from sparsid.models.rollout import rollout
from sparsid.sparsify import (
    NOTHING,
    Clock,
    chain,
    dynamic,
    group_l1,
    hold,
    l1,
    magnitude,
    proximal_l1,
    rigl,
    soft_threshold,
    threshold,
    weight_average,
)
from sparsid.sparsify.base import prepare
from sparsid.training import (
    SGD,
    Adam,
    Constant,
    Cosine,
    FreeRun,
    Monitor,
    OneStep,
    Part,
    Phase,
    Ramp,
    Step,
    Training,
    fit_ensemble,
)
from sparsid.training.entering import enter
from sparsid.training.epoch import Program, _epoch, compiled_epoch
from sparsid.training.progress import interruptible

NET = DerivativeMLP(widths=(4,))
BATCH = 10
KEY = jax.random.key(11)
pytestmark = pytest.mark.usefixtures("wide")


@pytest.fixture
def wide():
    """float64, as `fit_ensemble` enters it."""
    with jax.enable_x64(True):
        yield


@pytest.fixture(scope="module")
def train():
    return scaled_plant(trajectories=2, samples=51)


@pytest.fixture(scope="module")
def training(train):
    return Training(NET, train)


def begin(training, *members):
    return training.begin(jax.vmap(lambda i: jax.random.fold_in(KEY, i))(np.array(members)))


def phase_of(method=NOTHING, epochs=3, rate=1e-2, **options):
    schedule = Constant(rate) if isinstance(rate, float) else rate
    return Phase(epochs, schedule, method, batch=BATCH, **options)


def leaves(tree) -> list[np.ndarray]:
    return [np.asarray(leaf) for leaf in jax.tree.leaves(tree)]


def same_bits(one, other) -> bool:
    pairs = zip(leaves(one), leaves(other), strict=True)
    return all(np.array_equal(a, b) for a, b in pairs)


def member(tree, at):
    return jax.tree.map(lambda leaf: np.asarray(leaf)[at], tree)


def resolved(models) -> list[np.ndarray]:
    """Weights that compute, stacked."""
    return [np.asarray(jax.vmap(lambda w: w.value())(w)) for w in weights(models)]


# ---------------------------------------------------------------- alone and together

DSR = {"every": 2, "target": 3, "threshold": 0.1}
BY_CODE = {
    "dynamic": dynamic(0.4, **DSR, start="random"),
    "dynamic by gradient": dynamic(0.4, **DSR, growth="gradient"),
    "rigl": rigl(0.5, every=7, share=0.6),
    "rigl at random": rigl(0.5, every=7, share=0.6, growth="random"),
    "hard": chain(threshold(0.1), magnitude(0.6), proximal_l1(0.01)),
    "groups": group_l1(0.03, inputs=0.01),
    "soft": chain(
        soft_threshold(-3.0, decay=0.5),
        l1(1e-3, of="stored"),
        magnitude(0.5, at_epoch=5, scope="global"),
        weight_average(from_fraction=0.7),
    ),
    "l1 of used and of stored": chain(soft_threshold(-3.0), l1(1e-2), l1(3e-3, of="stored")),
    "as published": chain(magnitude(at=[2, 5, 8], share=0.25), hold()),
}
LONG = 10  # epochs of 10 steps


def at_once(phase, examples):
    """The accelerator's path: all members in one vmapped epoch, where every branch is a select."""
    program = Program.of(phase)

    def one(member, epoch, epochs):
        return _epoch(program, epoch, epochs, examples, None, member)

    return jax.jit(jax.vmap(one, in_axes=(0, None, None)))


@pytest.mark.parametrize("name", BY_CODE)
def test_members_in_turn_and_all_at_once_train_alike(train, training, name):
    """Over the first 100 steps, to 1e-9, with the same masks."""
    phase, begun = phase_of(BY_CODE[name], LONG), begin(training, 0, 1)
    in_turn = training.run(begun, phase)
    stack, run = enter(begun, (phase,) * 2).stack, at_once(phase, train_examples(train))
    for epoch in range(LONG):
        stack, looked = run(stack, epoch, LONG)
        wanted = in_turn.history.epochs[epoch].train
        np.testing.assert_allclose(looked.loss[:2], wanted, rtol=1e-9)
    model = stack.model
    if phase.sparsifier.finish is not None:
        model = jax.vmap(phase.sparsifier.finish)(model, stack.state)
    moved = False
    for got, wanted in zip(leaves(member(model, slice(2))), leaves(in_turn.models()), strict=True):
        if got.dtype == bool:
            assert np.array_equal(got, wanted)
        else:
            np.testing.assert_allclose(got, wanted, rtol=0, atol=1e-9)
            assert np.array_equal(got == 0, wanted == 0)
            moved |= not np.array_equal(got[0], got[1])
    assert moved


def train_examples(train):
    return jax.tree.map(jnp.asarray, OneStep().examples(train))


def test_an_ensemble_trains_every_member_as_alone(training):
    phase = phase_of(BY_CODE["dynamic"], LONG)
    together = training.run(begin(training, 0, 1, 2), phase)
    for at in (0, 2):
        alone = training.run(begin(training, at), phase)
        assert same_bits(member(alone.models(), 0), member(together.models(), at))
        losses = [
            [report.train[i] for report in members.history.epochs]
            for members, i in ((alone, 0), (together, at))
        ]
        assert losses[0] == losses[1]


IN_NUMBERS = {
    "l1": (phase_of(l1(1e-4)), phase_of(l1(1e-2))),
    "threshold": (phase_of(threshold(0.1)), phase_of(threshold(0.4))),
    "ramp": (phase_of(rate=Ramp(1e-2, 1e-3)), phase_of(rate=Ramp(2e-2, 0.0, begin=0.1))),
    "dynamic": (
        phase_of(dynamic(0.2, every=1, target=2, threshold=0.1, start="random")),
        phase_of(dynamic(0.7, every=2, target=4, threshold=0.4, start="random")),
    ),
    "hard": (
        phase_of(BY_CODE["hard"]),
        phase_of(chain(threshold(0.3), magnitude(0.9, end=0.4, every=2), proximal_l1(0.1))),
    ),
    "soft": (
        phase_of(BY_CODE["soft"]),
        phase_of(
            chain(
                soft_threshold(-1.0, decay=5.0),
                l1(1e-2, of="stored"),
                magnitude(0.8, at_epoch=1, scope="global"),
                weight_average(),
            )
        ),
    ),
}


@pytest.mark.parametrize("phases", IN_NUMBERS.values(), ids=IN_NUMBERS)
def test_members_of_different_numbers_train_as_each_alone(training, phases):
    """Over two phases, the second exchanged, to the bit."""
    together = training.run(begin(training, 4, 4), phases)
    together = training.run(together, phases[::-1])
    for at in (0, 1):
        alone = training.run(begin(training, 4), phases[at])
        alone = training.run(alone, phases[1 - at])
        assert same_bits(member(alone.models(), 0), member(together.models(), at))
    assert not same_bits(member(together.models(), 0), member(together.models(), 1))


def test_phases_of_different_structure_are_refused(training):
    begun = begin(training, 0, 1)
    pairs = [
        (phase_of(l1()), phase_of(magnitude())),
        (phase_of(epochs=2), phase_of(epochs=3)),
        (phase_of(), phase_of(optimiser=SGD())),
        (phase_of(), Phase(3, batch=5)),
    ]
    for pair in pairs:
        with pytest.raises(ValueError, match="equal structure"):
            training.run(begun, pair)


# ---------------------------------------------------------------- moving weights


def epoch_by_epoch(training, members, phase):
    """The stack after every epoch of a phase, as `Training.run` goes through it."""
    stack = shard(enter(members, (phase,) * members.size).stack)
    examples = replicated(train_examples(training.train))
    run = compiled_epoch(Program.of(phase))
    for epoch in range(phase.epochs):
        stack, _ = run(stack, epoch, phase.epochs, examples, None)
        yield stack


@pytest.mark.parametrize("name", ["dynamic", "dynamic by gradient"])
def test_the_number_of_living_weights_never_changes(training, name):
    """Every second of ten epochs weights move, but not after the last; zeros stay in between.

    Right after a move the moments of grown and dead weights are zero, and so are their values
    unless they start at random.
    """
    first = training.run(begin(training, 0, 1), phase_of(epochs=1))  # real moments
    phase, moves = phase_of(BY_CODE[name], LONG), 0
    before = None
    for epoch, stack in enumerate(epoch_by_epoch(training, first, phase), start=1):
        keeps = [np.asarray(w.keep)[:2] for w in weights(stack.model)]
        values = [w[:2] for w in resolved(stack.model)]
        wanted = sum(k[0].size - round(0.4 * k[0].size) for k in keeps)
        assert [sum(k[i].sum() for k in keeps) for i in (0, 1)] == [wanted] * 2
        assert all(not v[~k].any() for v, k in zip(values, keeps, strict=True))
        due = epoch % 2 == 0 and epoch < LONG
        for at, keep in enumerate(keeps):
            mu, nu = (np.asarray(stored(weights(tree)[at]))[:2] for tree in stack.moments[1:])
            settled = keep if before is None or not due else keep & before[at]
            grown = keep & ~settled
            moves += grown.sum()
            for moment in (mu, nu):
                assert not moment[grown].any()
                assert not moment[~keep].any()
            assert nu[settled].any()
            assert values[at][grown].any() == (name == "dynamic" and grown.any())
            if before is not None and not due:
                assert np.array_equal(keep, before[at])
        before = keeps
    assert moves > 10


@pytest.mark.parametrize("name", ["rigl", "rigl at random"])
def test_rigl_rewires_every_layer_until_its_end(training, name):
    """Every 7 steps until step 75 of 100; as many weights live in each layer as at the start."""
    before, changed = None, []
    for stack in epoch_by_epoch(training, begin(training, 0, 1), phase_of(BY_CODE[name], LONG)):
        keeps = [np.asarray(w.keep)[:2] for w in weights(stack.model)]
        for keep, values in zip(keeps, resolved(stack.model), strict=True):
            assert keep.sum(axis=(1, 2)).tolist() == [keep[0].size // 2] * 2
            assert not values[:2][~keep].any()
        if before is not None:
            pairs = zip(keeps, before, strict=True)
            changed.append([(a != b).any(axis=(1, 2)) for a, b in pairs])
        before = keeps
    assert np.any(changed[:6], axis=(0, 2)).all()  # in every layer
    assert not np.any(changed[6:])  # from epoch 8 on


def test_sparse_training_then_averaging_keeps_the_masks(training):
    """Dynamic, then an average over a phase in which masks rest: the mean of its epochs' ends."""
    moved = training.run(begin(training, 0, 1), phase_of(BY_CODE["dynamic"]))
    keeps = [np.asarray(w.keep) for w in weights(moved.models())]
    averaging = phase_of(weight_average(from_fraction=0.5), 4)
    ends = [member(s.model, slice(2)) for s in epoch_by_epoch(training, moved, averaging)]
    final = training.run(moved, averaging).models()
    later = zip(*map(resolved, (final, ends[2], ends[3])), keeps, strict=True)
    for got, third, fourth, keep in later:
        np.testing.assert_allclose(got, (third + fourth) / 2, rtol=0, atol=1e-12)
        assert not got[~keep].any()
    assert not all(k.all() for k in keeps)


# ---------------------------------------------------------------- what a mask covers

COVERED = {
    "plain": dynamic(0.5),
    "softly": chain(soft_threshold(-2.0), dynamic(0.5)),
    "held": chain(hold(), dynamic(0.5)),
}


def planted(model, junk):
    """The model with `junk(shape)` stored wherever it is masked."""

    def plant_one(weight):
        w = stored(weight)
        return with_stored(weight, jnp.where(weight.keep, w, jnp.asarray(junk(w.shape))))

    return jax.tree.map(
        lambda node: plant_one(node) if isinstance(node, Masked) else node,
        model,
        is_leaf=lambda node: isinstance(node, Masked),
    )


JUNK = [
    lambda shape: np.full(shape, 1e30),
    lambda shape: np.full(shape, -1e30),
    lambda shape: np.random.default_rng(0).normal(size=shape),
]


@pytest.mark.parametrize("method", COVERED.values(), ids=COVERED)
def test_what_is_stored_under_a_mask_changes_nothing(train, method):
    """Loss, gradient and free run, to the bit; the gradient there is exactly zero."""
    model = NET.build(train, key=KEY)
    model = prepare(method, model, key=KEY)
    examples, loss = train_examples(train), OneStep()
    x, u = (jnp.asarray(getattr(train.scaled[0], name)) for name in "xu")

    @jax.jit
    def looked_at(model):
        trainable, rest = split_trainable(model)

        def of(t):
            return loss.value(resolve(jax.tree.map(_first, t, rest, is_leaf=_none)), examples)

        value, slope = jax.value_and_grad(of)(trainable)
        return value, slope, rollout(resolve(model), x[0], u)

    clean = looked_at(planted(model, np.zeros))
    assert all(np.isfinite(a).all() for a in leaves(clean))
    for junk in JUNK:
        assert same_bits(looked_at(planted(model, junk)), clean)
    slopes = [stored(w) for w in weights(clean[1])]
    for slope, w in zip(slopes, weights(model), strict=True):
        if slope is not None:
            assert not np.asarray(slope)[~w.keep].any()
            assert np.asarray(slope)[w.keep].any()
    assert any(slope is not None for slope in slopes) == (method is not COVERED["held"])


def _none(node):
    return node is None


def _first(one, other):
    return other if one is None else one


UNDER_MASKS = {
    "l1 of stored, clipped": (l1(1e-1, of="stored"), Adam(clip=1e-2)),
    "hard": (BY_CODE["hard"], Adam()),
    "group_l1, Adam": (group_l1(0.05), Adam()),
    "group_l1, SGD": (group_l1(0.05), SGD(momentum=0.5)),
}


@pytest.mark.parametrize(("method", "optimiser"), UNDER_MASKS.values(), ids=UNDER_MASKS)
def test_training_does_not_see_what_is_under_masks(training, method, optimiser):
    """From a start with other numbers under its masks, the same network comes out, to the bit."""
    begun = begin(training, 0)
    masked_model = prepare(dynamic(0.5), member(begun.models(), 0), key=KEY)
    phase = phase_of(method, 2, optimiser=optimiser)
    ends = []
    for junk in (np.zeros, JUNK[2], JUNK[0]):
        start = jax.tree.map(lambda leaf: np.asarray(leaf)[None], planted(masked_model, junk))
        keys = jax.random.split(KEY, 1)
        members = training.begin(keys, start=start)
        ends.append(resolved(training.run(members, phase).models()))
        (*_, stack) = epoch_by_epoch(training, members, phase)
        for tree in stack.moments[1:] if optimiser == Adam() else ():
            for moment, w in zip(weights(tree), weights(stack.model), strict=True):
                assert not np.asarray(stored(moment))[0][~np.asarray(w.keep)[0]].any()
                assert np.asarray(stored(moment))[0].any()
    for other in ends[1:]:
        assert all(np.array_equal(a, b) for a, b in zip(ends[0], other, strict=True))


# ---------------------------------------------------------------- held weights


class BiasesOnly:
    """An optimiser by hand that moves nothing but biases."""

    def __init__(self, inner):
        self.inner, self.tick = inner, inner.tick

    def __call__(self, name, g):
        return self.inner(name, g) if name[1] == "bias" else 0.0


def test_held_weights_stay_and_biases_train_on(train):
    """Against the lone trainer: nothing of Adam's earlier moments moves a weight."""
    short = Phase(2, Constant(1e-2), batch=BATCH)
    held = Phase(3, Constant(5e-3), hold(), batch=BATCH)
    fitted = by_one.fit(train, short, held)
    for at in (0, 1):
        lone = by_one.Lone(train, at, by_one.HandAdam())
        lone.phase(2, lambda step, epoch: 1e-2)
        before = [{kind: a.copy() for kind, a in layer.items()} for layer in lone.layers]
        lone.optimiser = BiasesOnly(lone.optimiser)
        lone.phase(3, lambda step, epoch: 5e-3)
        by_one.agree(fitted, lone, at)
        for was, got in zip(
            before, layers_of(fitted.ensemble.stacked.model.network, at), strict=True
        ):
            assert np.abs(got["weight"] - was["weight"]).max() < 1e-9
            assert np.abs(got["bias"] - was["bias"]).max() > 1e-4


@pytest.mark.parametrize("order", ["together", "before"])
def test_masks_over_held_weights_still_change(training, order):
    first = training.run(begin(training, 0, 1), phase_of())
    prune = magnitude(0.5, at_epoch=1)
    if order == "together":
        last = training.run(first, phase_of(chain(hold(), prune)))
    else:
        last = training.run(training.run(first, phase_of(hold())), phase_of(prune))
    last = training.run(last, phase_of())  # held for good
    for w, before in zip(resolved(last.models()), resolved(first.models()), strict=True):
        assert np.array_equal(w[w != 0], before[w != 0])
        assert [(m == 0).sum() for m in w] == [w[0].size // 2] * 2
        for after, was in zip(w, before, strict=True):
            assert np.abs(was[after == 0]).max() < np.abs(was[after != 0]).min()


# ---------------------------------------------------------------- choosing members, and the best


@pytest.fixture(scope="module")
def monitor(train):
    validation = train.normaliser.apply(plant(trajectories=2, samples=31, seed=5))
    return Monitor(validation, every=1, keep_best=True)


def test_picked_members_keep_what_is_known_of_them(train, monitor):
    """In the order asked for, one of them twice; they train on as in the company they had."""
    training = Training(NET, train, monitor=monitor)
    begun = begin(training, 0, 1, 2)
    start = begun.models()
    at_large = jax.tree.map(lambda a: a.copy(), start)
    at_large.network.layers[0].weight.raw[1] = 1e200  # member 1 overflows in its first epoch
    begun = training.begin(
        jax.vmap(lambda i: jax.random.fold_in(KEY, i))(np.arange(3)), start=at_large
    )
    first = training.run(begun, phase_of(magnitude(0.5, at_epoch=1), 2))
    assert first.history.frozen == {1: (0, 0)}
    picked = first.pick([2, 1, 2, 0])
    assert picked.size == 4
    assert picked.history.frozen == {1: (0, 0)}
    assert picked.alive().tolist() == [True, False, True, True]
    assert picked.history.best == {
        i: first.history.best[m] for i, m in enumerate([2, 1, 2, 0]) if m in first.history.best
    }
    assert picked.phases == (first.phases[0],) * 4
    for report, whole in zip(picked.history.epochs, first.history.epochs, strict=True):
        for name in ("train", "validation", "free_run"):
            assert np.array_equal(
                getattr(report, name), getattr(whole, name)[[2, 1, 2, 0]], equal_nan=True
            )
    assert np.array_equal(picked.best.errors, first.best.errors[[2, 1, 2, 0]])
    for i, m in enumerate([2, 1, 2, 0]):
        assert same_bits(member(picked.models(), i), member(first.models(), m))
        assert same_bits(member(picked.best.models, i), member(first.best.models, m))
    onward, whole = (training.run(m, phase_of(l1(1e-3), 2)) for m in (picked, first))
    for i, m in enumerate([2, 1, 2, 0]):
        assert same_bits(member(onward.models(), i), member(whole.models(), m))
        assert same_bits(member(onward.best.models, i), member(whole.best.models, m))
    assert not same_bits(member(onward.models(), 0), member(picked.models(), 0))


def test_the_best_of_each_member_is_kept(training):
    members, models = begin(training, 0, 1), [{"w": np.full((2, 3), float(i))} for i in range(4)]
    errors = [[3.0, np.inf], [2.0, np.inf], [np.nan, 5.0], [2.0, 6.0]]
    for done, (error, model) in enumerate(zip(errors, models, strict=True), start=1):
        members = members.keeping_best(np.array(error), model, done)
    assert members.best.errors.tolist() == [2.0, 5.0]
    assert members.best.models["w"].tolist() == [[1.0] * 3, [2.0] * 3]
    assert members.history.best == {0: 2, 1: 3}
    wrapped = {"w": {"raw": np.full((2, 3), 9.0)}}  # a new phase lays masks over the weights
    members = members.keeping_best(np.array([7.0, 8.0]), wrapped, 5)
    assert members.best.errors.tolist() == [7.0, 8.0]
    assert members.history.best == {0: 5, 1: 5}


def test_the_best_model_wears_the_masks_of_the_last_phase(train, monitor):
    """Even where the dense model was better before."""
    phases = phase_of(epochs=12, rate=2e-2), phase_of(threshold(0.6), 2, rate=1e-5)
    options = {"size": 2, "dtype": "float64", "key": KEY}
    fitted = fit_ensemble(NET, train, phases, monitor=monitor, **options)
    details = np.array([report.free_run for report in fitted.history.epochs])
    assert (details[:12].min(axis=0) < details[12:].min(axis=0)).any()
    assert all((w == 0).sum() > w.size // 3 for _, w in fitted.ensemble.weights())
    assert {i: 13 + details[12:, i].argmin() for i in (0, 1)} == fitted.history.best


# ---------------------------------------------------------------- phases


def test_a_later_phase_that_cannot_be_is_refused_before_anything_trains(train):
    details = []
    phases = phase_of(), phase_of(loss=FreeRun(window=52))
    with pytest.raises(ValueError, match="the longest has 51"):
        fit_ensemble(NET, train, phases, size=1, callback=details.append, key=KEY)
    assert not details


@pytest.mark.parametrize(
    "whole", [Constant(0.1), Cosine(0.1, final=0.01), Step(0.1, every=3), Ramp(0.1, 0.01)]
)
def test_parts_of_a_schedule_make_the_whole(whole):
    """Step by step over 4 + 6 epochs of 5 steps."""
    uncut = [float(whole(Clock(s, s // 5, 10, 5))) for s in range(50)]
    cut = [
        float(Part(whole, done, 10)(Clock(s, s // 5, epochs, 5)))
        for done, epochs in ((0, 4), (4, 6))
        for s in range(5 * epochs)
    ]
    assert cut == pytest.approx(uncut, rel=1e-12)
    assert len(set(uncut)) > 1 or isinstance(whole, Constant)


def test_training_in_parts_is_training_uncut(train):
    """Whole batches, so that their order counts for nothing; Adam's moments pass on."""
    whole = Cosine(0.05)
    uncut = Phase(10, whole, batch=100)
    cut = tuple(
        Phase(epochs, Part(whole, done, 10), batch=100) for done, epochs in ((0, 4), (4, 6))
    )
    ends = [
        fit_ensemble(NET, train, phases, size=2, dtype="float64", key=KEY)
        for phases in ((uncut,), cut, (uncut, uncut))
    ]
    rates = [[report.rate for report in fitted.history.epochs] for fitted in ends]
    assert rates[0] == pytest.approx(rates[1], rel=1e-12)
    found = [[w for _, w in fitted.ensemble.weights()] for fitted in ends]
    for a, b, other in zip(*found, strict=True):
        np.testing.assert_allclose(a, b, rtol=0, atol=1e-9)
        assert np.abs(a - other).max() > 1e-3


# ---------------------------------------------------------------- one interruption, one job


def test_one_interruption_ends_a_job_of_two_trainings(train):
    usual, fits = signal.getsignal(signal.SIGINT), []

    def callback(report):
        if report.done == 2:
            signal.raise_signal(signal.SIGINT)

    with interruptible() as stop:
        for seed in (0, 1):
            key = jax.random.key(seed)
            fits.append(fit_ensemble(NET, train, (phase_of(),), size=2, callback=callback, key=key))
        assert stop.asked
    assert [len(fitted.history.epochs) for fitted in fits] == [2, 0]
    assert all(fitted.history.interrupted for fitted in fits)
    assert all(np.isfinite(w).all() for fitted in fits for _, w in fitted.ensemble.weights())
    assert signal.getsignal(signal.SIGINT) is usual
    after = fit_ensemble(NET, train, (phase_of(),), size=2, key=KEY)  # the next job is its own
    assert len(after.history.epochs) == 3
