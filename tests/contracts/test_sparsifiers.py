"""What every sparsification method promises, alone and chained, in the training of ensembles."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tests.by_hand import scaled_plant

import sparsid.sparsify
from sparsid.models import DerivativeMLP
from sparsid.models.parameters import is_parameter, resolve, split_trainable, weights
from sparsid.sparsify import (
    NOTHING,
    Clock,
    Seen,
    Sparsifier,
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
    unit_sphere,
    weight_average,
)
from sparsid.sparsify.base import finish, init, prepare
from sparsid.training import Adam, Constant, Phase, Training

NET = DerivativeMLP(widths=(4,), skip=True)
DSR = {"every": 1, "target": 3, "threshold": 0.4}
METHODS = {
    "nothing": NOTHING,
    "l1": l1(1e-2, skip=1e-3),
    "threshold": threshold(0.3),
    "weight_average": weight_average(),
    "hold": hold(),
    "dynamic": dynamic(0.5, **DSR),
    "dynamic by gradient": dynamic(0.5, **DSR, growth="gradient", start="random"),
    "rigl": rigl(0.5, every=2, end=1.0),
    "magnitude": magnitude(0.6, end=1.0),
    "magnitude, repeated": magnitude(at=[1, 2]),
    "proximal_l1": proximal_l1(0.3),
    "group_l1": group_l1(1.0, inputs=0.1),
    "soft_threshold": soft_threshold(-2.0, decay=0.1),
    "unit_sphere": unit_sphere(3.0, by="projection"),
    "chain": chain(threshold(0.3), l1(1e-3), weight_average()),
    "chain of chains": chain(chain(l1(1e-3), magnitude(0.6, at_epoch=1)), chain(weight_average())),
    "chain, softly": chain(soft_threshold(-2.0), l1(1e-2, of="stored"), weight_average()),
    "chain, held": chain(hold(), magnitude(0.6, at_epoch=1)),
}
MASKS_GROW = {
    *("threshold", "magnitude", "magnitude, repeated"),
    *("chain", "chain of chains", "chain, held"),
}
MASKS_MOVE = {"dynamic", "dynamic by gradient", "rigl"}
WITHOUT_MASKS = {"soft_threshold", "chain, softly", "proximal_l1", "group_l1"}  # zeros may go again
PENALISED = {name for name in METHODS if name.startswith(("l1", "chain"))} - {"chain, held"}


def test_every_public_method_is_under_the_contract():
    constructors = set(sparsid.sparsify.__all__) - {
        "NOTHING",
        "Clock",
        "Seen",
        "Sparsifier",
    }
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
def trained(train, method):
    """Members as they begin, after one phase and after a second one of the same method."""
    training = Training(NET, train)
    phase = Phase(2, Constant(5e-3), method, batch=10)
    begun = training.begin(jax.random.split(jax.random.key(1), 2))
    first = training.run(begun, phase)
    return training, begun, first, training.run(first, phase)


def arrays(members, training) -> list[np.ndarray]:
    return [w for _, w in training.fitted(members).ensemble.weights()]


def build(train, seed=0):
    return NET.build(train, key=jax.random.key(seed))


def test_it_works_over_ensembles_and_phases(trained, name):
    training, begun, _, members = trained
    assert len(members.history.epochs) == 4
    assert not members.history.frozen
    found = arrays(members, training)
    for w, before in zip(found, arrays(begun, training), strict=True):
        assert np.isfinite(w).all()
        assert w.any()
        assert not np.array_equal(w[0], w[1])
        moved = (w != before) & (w != 0)
        assert moved.any() == ("held" not in name and name != "hold")
    zeros = any((w == 0).any() for w in found)
    assert zeros == (name in MASKS_GROW | MASKS_MOVE | WITHOUT_MASKS)


def test_what_a_mask_took_stays_zero_through_later_phases(trained, name):
    """Methods that move their masks keep the number of living weights instead."""
    training, _, first, second = trained
    if name in WITHOUT_MASKS:
        return
    for early, late in zip(arrays(first, training), arrays(second, training), strict=True):
        if name not in MASKS_MOVE:
            assert not late[early == 0].any()
    if name in MASKS_MOVE:
        early, late = ([np.asarray(w.keep) for w in weights(m.models())] for m in (first, second))
        assert not all(np.array_equal(a, b) for a, b in zip(early, late, strict=True))
        living = [sum(keep.sum(axis=(1, 2)) for keep in keeps) for keeps in (early, late)]
        assert np.array_equal(*living)
        assert np.array_equal(living[0], [sum(w[0].size // 2 for w in arrays(first, training))] * 2)


def soft(w, by):
    return np.sign(w) * np.maximum(np.abs(w) - by, 0)


PREPARED = {  # what a weight matrix is right after `prepare`; all others leave it as it was
    "threshold": lambda w: np.where(np.abs(w) < 0.3, 0, w),
    "chain": lambda w: np.where(np.abs(w) < 0.3, 0, w),
    "soft_threshold": lambda w: soft(w, 1 / (1 + np.exp(2))),
    "chain, softly": lambda w: soft(w, 1 / (1 + np.exp(2))),
}


def test_a_phase_begins_with_the_stated_weights(train, method, name):
    model = build(train)
    prepared = prepare(method, model, key=jax.random.key(0))
    again = prepare(method, prepared, key=jax.random.key(1))
    for before, after, twice in zip(*map(weights, (model, prepared, again)), strict=True):
        w, got = np.asarray(before.value()), np.asarray(after.value())
        if name in MASKS_MOVE:
            assert (got == 0).sum() == round(0.5 * w.size)
            wanted = np.where(got == 0, 0, w)
        else:
            wanted = PREPARED.get(name, lambda w: w)(w)
        if name == "unit_sphere":  # tests/numerics/test_sphere.py says what becomes of each
            wanted = got
        np.testing.assert_allclose(got, wanted, rtol=0, atol=1e-6 if "soft" in name else 0)
        assert after.role == before.role
        # The phase after goes on with what is there, but for the rounding of a norm.
        slack = 1e-6 if name == "unit_sphere" else 0
        np.testing.assert_allclose(twice.value(), got, rtol=0, atol=slack)
        assert jax.tree.structure(twice) == jax.tree.structure(after)


def test_the_state_is_the_same_for_one_and_for_many(train, method):
    """Hooks see one member; `vmap` adds the others."""
    keys = jax.random.split(jax.random.key(2), 3)
    models = jax.vmap(lambda key: NET.build(train, key=key))(keys)
    model = jax.tree.map(lambda a: a[1], models)
    many = jax.vmap(lambda m, key: init(method, m, key=key))(models, keys)
    alone = init(method, model, key=keys[1])
    assert jax.tree.structure(many) == jax.tree.structure(alone)
    for a, b in zip(jax.tree.leaves(many), jax.tree.leaves(alone), strict=True):
        assert a[1].dtype == b.dtype
        assert jnp.array_equal(a[1], b)


def walk(method, train, epochs):
    """The method without training: hooks called as epochs without steps would call them."""
    model = prepare(method, build(train), key=jax.random.key(3))
    state = init(method, model, key=jax.random.key(4))
    yield model, state
    for epoch in range(epochs):
        if method.after_epoch is not None:
            clock = Clock(10 * (epoch + 1), epoch + 1, 5, 10)
            model, _, state = method.after_epoch(model, (), state, clock)
            yield model, state


def test_finish_is_valid_at_any_moment(train, method):
    for model, state in walk(method, train, 2):
        done = finish(method, model, state)
        assert jax.tree.structure(done) == jax.tree.structure(model)
        for before, after in zip(weights(model), weights(done), strict=True):
            np.testing.assert_allclose(after.value(), before.value(), rtol=1e-6)  # nothing moved
            assert np.array_equal(np.asarray(after.value()) == 0, np.asarray(before.value()) == 0)
    resolved = resolve(done)
    assert not any(is_parameter(n) for n in jax.tree.leaves(resolved, is_leaf=is_parameter))
    assert np.isfinite(np.asarray(resolved.network(jnp.ones(3)))).all()


def test_a_penalty_is_a_finite_number_with_a_finite_slope(train, method, name):
    assert (method.penalty is not None) == (name in PENALISED)
    if method.penalty is None:
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


IN_NUMBERS_ALONE = {
    "l1": (l1(1e-4), l1(1e-3, first=0.0)),
    "l1 of stored": (l1(1e-4, of="stored"), l1(1e-3, of="stored")),
    "weight_average": (weight_average(), weight_average(from_fraction=0.5)),
    "chain": (chain(l1(1e-4), weight_average()), chain(l1(1e-3), weight_average())),
    "threshold": (threshold(0.1), threshold(0.2)),
    "magnitude": (magnitude(0.5), magnitude(0.8, begin=0.1, end=0.5, every=3)),
    "magnitude at once": (magnitude(0.5, at_epoch=1), magnitude(0.8, at_epoch=2)),
    "magnitude global": (magnitude(0.5, scope="global"), magnitude(0.8, scope="global")),
    "magnitude, repeated": (magnitude(at=[1]), magnitude(at=[2], share=0.1)),
    "proximal_l1": (proximal_l1(1e-4), proximal_l1(1e-3, skip=0.0)),
    "group_l1": (group_l1(1e-4), group_l1(1e-3, inputs=0.0)),
    "unit_sphere": (unit_sphere(1.0, by="projection"), unit_sphere(2.0, by="projection")),
    "soft_threshold": (soft_threshold(-2), soft_threshold(-6, decay=0.1)),
    "rigl": (rigl(0.5), rigl(0.8, every=7, share=0.1, end=0.5)),
    "dynamic": (dynamic(), dynamic(0.8, every=7, target=9, threshold=0.1, tolerance=0.2)),
    "by gradient": (dynamic(growth="gradient"), dynamic(0.8, growth="gradient")),
}
IN_STRUCTURE = [
    (l1(), l1(of="stored")),
    (magnitude(), magnitude(at_epoch=1)),
    (magnitude(), magnitude(scope="global")),
    (rigl(), rigl(growth="random")),
    (dynamic(), dynamic(start="random")),
    (dynamic(), dynamic(growth="gradient")),
    (proximal_l1(), group_l1(1e-4)),
    (chain(l1(), weight_average()), chain(weight_average(), l1())),
]


def hooks(method) -> tuple:
    return method.penalty, method.after_step, method.after_epoch


@pytest.mark.parametrize("pair", IN_NUMBERS_ALONE.values(), ids=IN_NUMBERS_ALONE)
def test_methods_that_differ_in_numbers_alone_share_one_program(pair, train):
    one, other = pair
    assert hooks(one) == hooks(other)
    assert hash(hooks(one)) == hash(hooks(other))
    model = build(train)
    states = [
        init(m, prepare(m, model, key=jax.random.key(0)), key=jax.random.key(1)) for m in pair
    ]
    assert jax.tree.structure(states[0]) == jax.tree.structure(states[1])
    kinds = [[(a.shape, a.dtype) for a in jax.tree.leaves(state)] for state in states]
    assert kinds[0] == kinds[1]  # else they could not be stacked


@pytest.mark.parametrize("pair", IN_STRUCTURE)
def test_methods_that_differ_in_structure_do_not(pair):
    assert hooks(pair[0]) != hooks(pair[1])


def test_a_chain_has_only_the_hooks_of_its_methods():
    assert chain(l1(1e-4)).after_step is None
    assert chain(threshold(0.1)).penalty is None
    assert chain(magnitude(), soft_threshold()).finish is None


def test_hooks_after_a_step_keep_layout_and_precision(train, method):
    """What a hook gives back goes into the next step: same structure, shapes and kinds."""
    model = prepare(method, build(train), key=jax.random.key(3))
    state = init(method, model, key=jax.random.key(4))
    moments = Adam().transformation().init(split_trainable(model)[0])
    seen = Seen(resolve(model), jnp.asarray(1e-2), Adam().scale(moments))
    kinds = jax.tree.map(lambda a: (a.shape, a.dtype), (model, moments, state))
    for hook, looks in ((method.after_step, (seen,)), (method.after_epoch, ())):
        if hook is not None:
            later = jax.eval_shape(hook, model, moments, state, Clock(4, 2, 4, 2), *looks)
            assert jax.tree.map(lambda a: (a.shape, a.dtype), later) == kinds


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
