"""What every sparsification method promises, alone and chained, in the training of ensembles."""

from itertools import combinations
from typing import Literal, get_args, get_origin

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tests.by_hand import scaled_plant

from sparsid._errors import SparsidError
from sparsid.models import DerivativeMLP
from sparsid.models.parameters import is_parameter, resolve, split_trainable, weights
from sparsid.sparsify import (
    METHODS,
    NOTHING,
    Clock,
    Method,
    Seen,
    Sparsifier,
    chain,
    l1,
    magnitude,
    soft_threshold,
    threshold,
)
from sparsid.sparsify.base import finish, init, prepare
from sparsid.training import Adam, Constant, Phase, Training

NET = DerivativeMLP(widths=(4,), skip=True)


def tried(name: str, **more) -> Method:
    """A method as it is tried; `more` options over those of its `trial`."""
    return METHODS[name](**{**METHODS[name].trial, **more})


#: Every registered method as it declares to be tried, and what further options make of some.
CASES: dict[str, tuple[Method, ...]] = {name: (tried(name),) for name in METHODS} | {
    "nothing": (),
    "l1, by role": (tried("l1", skip=1e-3),),
    "l1 of stored": (tried("l1", of="stored"),),
    "dynamic by gradient": (tried("dynamic", growth="gradient", start="random"),),
    "rigl at random": (tried("rigl", growth="random"),),
    "magnitude at once": (tried("magnitude", at_epoch=1),),
    "magnitude, global": (tried("magnitude", scope="global"),),
    "magnitude, repeated": (tried("magnitude", at=(1, 2)),),
    "cut, then averaged": (tried("l1"), tried("threshold"), tried("average")),
    "softly": (tried("soft_threshold"), tried("l1", of="stored"), tried("average")),
    "held": (tried("magnitude", at_epoch=1), tried("hold")),
}


def record(methods: tuple[Method, ...]) -> Sparsifier:
    built = [method.build() for method in methods]
    return built[0] if len(built) == 1 else chain(*built) if built else NOTHING


@pytest.fixture(scope="module")
def train():
    return scaled_plant(trajectories=1, samples=31)


@pytest.fixture(scope="module", params=CASES)
def methods(request) -> tuple[Method, ...]:
    return CASES[request.param]


@pytest.fixture(scope="module")
def method(methods) -> Sparsifier:
    return record(methods)


def zeros_of(methods) -> set[str]:
    return {method.zeros for method in methods} - {"none"}


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


def test_it_works_over_ensembles_and_phases(trained, methods):
    training, begun, _, members = trained
    assert len(members.history.epochs) == 4
    assert not members.history.frozen
    found = arrays(members, training)
    for w, before in zip(found, arrays(begun, training), strict=True):
        assert np.isfinite(w).all()
        assert w.any()
        assert not np.array_equal(w[0], w[1])
        moved = (w != before) & (w != 0)
        assert moved.any() != any(method.holds for method in methods)
    assert any((w == 0).any() for w in found) == bool(zeros_of(methods))


def test_what_a_mask_took_stays_zero_through_later_phases(trained, methods):
    """Methods that move their masks keep the number of nonzero weights instead."""
    training, _, first, second = trained
    zeros = zeros_of(methods)
    if zeros == {"stay"}:
        for early, late in zip(arrays(first, training), arrays(second, training), strict=True):
            assert not late[early == 0].any()
    if zeros == {"move"}:
        (method,) = methods
        early, late = ([np.asarray(w.keep) for w in weights(m.models())] for m in (first, second))
        assert not all(np.array_equal(a, b) for a, b in zip(early, late, strict=True))
        for keeps in (early, late):
            sizes = sum(keep[0].size for keep in keeps)
            dead = sum(round(method.sparsity * keep[0].size) for keep in keeps)
            assert np.array_equal(sum(k.sum(axis=(1, 2)) for k in keeps), [sizes - dead] * 2)


def soft(w, s):
    return np.sign(w) * np.maximum(np.abs(w) - 1 / (1 + np.exp(-s)), 0)


#: By hand: what a weight matrix is right after `prepare` of methods that begin with others.
PREPARED = {
    "threshold": lambda method, w, got: np.where(np.abs(w) < method.below, 0, w),
    "soft_threshold": lambda method, w, got: soft(w, method.start),
    "dynamic": lambda method, w, got: np.where(got == 0, 0, w),
    "rigl": lambda method, w, got: np.where(got == 0, 0, w),
}


def test_a_phase_begins_as_declared(train, method, methods):
    model = build(train)
    prepared = prepare(method, model, key=jax.random.key(0))
    again = prepare(method, prepared, key=jax.random.key(1))
    others = [(name, m) for m in methods for name in METHODS if METHODS[name] is type(m)]
    for before, after, twice in zip(*map(weights, (model, prepared, again)), strict=True):
        wanted, got = np.asarray(before.value()), np.asarray(after.value())
        for name, each in others:
            if each.begins == "other" and name in PREPARED:
                wanted = PREPARED[name](each, wanted, got)
            if each.zeros == "move":
                assert (got == 0).sum() == round(each.sparsity * got.size)
        if all(each.begins != "function" for each in methods):
            np.testing.assert_allclose(got, wanted, rtol=0, atol=1e-6)
        if all(each.begins == "weights" for each in methods):
            assert np.array_equal(got, wanted)
        assert after.role == before.role
        # The phase after goes on with what is there, but for the rounding of a norm.
        np.testing.assert_allclose(twice.value(), got, rtol=0, atol=1e-6)
        assert jax.tree.structure(twice) == jax.tree.structure(after)
    z = jax.random.normal(jax.random.key(7), (3, 50))
    runs = [np.asarray(resolve(m).network(z)) for m in (model, prepared)]
    same = all(each.begins != "other" for each in methods)
    assert np.allclose(*runs, rtol=1e-5, atol=1e-5) == same


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


def test_a_penalty_is_a_finite_number_with_a_finite_slope(train, method):
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


def hooks(method) -> tuple:
    return method.penalty, method.after_step, method.after_epoch


def in_other_numbers(method: Method) -> Method:
    """Every fraction and every count of the options another one, the words the same."""
    later = {}
    for name, value in method:
        if isinstance(value, float):
            later[name] = value / 2 or 0.05
        elif isinstance(value, int) and not isinstance(value, bool):
            later[name] = value + 1
    return type(method)(**{**method.model_dump(), **later})


def test_methods_that_differ_in_numbers_alone_share_one_program(train, methods):
    pair = record(methods), record(tuple(map(in_other_numbers, methods)))
    assert hooks(pair[0]) == hooks(pair[1])
    assert hash(hooks(pair[0])) == hash(hooks(pair[1]))
    model = build(train)
    states = [
        init(m, prepare(m, model, key=jax.random.key(0)), key=jax.random.key(1)) for m in pair
    ]
    assert jax.tree.structure(states[0]) == jax.tree.structure(states[1])
    kinds = [[(a.shape, a.dtype) for a in jax.tree.leaves(state)] for state in states]
    assert kinds[0] == kinds[1]  # else they could not be stacked


@pytest.mark.parametrize("name", METHODS)
def test_methods_that_differ_in_structure_do_not(name):
    """Options that are words say what is compiled."""
    words = {
        key: get_args(field.annotation)
        for key, field in METHODS[name].model_fields.items()
        if get_origin(field.annotation) is Literal
    }
    for key, every in words.items():
        each = [hooks(tried(name, **{key: word}).build()) for word in every]
        assert all(a != b for at, a in enumerate(each) for b in each[:at]), key


def test_an_order_and_a_schedule_are_structure():
    both = tried("l1").build(), tried("average").build()
    assert hooks(chain(*both)) != hooks(chain(*both[::-1]))
    assert hooks(magnitude()) != hooks(magnitude(at_epoch=1))


@pytest.mark.parametrize("pair", list(combinations(METHODS, 2)), ids="+".join)
def test_methods_go_together_unless_they_say_that_they_do_not(train, pair):
    """In the order in which a phase takes them, up to the hooks of its first step."""
    first, second = sorted((METHODS[name] for name in pair), key=lambda kind: kind.order)
    assert first.order < second.order
    both, model = chain(first(**first.trial).build(), second(**second.trial).build()), build(train)

    def begin(key):
        prepared = prepare(both, model, key=key)
        state = init(both, prepared, key=key)
        moments = Adam().transformation().init(split_trainable(prepared)[0])
        seen = Seen(resolve(prepared), jnp.asarray(1e-2), Adam().scale(moments))
        if both.penalty is not None:
            both.penalty(prepared, state, Clock(0, 0, 2, 3))
        if both.after_step is not None:
            both.after_step(prepared, moments, state, Clock(1, 0, 2, 3), seen)
        return ()

    apart = {METHODS[name] for kind in (first, second) for name in kind.apart_from}
    if {first, second} & apart:
        with pytest.raises(SparsidError):
            jax.eval_shape(begin, jax.random.key(0))
    else:
        jax.eval_shape(begin, jax.random.key(0))


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
