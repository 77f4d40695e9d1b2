"""What every architecture promises: saved and loaded, the same bits; a configuration in JSON."""

import json
from itertools import pairwise

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tests.by_hand import scaled_plant

from sparsid.architectures import ARCHITECTURES as KINDS
from sparsid.architectures import ROLES
from sparsid.graph.activations import ACTIVATIONS
from sparsid.identify.kinds import BASELINES, RECIPES
from sparsid.models import (
    NARX,
    Card,
    DerivativeMLP,
    DerivativeModel,
    Ensemble,
    OneStepAhead,
    Recursive,
    load,
)
from sparsid.models.mlp import build_mlp
from sparsid.models.parameters import resolve

#: The default of every registered kind, and what their options make of them.
ARCHITECTURES = {kind: KINDS[kind](kind=kind) for kind in KINDS} | {
    "plain": DerivativeMLP(widths=(4, 3)),
    "default": DerivativeMLP(),
    "skip": DerivativeMLP(widths=(4, 3), skip=True),
    "per state": DerivativeMLP(widths=(3,), per_state=True),
    "per state, skip": DerivativeMLP(widths=(3,), per_state=True, skip=True),
    "linear": DerivativeMLP(widths=()),
    "linear, per state": DerivativeMLP(widths=(), per_state=True),
    "tanh": DerivativeMLP(widths=(4,), activation="tanh"),
    "silu": DerivativeMLP(widths=(4,), activation="silu"),
    "binary": DerivativeMLP(widths=(4,), activation="binary"),
    "rk4": DerivativeMLP(widths=(4,), stepper="rk4"),
    "recurrent": NARX(widths=(4,)),
    "recurrent, one lag": NARX(widths=(4, 3), output_lags=1, input_lags=1, skip=True),
    "recurrent, delayed": NARX(widths=(4,), output_lags=1, input_lags=4, delay=2),
    "recurrent, linear": NARX(widths=(), output_lags=3),
}


def test_every_kind_declares_what_its_model_can_do(train):
    """A capability is a protocol of the model, and is there if and only if it is declared."""
    protocols = {"one-step": OneStepAhead, "recursion": Recursive}
    for kind in KINDS:
        architecture = ARCHITECTURES[kind]
        model = architecture.build(train, key=jax.random.key(0))
        has = {name for name, protocol in protocols.items() if isinstance(model, protocol)}
        assert has == architecture.can
        assert set(architecture.recipes) <= set(RECIPES)
        assert set(architecture.baselines) <= set(BASELINES)
        assert {RECIPES[name].observes for name in architecture.recipes} == {architecture.observes}


def test_the_arrays_are_those_that_the_architecture_declares(ensemble, architecture, train):
    channels = len(train.physical.states), len(train.physical.inputs)
    declared = architecture.arrays(*channels)
    found = ensemble.stacked.model.arrays()
    assert {n: (2, *s.shape) for n, s in declared.items()} == {n: a.shape for n, a in found.items()}
    matrices = [s.role for s in declared.values() if s.role in ROLES]
    assert matrices == [role for role, _ in ensemble.weights()]


def test_every_activation_is_under_the_contract():
    assert {ARCHITECTURES[name].activation for name in LAYERED} == set(ACTIVATIONS)


@pytest.fixture(scope="module")
def train():
    return scaled_plant(trajectories=1, samples=21)


@pytest.fixture(scope="module", params=ARCHITECTURES)
def architecture(request):
    return ARCHITECTURES[request.param]


@pytest.fixture(scope="module")
def ensemble(architecture, train):
    keys = jax.random.split(jax.random.key(0), 2)
    models = jax.vmap(lambda key: architecture.build(train, key=key))(keys)
    card = Card.describing(train.physical, architecture, note="by a test", epochs=3)
    return Ensemble.of(models, train.normaliser, card, 2)


@pytest.fixture(scope="module")
def again(ensemble, tmp_path_factory):
    path = tmp_path_factory.mktemp("models") / "plant.sparsid"
    ensemble.save(path)
    return load(path)


def test_the_loaded_model_has_the_same_bits(ensemble, again):
    assert jax.tree.structure(again.stacked) == jax.tree.structure(ensemble.stacked)
    mine, theirs = jax.tree.leaves(ensemble.stacked), jax.tree.leaves(again.stacked)
    for a, b in zip(mine, theirs, strict=True):
        assert (a.dtype, a.shape) == (b.dtype, b.shape)
        assert np.array_equal(a, b)


def test_the_loaded_model_runs_to_the_same_bits(ensemble, again, train):
    trajectory = train.physical[0]
    for mine, theirs in zip(ensemble, again, strict=True):
        start = trajectory.x[0] if mine.lag == 1 else trajectory.x[: mine.lag]
        run = mine.rollout(start, trajectory.u)
        assert run.shape == trajectory.x.shape
        assert np.array_equal(run[: mine.lag], trajectory.x[: mine.lag])
        assert np.array_equal(run, theirs.rollout(start, trajectory.u), equal_nan=True)


def test_the_card_comes_back_whole(ensemble, again, train):
    card = again.card
    assert card.architecture == ensemble.card.architecture
    assert (card.dt, card.states, card.inputs) == (
        0.5,
        train.physical.states,
        train.physical.inputs,
    )
    assert card.digest == train.physical.digest()
    assert card.training == {"note": "by a test", "epochs": 3}
    assert card.versions == ensemble.card.versions
    (trajectory,) = train.physical
    for name, rows in (("states", trajectory.x), ("inputs", trajectory.u)):
        wanted = [[f(rows[:, i]) for i in range(rows.shape[1])] for f in (min, max)]
        assert np.array_equal(card.box[name], wanted)


def test_an_ensemble_is_its_members(ensemble, again, architecture):
    assert len(again) == again.size == len(again.members) == len(list(again)) == 2
    lag = max(getattr(architecture, f"{kind}_lags", 1) for kind in ("output", "input"))
    assert {member.lag for member in again} == {again.lag} == {lag}
    first = [np.asarray(a)[0] for a in jax.tree.leaves(again.stacked.model)]
    for a, b in zip(first, jax.tree.leaves(ensemble.members[0].model), strict=True):
        assert np.array_equal(a, b)


#: Those made of hidden layers, whatever their kind.
LAYERED = [name for name, each in ARCHITECTURES.items() if hasattr(each, "widths")]
layered = pytest.mark.parametrize("architecture", LAYERED, indirect=True, scope="module")


@layered
def test_weights_count_as_the_widths_say(ensemble, architecture):
    states, inputs, per_state = 2, 3, getattr(architecture, "per_state", False)
    if isinstance(architecture, NARX):
        lagged = architecture.input_lags - architecture.delay + 1
        inputs = lagged + 2 * architecture.output_lags
        assert inputs == len(architecture.network_inputs(("a", "b"), ("u",)))
    sizes = [inputs, *architecture.widths, 1 if per_state else states]
    count = sum(
        after * (before + (inputs if architecture.skip and at else 0))
        for at, (before, after) in enumerate(pairwise(sizes))
    )
    got = ensemble.weights()
    assert sum(w[0].size for _, w in got) == count * (states if per_state else 1)
    assert {role for role, _ in got} <= set(ROLES)


@layered
def test_the_start_is_he_normal_and_linear_models_start_at_zero(ensemble, architecture):
    for role, w in ensemble.weights():
        assert w.any() == bool(architecture.widths), role


def test_the_configuration_goes_through_json(architecture):
    text = architecture.model_dump_json()
    kind = type(architecture)
    assert kind.model_validate_json(text) == architecture
    assert kind(**json.loads(text)) == architecture
    assert hash(kind(**json.loads(text))) == hash(architecture)
    assert architecture.sentence()


def test_the_start_has_the_stated_spread():
    """Standard deviation sqrt(2 / fan-in) of 60 000 drawn weights, skip columns counted."""
    wide = DerivativeModel.assemble(
        DerivativeMLP(widths=(200, 300), skip=True),
        4,
        2,
        gain=np.ones(4),
        drift=np.zeros(4),
        key=jax.random.key(1),
    )
    first, second, _ = wide.network.layers
    assert np.std(first.weight.raw) == pytest.approx(np.sqrt(2 / 6), rel=0.06)
    assert np.std(second.weight.raw) == pytest.approx(np.sqrt(2 / 206), rel=0.02)
    assert np.std(second.skip.raw) == pytest.approx(np.sqrt(2 / 206), rel=0.06)
    assert not np.asarray(second.bias).any()


@pytest.mark.parametrize(
    ("given", "word"),
    [
        ({"activation": "rleu"}, "relu"),
        ({"stepper": "rk5"}, "rk4"),
        ({"widths": (4, 0)}, "positive"),
        ({"width": (4,)}, "width"),
    ],
)
def test_a_wrong_configuration_is_refused(given, word):
    with pytest.raises(ValueError, match=word):
        DerivativeMLP(**given)


def test_a_configuration_does_not_change():
    with pytest.raises(ValueError, match="frozen"):
        DerivativeMLP().widths = (3,)


@pytest.mark.parametrize("skip", [False, True])
@pytest.mark.parametrize("samples", [1, 5, 16, 50])
@pytest.mark.parametrize("width", [7, 16, 32, 48])
def test_a_batch_is_its_samples_one_by_one_however_it_is_stored(width, samples, skip):
    """Wide layers and odd batches are multiplied row by row inside."""
    network = build_mlp(
        3, 2, widths=(width, 9), activation="silu", skip=skip, key=jax.random.key(width)
    )
    resolved = resolve(network)
    z = jax.random.normal(jax.random.key(1), (3, samples))
    inner = jnp.clip(z, -1, 1)
    alone = [resolved(z[:, i], inner[:, i]) for i in range(samples)]
    np.testing.assert_allclose(resolved(z, inner), np.stack(alone, axis=1), rtol=1e-5, atol=1e-6)
