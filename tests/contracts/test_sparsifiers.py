"""What every sparsification method promises, alone and chained, in the training of ensembles."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tests.by_hand import scaled_plant

import sparsid.sparsify
from sparsid.models import DerivativeMLP
from sparsid.models.parameters import is_parameter, resolve, weights
from sparsid.sparsify import NOTHING, Clock, Sparsifier, chain, l1, threshold, weight_average
from sparsid.sparsify.base import finish, init, prepare
from sparsid.training import Constant, Phase, fit_ensemble

NET = DerivativeMLP(widths=(4,), skip=True)
METHODS = {
    "nothing": NOTHING,
    "l1": l1(1e-2, skip=1e-3),
    "threshold": threshold(0.3),
    "weight_average": weight_average(),
    "chain": chain(threshold(0.3), l1(1e-3), weight_average()),
    "chain of chains": chain(chain(l1(1e-3), l1(1e-2)), chain(weight_average())),
}
MASKING = ("threshold", "chain")


def test_every_public_method_is_under_the_contract():
    constructors = set(sparsid.sparsify.__all__) - {"NOTHING", "Clock", "Seen", "Sparsifier"}
    assert constructors <= set(METHODS)


@pytest.fixture(scope="module")
def train():
    return scaled_plant(trajectories=1, samples=31)


@pytest.fixture(scope="module", params=METHODS)
def name(request):
    return request.param


@pytest.fixture(scope="module")
def method(name) -> Sparsifier:
    return METHODS[name]


@pytest.fixture(scope="module")
def phase(method):
    return Phase(2, Constant(5e-3), method, batch=10)


@pytest.fixture(scope="module")
def fitted(train, phase):
    return fit_ensemble(NET, train, (phase, phase), size=2, key=jax.random.key(1))


def build(train, seed=0):
    return NET.build(train, key=jax.random.key(seed))


def test_it_works_over_ensembles_and_phases(fitted, name):
    assert len(fitted.history.epochs) == 4
    assert not fitted.history.frozen
    for _, w in fitted.ensemble.weights():
        assert np.isfinite(w).all()
        assert w.any()
        assert not np.array_equal(w[0], w[1])
    assert any((w == 0).any() for _, w in fitted.ensemble.weights()) == (name in MASKING)


def test_exact_zeros_stay_through_later_phases(train, phase, fitted, name):
    """What the first phase put to zero is zero after the second; nothing but masks makes zeros."""
    first = fit_ensemble(NET, train, (phase,), size=2, key=jax.random.key(1))
    for (_, early), (_, late) in zip(
        first.ensemble.weights(), fitted.ensemble.weights(), strict=True
    ):
        assert not late[early == 0].any()


def test_a_mask_takes_small_weights_and_no_others(train, method, name):
    model = build(train)
    prepared = prepare(method, model, key=jax.random.key(0))
    for before, after in zip(weights(model), weights(prepared), strict=True):
        w, got = np.asarray(before.value()), np.asarray(after.value())
        wanted = np.where(np.abs(w) < 0.3, 0, w) if name in MASKING else w
        assert np.array_equal(got, wanted)
        assert after.role == before.role


def test_the_state_is_the_same_for_one_and_for_many(train, method):
    """Hooks see one member; `vmap` adds the others."""
    keys = jax.random.split(jax.random.key(2), 3)
    models = jax.vmap(lambda key: NET.build(train, key=key))(keys)
    model = jax.tree.map(lambda a: a[1], models)
    many = jax.vmap(lambda m, key: init(method, m, key=key))(models, keys)
    alone = init(method, model, key=keys[1])
    assert jax.tree.structure(many) == jax.tree.structure(alone)
    for a, b in zip(jax.tree.leaves(many), jax.tree.leaves(alone), strict=True):
        assert np.array_equal(np.asarray(a)[1], b)


def walk(method, train, epochs):
    """The method without training: hooks called as an epoch without steps would call them."""
    model = prepare(method, build(train), key=jax.random.key(3))
    state = init(method, model, key=jax.random.key(4))
    for epoch in range(epochs):
        if method.after_epoch is not None:
            clock = Clock(10 * (epoch + 1), epoch + 1, 5, 10)
            model, _, state = method.after_epoch(model, (), state, clock)
    return model, state


@pytest.mark.parametrize("epochs", [0, 1, 3])
def test_finish_is_valid_at_any_moment(train, method, epochs):
    model, state = walk(method, train, epochs)
    done = finish(method, model, state)
    assert jax.tree.structure(done) == jax.tree.structure(model)
    for before, after in zip(weights(model), weights(done), strict=True):
        np.testing.assert_allclose(after.value(), before.value(), rtol=1e-6)  # nothing moved
        assert np.array_equal(np.asarray(after.value()) == 0, np.asarray(before.value()) == 0)
    resolved = resolve(done)
    assert not any(is_parameter(n) for n in jax.tree.leaves(resolved, is_leaf=is_parameter))
    assert np.isfinite(np.asarray(resolved.network(jnp.ones(3)))).all()


def test_a_penalty_is_a_finite_number_with_a_finite_slope(train, method, name):
    if method.penalty is None:
        assert "l1" not in name
        assert "chain" not in name
        return
    model = prepare(method, build(train), key=jax.random.key(3))
    state = init(method, model, key=jax.random.key(4))
    clock = Clock(0, 0, 2, 3)
    value, slope = jax.value_and_grad(lambda m: method.penalty(m, state, clock), allow_int=True)(
        model
    )
    assert value > 0
    for layer in slope.network.layers:
        assert not np.asarray(layer.bias).any()  # biases are free


def test_l1_is_the_sum_of_magnitudes_by_role(train):
    strengths = {"first": 0.1, "hidden": 10.0, "skip": 0.01, "output": 1e-3}
    network = build(train).network
    first, last = network.layers
    wanted = (
        0.1 * np.abs(np.asarray(first.weight.raw, float)).sum()
        + 1e-3 * np.abs(np.asarray(last.weight.raw, float)).sum()
        + 0.01 * np.abs(np.asarray(last.skip.raw, float)).sum()
    )
    model, method, clock = build(train), l1(**strengths), Clock(0, 0, 1, 1)
    state = method.init(model, key=jax.random.key(0))
    assert float(method.penalty(model, state, clock)) == pytest.approx(wanted, rel=1e-6)
    both = chain(method, l1(0.0, first=0.1))
    state = both.init(model, key=jax.random.key(0))
    more = wanted + 0.1 * np.abs(np.asarray(first.weight.raw, float)).sum()
    assert float(both.penalty(model, state, clock)) == pytest.approx(more, rel=1e-6)


def test_methods_that_differ_in_numbers_alone_share_one_program():
    assert l1(1e-4).penalty is l1(1e-3, first=0.0).penalty
    one, other = (chain(l1(w), weight_average()) for w in (1e-4, 1e-3))
    assert one.penalty == other.penalty
    assert hash(one.after_epoch) == hash(other.after_epoch)
    assert one.after_epoch == other.after_epoch
    assert chain(l1(1e-4)).after_step is None
    assert chain(threshold(0.1)).penalty is None


def test_hooks_of_a_chain_come_in_its_order():
    def mark(letter):
        return Sparsifier(
            prepare=lambda model, *, key: model + letter,
            init=lambda model, *, key: letter,
            after_step=lambda model, moments, state, clock, seen: (
                model + letter,
                moments,
                state + "'",
            ),
            finish=lambda model, state: f"{model}[{state}]",
        )

    method, key = chain(mark("a"), NOTHING, mark("b")), jax.random.key(0)
    assert prepare(method, "", key=key) == "ab"
    state = init(method, "", key=key)
    assert state == ("a", (), "b")
    model, _, state = method.after_step("-", None, state, None, None)
    assert (model, state) == ("-ab", ("a'", (), "b'"))
    assert finish(method, "-", state) == "-[a'][b']"


@pytest.mark.parametrize(("step", "share"), [(0, 0.0), (15, 0.25), (60, 1.0)])
def test_the_clock_tells_the_share_of_the_phase(step, share):
    assert Clock(step, step // 10, 6, 10).fraction == share
