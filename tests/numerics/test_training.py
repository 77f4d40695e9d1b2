"""Training against a lone trainer in plain NumPy, closed forms and SciPy."""

import json
import signal
import subprocess
import sys
import threading
from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import scipy.linalg
from tests.by_hand import (
    forward,
    layers_of,
    one_step_examples,
    physical_rate,
    physical_rollout,
    plant,
    scaled_plant,
)

from sparsid.data import Dataset, Normaliser
from sparsid.evaluation import free_run_errors
from sparsid.models import DerivativeMLP
from sparsid.models.parameters import Fixed, Masked, Weight, resolve
from sparsid.sparsify import Clock, Sparsifier, chain, l1, threshold, weight_average
from sparsid.training import (
    SGD,
    Adam,
    Constant,
    Cosine,
    FreeRun,
    Monitor,
    Phase,
    Ramp,
    Step,
    fit_branches,
    fit_ensemble,
    fit_linear,
)
from sparsid.training.linear import linear_start
from sparsid.training.shuffle import order

NET = DerivativeMLP(widths=(5, 4), skip=True)
SEED = 7
EXAMPLES, BATCH = 100, 10
STEPS = EXAMPLES // BATCH


@pytest.fixture(scope="module")
def train():
    return scaled_plant(trajectories=2, samples=51)


def fit(train, *phases, size=2, dtype="float64", seed=SEED, **options):
    return fit_ensemble(
        NET, train, phases, size=size, dtype=dtype, key=jax.random.key(seed), **options
    )


def weights_of(fitted) -> list[np.ndarray]:
    return [np.asarray(a) for a in jax.tree.leaves(fitted.ensemble.stacked.model)]


# ---------------------------------------------------------------- the lone trainer


def backprop(layers, z, target):
    """Gradient of mean((output - target)^2) over a batch (rows), ReLU between layers."""
    hs, h = [z], z
    for at, layer in enumerate(layers):
        a = h @ layer["weight"].T + layer["bias"]
        if "skip" in layer:
            a = a + z @ layer["skip"].T
        h = a if at == len(layers) - 1 else np.where(a > 0, a, 0)
        hs.append(h)
    delta = 2 * (h - target) / target.size
    gradients = []
    for at in reversed(range(len(layers))):
        gradient = {"weight": delta.T @ hs[at], "bias": delta.sum(0)}
        if "skip" in layers[at]:
            gradient["skip"] = delta.T @ z
        gradients.append(gradient)
        delta = (delta @ layers[at]["weight"]) * (hs[at] > 0)
    return gradients[::-1], np.mean((h - target) ** 2)


class HandAdam:
    """Algorithm 1 of Kingma and Ba 2015, one number a time index for all leaves."""

    def __init__(self):
        self.t, self.m, self.v = 0, {}, {}

    def tick(self):
        self.t += 1

    def __call__(self, name, g):
        self.m[name] = 0.9 * self.m.get(name, 0) + 0.1 * g
        self.v[name] = 0.999 * self.v.get(name, 0) + 0.001 * g * g
        m_hat = self.m[name] / (1 - 0.9**self.t)
        v_hat = self.v[name] / (1 - 0.999**self.t)
        return m_hat / (np.sqrt(v_hat) + 1e-8)


class HandMomentum:
    def __init__(self, momentum=0.0):
        self.momentum, self.velocity = momentum, {}

    def tick(self):
        pass

    def __call__(self, name, g):
        self.velocity[name] = self.momentum * self.velocity.get(name, 0) + g
        return self.velocity[name]


class Lone:
    """One member trained by hand from the start and in the order that `fit_ensemble` would use."""

    def __init__(self, train, member, optimiser):
        with jax.enable_x64(True):
            build, self.key = jax.random.split(jax.random.fold_in(jax.random.key(SEED), member))
            model = NET.build(train, key=build)
        stacked = jax.tree.map(lambda leaf: np.asarray(leaf)[None], model.network)
        self.layers = layers_of(stacked, 0)
        self.z, self.target = one_step_examples(train.physical)
        self.optimiser = optimiser
        self.keep = {}
        self.losses = []

    def phase(self, epochs, rate, *, strength=None):
        """`rate(step, epoch)`; `strength` gives the L1 strength of (layer, "weight" or "skip")."""
        self.key, _ = jax.random.split(self.key)
        for epoch in range(epochs):
            self.key, key_order = jax.random.split(self.key)
            chosen = np.asarray(order(key_order, EXAMPLES)).reshape(STEPS, BATCH)
            losses = [
                self.step(rows, rate(epoch * STEPS + i, epoch), strength)
                for i, rows in enumerate(chosen)
            ]
            self.losses.append(np.mean(losses))

    def step(self, rows, rate, strength):
        gradients, loss = backprop(self.layers, self.z[rows], self.target[rows])
        self.optimiser.tick()
        for at, gradient in enumerate(gradients):
            for kind, g in gradient.items():
                if strength is not None and kind != "bias":
                    g = g + strength(at, kind) * np.sign(self.layers[at][kind])
                g = np.where(self.keep.get((at, kind), True), g, 0.0)
                self.layers[at][kind] = self.layers[at][kind] - rate * self.optimiser((at, kind), g)
        return loss

    def prune(self, below):
        for at, layer in enumerate(self.layers):
            for kind in set(layer) - {"bias"}:
                keep = np.abs(layer[kind]) >= below
                layer[kind] = np.where(keep, layer[kind], 0.0)
                self.keep[at, kind] = keep
                if isinstance(self.optimiser, HandAdam):
                    for moment in (self.optimiser.m, self.optimiser.v):
                        moment[at, kind] = np.where(keep, moment[at, kind], 0.0)


def agree(fitted, lone: Lone, member, atol=1e-9):
    got = layers_of(fitted.ensemble.stacked.model.network, member)
    for mine, theirs in zip(got, lone.layers, strict=True):
        for kind in theirs:
            np.testing.assert_allclose(mine[kind], theirs[kind], rtol=0, atol=atol)
    losses = [report.train[member] for report in fitted.history.epochs]
    np.testing.assert_allclose(losses, lone.losses, rtol=1e-9)


def test_the_hand_derived_gradient_is_the_finite_difference(train):
    lone = Lone(train, 0, HandAdam())
    z, target = lone.z[:7], lone.target[:7]
    gradients, _ = backprop(lone.layers, z, target)
    h = 1e-6
    for at, layer in enumerate(lone.layers):
        for kind, array in layer.items():
            for place in np.ndindex(array.shape):
                kept, values = array[place], []
                for shift in (h, -h):
                    array[place] = kept + shift
                    values.append(backprop(lone.layers, z, target)[1])
                array[place] = kept
                slope = (values[0] - values[1]) / (2 * h)
                assert gradients[at][kind][place] == pytest.approx(slope, abs=1e-8)


def test_an_ensemble_trains_as_each_member_alone_would(train):
    """First 100 steps of Adam with L1, the strengths differing by role."""
    strengths = {"first": 1e-2, "hidden": 2e-3, "skip": 5e-3, "output": 1e-3}
    fitted = fit(train, Phase(10, Constant(1e-2), l1(**strengths), batch=BATCH))
    for member in range(2):
        lone = Lone(train, member, HandAdam())

        def strength(at, kind):
            return strengths["skip" if kind == "skip" else ("first", "hidden", "output")[at]]

        lone.phase(10, lambda step, epoch: 1e-2, strength=strength)
        agree(fitted, lone, member)
    assert fitted.ensemble.stacked.model.network.layers[0].bias.dtype == np.float64


def test_l1_then_masked_continuation_is_one_training_with_kept_moments(train):
    """Adam's moments and step count pass on to the survivors; the zeros never come back."""
    below = 0.15
    fitted = fit(
        train,
        Phase(3, Constant(1e-2), l1(1e-2), batch=BATCH),
        Phase(3, Constant(5e-3), threshold(below), batch=BATCH),
    )
    for member in range(2):
        lone = Lone(train, member, HandAdam())
        lone.phase(3, lambda step, epoch: 1e-2, strength=lambda at, kind: 1e-2)
        before = [layer["weight"].copy() for layer in lone.layers]
        lone.prune(below)
        lone.phase(3, lambda step, epoch: 5e-3)
        agree(fitted, lone, member)
        got = layers_of(fitted.ensemble.stacked.model.network, member)
        for at, layer in enumerate(got):
            keep = lone.keep[at, "weight"]
            assert not layer["weight"][~keep].any()
            assert np.all(layer["weight"][keep] != before[at][keep])
    dead = sum(int((~keep).sum()) for keep in lone.keep.values())
    assert 5 < dead < 60  # the case is neither empty nor everything


@pytest.mark.parametrize(
    ("momentum", "schedule", "rate"),
    [
        (0.0, Cosine(0.1, final=0.01), lambda s, e: 0.055 + 0.045 * np.cos(np.pi * s / 40)),
        (0.9, Step(0.02, every=2, factor=0.3), lambda s, e: 0.02 * 0.3 ** (e // 2)),
    ],
    ids=["plain, cosine", "momentum, step"],
)
def test_gradient_descent_by_hand(train, momentum, schedule, rate):
    fitted = fit(train, Phase(4, schedule, optimiser=SGD(momentum), batch=BATCH))
    details = [report.rate for report in fitted.history.epochs]
    assert details == pytest.approx([rate(STEPS * epoch, epoch) for epoch in range(4)], rel=1e-12)
    for member in range(2):
        lone = Lone(train, member, HandMomentum(momentum))
        lone.phase(4, rate)
        agree(fitted, lone, member)


def test_a_clipped_gradient_has_the_stated_norm(train):
    """One full-batch step of the linear model from zero: along the gradient, of a given length."""
    clip, rate = 1e-3, 0.5
    phase = Phase(1, Constant(rate), optimiser=SGD(clip=clip), batch=EXAMPLES)
    linear, key = DerivativeMLP(widths=()), jax.random.key(SEED)
    fitted = fit_ensemble(linear, train, (phase,), size=1, dtype="float64", key=key)
    got = layers_of(fitted.ensemble.stacked.model.network, 0)[0]
    z, target = one_step_examples(train.physical)
    (gradient,), _ = backprop([{"weight": np.zeros((2, 3)), "bias": np.zeros(2)}], z, target)
    norm = np.sqrt(sum(np.sum(g**2) for g in gradient.values()))
    assert norm > clip
    for kind, g in gradient.items():
        np.testing.assert_allclose(got[kind], -rate * clip * g / norm, atol=1e-12)


# ---------------------------------------------------------------- the same to the bit

SHORT = Phase(2, Constant(1e-2), batch=BATCH)


@pytest.fixture(scope="module")
def short(train):
    return fit(train, SHORT)


def test_the_same_seed_gives_the_same_bits(train, short):
    again = fit(train, SHORT)
    for a, b in zip(weights_of(short), weights_of(again), strict=True):
        assert np.array_equal(a, b)
    other = fit(train, SHORT, seed=8)
    assert not np.array_equal(weights_of(short)[0], weights_of(other)[0])


def test_a_member_does_not_depend_on_its_company(train, short):
    alone = fit(train, SHORT, size=1)
    for one, many in zip(weights_of(alone), weights_of(short), strict=True):
        assert np.array_equal(one, many[:1])
    first = layers_of(short.ensemble.stacked.model.network, 0)[0]["weight"]
    second = layers_of(short.ensemble.stacked.model.network, 1)[0]["weight"]
    assert not np.allclose(first, second)


def plant_again(train, *, seed=5):
    return train.normaliser.apply(plant(trajectories=2, samples=31, seed=seed))


ON_OTHER_CORES = """
import json, jax
from sparsid.training import use_cores
from tests.by_hand import scaled_plant
from tests.numerics.test_training import SHORT, fit, weights_of
use_cores({cores})
fitted = fit(scaled_plant(trajectories=2, samples=51), SHORT, size=3)
print(json.dumps([jax.device_count(), [a.tolist() for a in weights_of(fitted)]]))
"""


def test_the_number_of_devices_changes_nothing(short, pytestconfig):
    """Three members on two devices (one place is padding), or two on one: the same bits."""
    cores = 2 if jax.device_count() == 1 else 1
    done = subprocess.run(
        [sys.executable, "-c", ON_OTHER_CORES.format(cores=cores)],
        cwd=pytestconfig.rootpath,
        capture_output=True,
        text=True,
        check=True,
    )
    devices, weights = json.loads(done.stdout)
    assert devices == cores != jax.device_count()
    for there, here in zip(weights, weights_of(short), strict=True):
        assert np.array_equal(np.array(there, here.dtype)[:2], here)


# ---------------------------------------------------------------- schedules

POINTS = [(0, 0), (1, 0), (37, 3), (99, 9), (200, 20), (399, 39)]


@pytest.mark.parametrize(
    ("schedule", "closed"),
    [
        (Constant(3e-3), lambda t, e: 3e-3),
        (Step(1e-2, every=10, factor=0.1), lambda t, e: 1e-2 * 0.1 ** (e // 10)),
        (Cosine(1e-2, final=1e-4), lambda t, e: 1e-4 + 0.0099 * (1 + np.cos(np.pi * t)) / 2),
        (
            Ramp(1e-2, 2e-3, begin=0.25, end=0.75),
            lambda t, e: np.interp(t, [0.25, 0.75], [1e-2, 2e-3]),
        ),
    ],
    ids=["constant", "step", "cosine", "ramp"],
)
def test_schedules_follow_their_closed_forms(schedule, closed):
    """40 epochs of 10 steps; traced as in training, in both precisions, and as the report asks."""
    for wide, tolerance in ((False, 1e-6), (True, 1e-14)):
        with jax.enable_x64(wide):
            compiled = jax.jit(lambda s, step, epoch: s(Clock(step, epoch, 40, 10)))
            for step, epoch in POINTS:
                traced = float(compiled(schedule, step, epoch))
                details = float(schedule(Clock(step, epoch, 40, 10)))
                wanted = closed(step / 400, epoch)
                assert [traced, details] == pytest.approx([wanted] * 2, abs=1e-2 * tolerance)


# ---------------------------------------------------------------- masks and averages


def test_moments_move_to_wrapped_weights_and_are_zero_where_dead():
    from sparsid.models.parameters import split_trainable
    from sparsid.training.entering import transfer

    transformation = Adam().transformation()
    rng = np.random.default_rng(0)
    raw, keep = rng.normal(size=(3, 2)), rng.random((3, 2)) < 0.5
    old = {"w": Weight(jnp.asarray(raw), "first"), "b": jnp.ones(3), "gain": Fixed(jnp.ones(2))}
    new = old | {"w": Masked(old["w"], jnp.asarray(keep))}
    trainable, _ = split_trainable(old)
    gradient = jax.tree.map(lambda a: jnp.asarray(rng.normal(size=a.shape)), trainable)
    _, moments = transformation.update(gradient, transformation.init(trainable))
    fresh = transformation.init(split_trainable(new)[0])
    moved = transfer(moments, old, new, fresh)
    assert jax.tree.structure(moved) == jax.tree.structure(fresh)
    assert moved.count == 1
    g = np.asarray(gradient["w"].raw)
    np.testing.assert_allclose(moved.mu["w"].raw.raw, np.where(keep, 0.1 * g, 0), rtol=1e-6)
    np.testing.assert_allclose(moved.nu["w"].raw.raw, np.where(keep, 1e-3 * g**2, 0), rtol=1e-6)
    np.testing.assert_allclose(moved.mu["b"], 0.1 * np.asarray(gradient["b"]), rtol=1e-6)
    assert not keep.all()
    assert keep.any()


def test_a_given_start_trains_in_the_precision_asked_for(train):
    fitted = exploding(train, [0.5], rate=0.1, epochs=1, dtype="float64")
    assert {a.dtype for a in weights_of(fitted)} == {np.dtype(np.float64)}
    z, target = one_step_examples(train.physical)
    layer = {"weight": np.full((2, 3), 0.5), "bias": np.zeros(2)}
    (gradient,), _ = backprop([layer], z, target)
    got = layers_of(fitted.ensemble.stacked.model.network, 0)[0]
    np.testing.assert_allclose(got["weight"], 0.5 - 0.1 * gradient["weight"], atol=1e-13)


def test_branches_end_as_if_each_were_trained_alone(train):
    """The common prefix is trained once; so does a branch's own history begin with it."""
    branches = {"on": (SHORT,), "pruned": (Phase(1, Constant(2e-2), threshold(0.2), batch=BATCH),)}
    key, details = jax.random.key(SEED), []
    both = fit_branches(
        NET, train, (SHORT,), branches, size=2, dtype="float64", key=key, callback=details.append
    )
    assert len(details) == 2 + 2 + 1
    for name, phases in branches.items():
        alone = fit(train, SHORT, *phases)
        assert len(both[name].history.epochs) == len(alone.history.epochs)
        for a, b in zip(weights_of(both[name]), weights_of(alone), strict=True):
            assert np.array_equal(a, b)


def test_another_optimiser_starts_fresh(train):
    """SGD with momentum, then Adam: as if Adam began at those weights."""
    fitted = fit(
        train,
        Phase(1, Step(1e-2), optimiser=SGD(0.9), batch=BATCH),
        Phase(1, Constant(1e-2), batch=BATCH),
    )
    lone = Lone(train, 1, HandMomentum(0.9))
    lone.phase(1, lambda step, epoch: 1e-2)
    lone.optimiser = HandAdam()
    lone.phase(1, lambda step, epoch: 1e-2)
    agree(fitted, lone, 1)


@pytest.fixture(scope="module")
def epoch_ends(train):
    """Weights at the end of each of three masked epochs, by training 1, 2 and 3 of them."""
    return [
        weights_of(fit(train, SHORT, Phase(n, Constant(2e-2), threshold(0.2), batch=BATCH)))
        for n in (1, 2, 3)
    ]


def test_the_average_is_the_mean_of_the_epochs_ends_and_zeros_stay(train, epoch_ends):
    method = chain(threshold(0.2), weight_average())
    averaged = weights_of(fit(train, SHORT, Phase(3, Constant(2e-2), method, batch=BATCH)))
    for got, ends in zip(averaged, zip(*epoch_ends, strict=True), strict=True):
        np.testing.assert_allclose(got, np.mean(ends, axis=0), rtol=0, atol=1e-12)
        assert np.array_equal(got == 0, ends[-1] == 0)
    assert any((a == 0).any() for a in averaged)
    assert not np.allclose(averaged[0], epoch_ends[-1][0])


# ---------------------------------------------------------------- free-run loss


@pytest.mark.parametrize("stepper", ["euler", "rk4"])
def test_free_run_loss_is_a_python_loop(train, stepper):
    loss = FreeRun(window=7, stride=5)
    with jax.enable_x64(True):
        architecture = DerivativeMLP(widths=(3,), activation="tanh", stepper=stepper)
        model = architecture.build(train, key=jax.random.key(SEED))
        examples = loss.examples(train)
        got = float(loss.value(resolve(model), jax.tree.map(jnp.asarray, examples)))
    stacked = jax.tree.map(lambda leaf: np.asarray(leaf)[None], model.network)
    rate = physical_rate([layers_of(stacked, 0)], train.physical, activation="tanh")
    spread = np.concatenate([t.x for t in train.physical]).std(axis=0)
    squares, windows = [], 0
    for t in train.physical:
        for at in range(0, 51 - 7 + 1, 5):
            run = physical_rollout(rate, t.x[at], t.u[at : at + 7], stepper=stepper)
            squares.append((((run - t.x[at : at + 7]) / spread)[1:]) ** 2)
            windows += 1
    assert len(examples[0]) == windows == 18
    assert got == pytest.approx(np.mean(squares), rel=1e-10)


def test_one_free_run_step_follows_the_finite_difference(train):
    """Full-batch descent on the free-run loss: the move is -rate x its numeric slope."""
    linear = DerivativeMLP(widths=())
    phase = Phase(1, Constant(1e-3), optimiser=SGD(), loss=FreeRun(window=5, stride=9), batch=100)
    fitted = fit_ensemble(
        linear, train, (phase,), size=1, dtype="float64", key=jax.random.key(SEED)
    )
    got = layers_of(fitted.ensemble.stacked.model.network, 0)[0]

    def loss(layer):
        rate = physical_rate([[layer]], train.physical)
        spread = np.concatenate([t.x for t in train.physical]).std(axis=0)
        runs = [
            (physical_rollout(rate, t.x[at], t.u[at : at + 5]) - t.x[at : at + 5])[1:] / spread
            for t in train.physical
            for at in range(0, 47, 9)
        ]
        return np.mean(np.square(runs))

    zero = {"weight": np.zeros((2, 3)), "bias": np.zeros(2)}  # the linear start is zero
    for kind, array in zero.items():
        for place in np.ndindex(array.shape):
            values = []
            for h in (1e-5, -1e-5):
                moved = {name: a.copy() for name, a in zero.items()}
                moved[kind][place] = h
                values.append(loss(moved))
            slope = (values[0] - values[1]) / 2e-5
            assert got[kind][place] == pytest.approx(-1e-3 * slope, abs=1e-11)


# ---------------------------------------------------------------- when things go wrong


def exploding(train, starts, *, rate, epochs=60, **options):
    """Full-batch descent of the linear model from `starts`, far above the stable rate."""
    linear = DerivativeMLP(widths=())
    model = jax.tree.map(
        lambda leaf: np.asarray(leaf)[None], linear.build(train, key=jax.random.key(SEED))
    )
    stacked = jax.tree.map(lambda leaf: np.repeat(leaf, len(starts), axis=0), model)
    weight = stacked.network.layers[0].weight.raw + np.reshape(starts, (-1, 1, 1))
    stacked = jax.tree.map(
        lambda leaf: weight.astype(np.float32) if leaf.shape == weight.shape else leaf, stacked
    )
    phase = Phase(epochs, Constant(rate), optimiser=SGD(), batch=EXAMPLES)
    return fit_ensemble(
        linear,
        train,
        (phase,),
        size=len(starts),
        start=stacked,
        key=jax.random.key(SEED),
        **options,
    )


def explosion_by_hand(train, start, *, rate, epochs=60):
    """(epoch in which float32 overflows, the weights before it)."""
    z, target = (a.astype(np.float32) for a in one_step_examples(train.physical))
    layer = {"weight": np.full((2, 3), start, np.float32), "bias": np.zeros(2, np.float32)}
    with np.errstate(all="ignore"):
        for epoch in range(epochs):
            (gradient,), loss = backprop([layer], z, target)
            later = {kind: layer[kind] - np.float32(rate) * gradient[kind] for kind in layer}
            if not np.isfinite([loss, *(np.sum(a) for a in later.values())]).all():
                return epoch, layer
            layer = later
    return None, layer


def test_members_that_leave_the_finite_numbers_are_frozen_and_named(train):
    starts, rate = [0.0, 1e9, 1e25], 30.0
    wanted = [explosion_by_hand(train, start, rate=rate) for start in starts]
    assert wanted[2][0] == 0 < wanted[1][0] < wanted[0][0] < 50
    fitted = exploding(train, starts, rate=rate)
    assert fitted.history.frozen == {i: (0, epoch) for i, (epoch, _) in enumerate(wanted)}
    assert len(fitted.history.epochs) == wanted[0][0] + 1  # stops when all are frozen
    for member, (epoch, layer) in enumerate(wanted):
        got = layers_of(fitted.ensemble.stacked.model.network, member)[0]
        assert np.isfinite(got["weight"]).all()
        np.testing.assert_allclose(got["weight"], layer["weight"], rtol=1e-3)
        losses = np.array([report.train[member] for report in fitted.history.epochs])
        assert np.isfinite(losses[:epoch]).all()
        assert not np.isfinite(losses[epoch:]).any()
    content = fitted.history.sentences()
    assert len(content) == 3
    assert f"Member 1 became NaN or infinite in epoch {wanted[1][0] + 1} of phase 1" in content[1]
    assert "lower rate" in content[1]
    assert fitted.ensemble.card.training["notes"] == content


def test_frozen_members_do_not_hold_up_the_others(train):
    fitted = exploding(train, [0.0, 1e30], rate=0.1, epochs=5)
    assert {a.dtype for a in weights_of(fitted)} == {np.dtype(np.float32)}
    assert fitted.history.frozen == {1: (0, 0)}
    assert len(fitted.history.epochs) == 5
    alone = exploding(train, [0.0], rate=0.1, epochs=5)
    for both, one in zip(weights_of(fitted), weights_of(alone), strict=True):
        assert np.array_equal(both[0], one[0])
    assert (weights_of(fitted)[0][1] == np.float32(1e30)).all()


def test_a_hook_may_break_a_member_at_any_epoch(train):
    """Phase and epoch are named also when the weights, not the loss, stop being finite."""
    fitted = fit(train, SHORT, Phase(3, Constant(1e-3), BREAKER, batch=BATCH))
    assert fitted.history.frozen == {0: (1, 1), 1: (1, 1)}
    assert all(np.isfinite(a).all() for a in weights_of(fitted))
    assert len(fitted.history.epochs) == 4


def _break_in_second_epoch(model, moments, state, clock):
    bad = jnp.where(clock.epoch == 2, jnp.nan, 0.0)
    return jax.tree.map(lambda a: a + bad, model), moments, state


BREAKER = Sparsifier(after_epoch=_break_in_second_epoch)


def test_ctrl_c_leaves_a_usable_model(train):
    assert threading.current_thread() is threading.main_thread()
    usual = signal.getsignal(signal.SIGINT)

    def callback(report):
        if report.done == 3:
            signal.raise_signal(signal.SIGINT)

    method = chain(threshold(0.2), weight_average())
    phases = SHORT, Phase(3, Constant(2e-2), method, batch=BATCH), SHORT
    fitted = fit(train, *phases, callback=callback)
    assert signal.getsignal(signal.SIGINT) is usual
    assert fitted.history.interrupted
    assert len(fitted.history.epochs) == 3
    assert "after 3 of 7 epochs" in fitted.history.sentences()[-1]
    assert fitted.ensemble.card.training["epochs"] == 3
    whole = fit(train, SHORT, Phase(1, Constant(2e-2), method, batch=BATCH))
    for a, b in zip(weights_of(fitted), weights_of(whole), strict=True):
        assert np.array_equal(a, b)
    run = fitted.ensemble.members[0].rollout(train.physical[0].x[0], train.physical[0].u)
    assert np.isfinite(run).all()


def test_a_second_ctrl_c_stops_at_once(train):
    def callback(report):
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)

    usual = signal.default_int_handler  # a job in the background is born deaf to Ctrl-C
    before = signal.signal(signal.SIGINT, usual)
    try:
        with pytest.raises(KeyboardInterrupt):
            fit(train, SHORT, callback=callback)
        assert signal.getsignal(signal.SIGINT) is usual
    finally:
        signal.signal(signal.SIGINT, before)


def brute_error(member, dataset: Dataset, scale):
    """Mean over trajectories of the mean scaled absolute error; inf where a run diverged."""
    errors = []
    for t in dataset:
        run = member.rollout(t.x[0], t.u)
        e = [np.mean(np.abs(run[:, i] - t.x[:, i])) / scale[i] for i in range(t.x.shape[1])]
        errors.append(np.mean(e) if np.isfinite(e).all() and max(e) <= 3 else np.inf)
    return np.mean(errors)


def test_keep_best_ends_with_the_best_free_run(train):
    """At an unstable rate the best model is an early one."""
    validation = plant_again(train)
    monitor = Monitor(validation, every=1, keep_best=True)
    fitted = exploding(train, [0.0, 0.05], rate=1.05, epochs=12, monitor=monitor)
    looks = np.array([report.free_run for report in fitted.history.epochs])
    spread = np.concatenate([t.x for t in train.physical]).std(axis=0)
    for i, member in enumerate(fitted.ensemble):
        best = looks[:, i].argmin()
        assert fitted.history.best[i] == best + 1
        assert looks[best, i] == pytest.approx(
            brute_error(member, validation.physical, spread), rel=1e-6
        )
        again = exploding(train, [0.0, 0.05], rate=1.05, epochs=int(best) + 1)
        for a, b in zip(weights_of(fitted), weights_of(again), strict=True):
            assert np.array_equal(a[i], b[i])
    assert (looks.argmin(axis=0) < 11).all()
    assert np.isfinite(looks.min(axis=0)).all()


def test_free_runs_are_looked_at_every_few_epochs_and_last(train):
    monitor = Monitor(plant_again(train), every=2)
    phases = Phase(3, Constant(1e-2), batch=BATCH), SHORT
    fitted = fit(train, *phases, monitor=monitor)
    unwatched = fit(train, *phases)
    for a, b in zip(weights_of(fitted), weights_of(unwatched), strict=True):
        assert np.array_equal(a, b)  # watching changes nothing
    looked = [report.free_run is not None for report in fitted.history.epochs]
    assert looked == [False, True, True, False, True]
    last = fitted.history.epochs[-1].free_run
    assert last == pytest.approx(
        free_run_errors(fitted.ensemble, monitor.validation.physical), rel=1e-6
    )
    z, target = (
        np.concatenate(a)
        for a in zip(*map(scaled_by(train), monitor.validation.physical), strict=True)
    )
    for member in range(2):
        layers = layers_of(fitted.ensemble.stacked.model.network, member)
        errors = np.array([forward(layers, row) for row in z]) - target
        got = fitted.history.epochs[-1].validation[member]
        assert got == pytest.approx(np.mean(errors**2), rel=1e-9)


def scaled_by(train):
    x, u = (np.concatenate([getattr(t, name) for t in train.physical]) for name in "xu")
    rises = np.concatenate([np.diff(t.x, axis=0) for t in train.physical])

    def examples(t):
        z = np.hstack([(t.x - x.mean(0)) / x.std(0), (t.u - u.mean(0)) / u.std(0)])[:-1]
        return z, (np.diff(t.x, axis=0) - rises.mean(0)) / rises.std(0)

    return examples


@pytest.mark.parametrize(("size", "phases"), [(0, (SHORT,)), (1, ())])
def test_an_empty_request_is_refused(train, size, phases):
    with pytest.raises(ValueError, match="at least one member and one phase"):
        fit_ensemble(NET, train, phases, size=size, key=jax.random.key(SEED))


# ---------------------------------------------------------------- the linear model


def test_the_linear_fit_is_scipys_least_squares(train):
    z, target = one_step_examples(train.physical)
    solution, *_ = scipy.linalg.lstsq(np.hstack([z, np.ones((len(z), 1))]), target)
    layer = layers_of(fit_linear(train).stacked.model.network, 0)[0]
    np.testing.assert_allclose(layer["weight"], solution[:-1].T, atol=1e-10)
    np.testing.assert_allclose(layer["bias"], solution[-1], atol=1e-10)


def test_a_linear_plant_is_recovered_and_runs_freely():
    A = np.array([[0.9, 0.1], [-0.2, 0.95]])
    B = np.array([[0.0], [0.3]])
    rng = np.random.default_rng(3)
    u = rng.normal(size=(2, 60, 1))
    x = np.zeros((2, 60, 2))
    for k in range(59):
        x[:, k + 1] = x[:, k] @ A.T + u[:, k] @ B.T + [0.01, -0.02]
    data = Dataset.from_arrays(x=x, u=u, dt=1.0)
    fresh = rng.normal(size=(500, 1))
    truth = [np.array([1.0, -1.0])]
    for k in range(499):
        truth.append(A @ truth[-1] + B @ fresh[k] + [0.01, -0.02])
    (member,) = fit_linear(Normaliser.fit(data).apply(data))
    np.testing.assert_allclose(member.rollout(truth[0], fresh), np.stack(truth), atol=1e-9)


@pytest.mark.parametrize(
    "architecture",
    [
        DerivativeMLP(widths=()),
        DerivativeMLP(widths=(4, 3), skip=True),
        DerivativeMLP(widths=(4,), skip=True, per_state=True),
    ],
    ids=["linear", "skip", "per state"],
)
def test_a_linear_start_holds_the_linear_model(train, architecture):
    """With the last layer's hidden columns at zero, nothing but the linear model is left."""
    z, target = one_step_examples(train.physical)
    solution, *_ = scipy.linalg.lstsq(np.hstack([z, np.ones((len(z), 1))]), target)
    models = linear_start(architecture, train, size=2, key=jax.random.key(SEED))
    network = getattr(models.network, "networks", models.network)
    last = network.layers[-1]
    assert last.weight.raw.any()
    if architecture.widths:
        assert len(np.unique(np.asarray(network.layers[0].weight.raw))) > 4  # a random start
        hollow = jax.tree.map(lambda a: a * 0 if a is last.weight.raw else a, models)
    else:
        hollow = models
    for member in range(2):
        model = resolve(jax.tree.map(lambda a, i=member: a[i], hollow))
        out = np.asarray(jax.vmap(model.network)(jnp.asarray(z, jnp.float32)))
        np.testing.assert_allclose(out, z @ solution[:-1] + solution[-1], atol=2e-5)


def test_a_linear_start_needs_a_linear_path(train):
    with pytest.raises(ValueError, match="skip"):
        linear_start(DerivativeMLP(widths=(4,)), train, size=1, key=jax.random.key(SEED))


def test_steps_cover_the_examples_once_an_epoch(train):
    """The mean training loss at rate 0 is the loss over the whole data, from any batch size."""
    z, target = one_step_examples(train.physical)
    fitted = fit(train, Phase(1, Constant(0.0), batch=BATCH))
    for member in range(2):
        layers = layers_of(fitted.ensemble.stacked.model.network, member)
        errors = np.array([forward(layers, row) for row in z]) - target
        assert fitted.history.epochs[0].train[member] == pytest.approx(np.mean(errors**2))


def test_reports_count_phases_and_epochs(short):
    details = [(r.phase, r.epoch, r.done, r.total) for r in short.history.epochs]
    assert details == [(0, 0, 1, 2), (0, 1, 2, 2)]
    assert all(a.seconds <= b.seconds for a, b in pairwise(short.history.epochs))
    assert not short.history.interrupted
    assert short.history.sentences() == []
