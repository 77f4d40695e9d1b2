"""Training on the unit sphere: the same function at the start, and within its bounds for good."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from tests.by_hand import scaled_plant

from sparsid import SparsidError
from sparsid.models import NARX, DerivativeMLP, graph_of
from sparsid.models.mlp import activation, build_mlp, build_per_output
from sparsid.models.parameters import Bounded, Fixed, UnitRows, resolve, weights
from sparsid.sparsify import (
    chain,
    dynamic,
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
from sparsid.sparsify.base import init, prepare
from sparsid.training import Constant, FreeRun, OneStep, Phase, Training

KEY = jax.random.key(0)


def begun(method, network, regressors=None):
    """`prepare`, compiled as a whole: piece by piece it takes a second a layer."""
    return jax.jit(lambda at: prepare(method, at, key=KEY, regressors=regressors))(network)


def state_of(method, network, regressors):
    return jax.jit(lambda at: init(method, at, key=KEY, regressors=regressors))(network)


def spread(network, seed, size=1.0):
    """The network with biases drawn, which begin as zero."""
    rng = np.random.default_rng(seed)

    def drawn(layer):
        return eqx.tree_at(
            lambda at: at.bias, layer, jnp.asarray(size * rng.normal(size=layer.bias.shape))
        )

    return eqx.tree_at(lambda n: n.layers, network, tuple(map(drawn, network.layers)))


def layers_by_hand(network, z):
    """(what a layer takes, what it gives to its activation) of all, in plain NumPy."""
    h, found = z, []
    for layer in resolve(network).layers:
        taken = h if layer.skip is None else np.vstack([h, z])
        rows = np.hstack([m for m in (layer.weight, layer.skip) if m is not None])
        a = rows @ taken + np.asarray(layer.bias)[:, None]
        h = np.maximum(a, 0) if network.activation == "relu" else (a >= 0) * 1.0
        found.append((taken, a))
    return found


def by_hand(network, z):
    """The network's output."""
    return layers_by_hand(network, z)[-1][1]


def norms_seen(network, z):
    """The largest norm that each hidden layer sees."""
    hidden = layers_by_hand(network, z)[:-1]
    return np.array([np.linalg.norm(taken, axis=0).max() for taken, _ in hidden])


@settings(deadline=None, max_examples=5)
@given(
    st.integers(0, 10**6),
    st.lists(st.integers(1, 6), min_size=1, max_size=3),
    st.sampled_from(["relu", "binary"]),
    st.booleans(),
    st.floats(0.1, 5.0),
)
def test_the_function_at_the_start_is_the_one_before(seed, widths, activation, skip, size):
    with jax.enable_x64(True):
        network = build_mlp(
            3, 2, widths, activation=activation, skip=skip, key=jax.random.key(seed)
        )
        network = spread(network, seed, size)
        z = np.random.default_rng(seed).uniform(-1, 1, (3, 50))
        reach = float(np.sqrt(3.0))  # of the box [-1, 1]^3
        projected = begun(unit_sphere(reach, by="projection"), network)
        before = by_hand(network, z)
        np.testing.assert_allclose(
            by_hand(projected, z), before, rtol=1e-9, atol=1e-9 * np.abs(before).max()
        )
        for layer in resolve(projected).layers[:-1]:
            rows = np.hstack([m for m in (layer.weight, layer.skip) if m is not None])
            np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1, rtol=1e-12)
        if skip:
            return
        wrapped = begun(unit_sphere(reach), network)
        for one, other in zip(wrapped.layers, projected.layers, strict=True):
            np.testing.assert_allclose(one.weight.value(), other.weight.value(), rtol=1e-9)
        thresholds = [np.abs(layer.bias) for layer in resolve(projected).layers[:-1]]
        bounds, bound = [], reach
        for width in widths:
            bounds.append(bound)
            bound = np.sqrt(width) * (2 * bound if activation == "relu" else 1)
        inside = all((t < 0.99 * b).all() for t, b in zip(thresholds, bounds, strict=True))
        assert all((t <= b).all() for t, b in zip(thresholds, bounds, strict=True))
        if inside:  # else thresholds begin a thousandth further in, as tanh has no end
            np.testing.assert_allclose(
                by_hand(wrapped, z), before, rtol=1e-9, atol=1e-9 * np.abs(before).max()
            )


REPARAMETERISED, PROJECTED = "reparameterisation", "projection"


@pytest.mark.parametrize(
    ("by", "other"),
    [
        (REPARAMETERISED, l1(1e-2)),
        (REPARAMETERISED, magnitude(0.5, end=1.0)),
        (REPARAMETERISED, rigl(0.5, every=2, end=1.0)),
        (REPARAMETERISED, weight_average()),
        (PROJECTED, chain(threshold(0.3), proximal_l1(1e-2), weight_average())),
        (PROJECTED, dynamic(0.5, every=1, target=3, threshold=0.2)),
    ],
    ids=["l1", "magnitude", "rigl", "average", "projected", "projected dynamic"],
)
def test_trained_networks_stay_in_the_reduced_space(by, other):
    """Rows of norm 1 over what lives, thresholds within bounds; also after masks have changed."""
    train = scaled_plant(trajectories=1, samples=41)
    architecture = DerivativeMLP(widths=(6, 5))
    training = Training(architecture, train)
    begun = training.begin(jax.random.split(jax.random.key(1), 2))
    method = chain(other, unit_sphere(0.7, by=by))
    members = training.run(begun, Phase(3, Constant(2e-2), method, batch=10))
    ensemble = training.fitted(members).ensemble
    for member in range(2):
        graph = graph_of(ensemble, member)
        limit = 0.7
        for layer in graph.layers[:-1]:
            norms = np.linalg.norm(layer.weight, axis=1)
            assert ((np.abs(norms - 1) < 1e-5) | (norms == 0)).all()
            assert (np.abs(layer.bias) <= limit * (1 + 1e-6)).all()
            limit = 2 * limit * np.sqrt(len(layer.bias))
        assert all(not np.array_equal(w[0], w[1]) for _, w in ensemble.weights())


def test_dead_places_of_unit_rows_do_not_move():
    train = scaled_plant(trajectories=1, samples=41)
    training = Training(DerivativeMLP(widths=(6,)), train)
    begun = training.begin(jax.random.split(jax.random.key(1), 1))
    method = chain(threshold(0.4), unit_sphere(2.0))
    first = training.run(begun, Phase(1, Constant(2e-2), method, batch=10))
    later = training.run(first, Phase(3, Constant(2e-2), unit_sphere(2.0), batch=10))
    for before, after in zip(*(weights(m.models()) for m in (first, later)), strict=True):
        dead = np.asarray(before.value()) == 0
        assert dead.any() or before.role == "output"
        assert not np.asarray(after.value())[dead].any()
        assert not np.array_equal(before.value(), after.value())


@pytest.mark.parametrize("by", [REPARAMETERISED, PROJECTED])
def test_what_is_cut_in_a_later_phase_leaves_unit_rows(by):
    """First on the sphere, then cut there, with another bound: rows of norm 1 over what lives."""
    train = scaled_plant(trajectories=1, samples=41)
    training = Training(DerivativeMLP(widths=(6,)), train)
    members = training.begin(jax.random.split(jax.random.key(1), 1))
    for method in (unit_sphere(2.0, by=by), chain(threshold(0.4), unit_sphere(0.5, by=by))):
        members = training.run(members, Phase(2, Constant(2e-2), method, batch=10))
    hidden = graph_of(training.fitted(members).ensemble, 0).layers[0]
    assert (hidden.weight == 0).any()
    np.testing.assert_allclose(np.linalg.norm(hidden.weight, axis=1), 1, rtol=1e-5)
    assert np.abs(hidden.bias).max() <= 0.5


@settings(deadline=None, max_examples=5)
@given(
    st.integers(0, 10**6),
    st.lists(st.integers(1, 6), min_size=1, max_size=3),
    st.sampled_from(["relu", "binary"]),
    st.booleans(),
)
def test_bounds_from_data_are_the_largest_norms_seen(seed, widths, activation, skip):
    # Behind a single binary unit all weights are 1 or -1: a unit that is always off ends exactly on
    # its threshold, where rounding decides. Nothing is promised there.
    assume(activation == "relu" or 1 not in widths[:-1])
    with jax.enable_x64(True):
        network = spread(
            build_mlp(3, 2, widths, activation=activation, skip=skip, key=jax.random.key(seed)),
            seed,
            2.0,
        )
        z = np.random.default_rng(seed).normal(size=(3, 40))
        before = by_hand(network, z)
        for by in (PROJECTED, REPARAMETERISED)[: 1 if skip else 2]:
            method, inputs = unit_sphere("data", by=by), jnp.asarray(z.T)
            assert method.sees_data
            there = begun(method, network, inputs)
            seen = norms_seen(there, z)
            seen[seen == 0] = 1  # behind units that are all off any bound does
            limits = [np.abs(layer.bias).max() for layer in resolve(there).layers[:-1]]
            if by == PROJECTED:
                np.testing.assert_allclose(
                    by_hand(there, z), before, rtol=1e-9, atol=1e-9 * np.abs(before).max()
                )
                np.testing.assert_allclose(state_of(method, there, inputs), seen)
                assert (limits <= seen * (1 + 1e-12)).all()
                projected = seen
            else:  # those of the projected network: here thresholds begin a thousandth inside
                bounds = [layer.bias.limit.value() for layer in there.layers[:-1]]
                np.testing.assert_allclose(bounds, projected)


def test_bounds_of_networks_side_by_side_are_the_largest_of_all():
    with jax.enable_x64(True):
        made = build_per_output(3, 2, widths=(4, 3), activation="relu", skip=True, key=KEY)
        method = unit_sphere("data", by=PROJECTED)
        regressors = jnp.asarray(np.random.default_rng(0).normal(size=(30, 3)))
        there = begun(method, made, regressors)
        each = [jax.tree.map(lambda leaf, at=at: leaf[at], there.networks) for at in range(2)]
        seen = np.max([norms_seen(network, np.asarray(regressors.T)) for network in each], axis=0)
        np.testing.assert_allclose(state_of(method, there, regressors), seen)
        resolved = (resolve(network)(regressors.T) for network in (made, there))
        np.testing.assert_allclose(*resolved, atol=1e-12)


@pytest.mark.parametrize(
    "architecture",
    [
        DerivativeMLP(widths=(6,)),
        DerivativeMLP(widths=(6,), per_state=True),
        NARX(widths=(6,), activation="relu", output_lags=1, input_lags=2),
    ],
    ids=["derivative", "per state", "narx"],
)
@pytest.mark.parametrize("by", [REPARAMETERISED, PROJECTED])
def test_a_phase_bounds_by_its_own_data(architecture, by):
    """As with the bound by hand; and member i depends on its key alone."""
    train = scaled_plant(trajectories=2, samples=41)
    training = Training(architecture, train)
    keys = jax.random.split(jax.random.key(1), 2)
    if isinstance(architecture, NARX):
        loss = FreeRun(window=10, stride=2)
        rows = [
            np.hstack([t.u[k - 1], t.u[k - 2], t.x[k - 1]])
            for t in train.scaled
            for k in range(2, t.samples)
        ]
    else:
        loss = OneStep()
        rows = [np.hstack([x, u]) for t in train.scaled for x, u in zip(t.x, t.u, strict=True)]
    reach = float(np.linalg.norm(rows, axis=1).max())

    def trained(bound, keys):
        method = chain(l1(1e-3), unit_sphere(bound, by=by))
        phase = Phase(4, Constant(0.3), method, batch=10, loss=loss)
        return training.fitted(training.run(training.begin(keys), phase)).ensemble

    both, alone, by_hand = trained("data", keys), trained("data", keys[1:]), trained(reach, keys)
    for (_, one), (_, other), (_, own) in zip(
        both.weights(), by_hand.weights(), alone.weights(), strict=True
    ):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-5)
        np.testing.assert_array_equal(one[1], own[0])
    narrow = trained(reach / 8, keys)
    assert not np.allclose(narrow.weights()[0][1], both.weights()[0][1], atol=1e-2)


def test_the_gradient_is_that_of_the_sphere_by_hand():
    """d/dv of g.(v / |v|) = (g - (g.u) u) / |v| with u = v / |v|."""
    rng = np.random.default_rng(3)
    v, g = rng.normal(size=(2, 4, 3))
    with jax.enable_x64(True):
        from sparsid.models.parameters import Weight

        found = jax.grad(lambda v: (g * UnitRows(Weight(v, "first")).value()).sum())(jnp.asarray(v))
    norms = np.linalg.norm(v, axis=1, keepdims=True)
    u = v / norms
    np.testing.assert_allclose(found, (g - (g * u).sum(1, keepdims=True) * u) / norms, rtol=1e-12)


@pytest.mark.parametrize("limit", [0.3, 1.0, 40.0])
def test_a_wide_interval_makes_no_step_longer(limit):
    """Thresholds near zero are stored as they are; far out they end at the limit."""
    with jax.enable_x64(True):

        def threshold(raw):
            return Bounded(raw, Fixed(jnp.asarray(limit))).value()

        raw = jnp.array([-1e-3, 0.0, 1e-3]) * limit
        np.testing.assert_allclose(threshold(raw), raw, rtol=1e-6)
        assert float(jax.grad(threshold)(jnp.zeros(()))) == 1
        np.testing.assert_allclose(threshold(jnp.array([-50.0, 50.0]) * limit), [-limit, limit])


def test_binary_units_train_by_a_narrow_slope():
    a = jnp.array([-2.0, -0.5, 0.0, 0.5, 2.0])
    assert np.array_equal(activation("binary")(a), [0, 0, 1, 1, 1])
    slope = jax.vmap(jax.grad(lambda x: activation("binary")(x)))(a)
    np.testing.assert_allclose(slope, [1 / 441, 1 / 36, 1, 1 / 36, 1 / 441], rtol=1e-6)


@pytest.mark.parametrize(
    ("options", "method", "content"),
    [
        ({"activation": "tanh"}, unit_sphere(1.0), "relu or binary"),
        ({"bias": False}, unit_sphere(1.0), "biases, and this network has none"),
        ({"skip": True}, unit_sphere(1.0), "projection"),
        ({}, chain(soft_threshold(), unit_sphere(1.0)), "some are SoftThresholded"),
        ({}, chain(hold(), unit_sphere(1.0)), "some are Held"),
        ({}, chain(unit_sphere(1.0), soft_threshold()), "only the direction"),
        ({}, chain(unit_sphere(1.0, by="projection"), soft_threshold()), "some are SoftThr"),
        ({}, unit_sphere([1.0]), "2 hidden layers"),
        ({"widths": ()}, unit_sphere("data", by="projection"), "none: set `widths`"),
        ({}, chain(proximal_l1(1e-3), unit_sphere(1.0)), "only the direction"),
        ({}, chain(l1(1e-3, of="stored"), unit_sphere(1.0)), "only the direction"),
    ],
)
def test_what_makes_no_sense_is_refused_in_a_sentence(options, method, content):
    train = scaled_plant(trajectories=1, samples=41)
    training = Training(DerivativeMLP(**{"widths": (4, 4)} | options), train)
    begun = training.begin(jax.random.split(jax.random.key(1), 1))
    with pytest.raises(SparsidError, match=content):
        training.run(begun, Phase(1, Constant(1e-3), method, batch=10))


@pytest.mark.parametrize("bound", [0.0, -1.0, np.inf, np.nan, "date", [1.0, -1.0], []])
def test_a_bound_is_positive_and_finite(bound):
    with pytest.raises(SparsidError, match="`bound`"):
        unit_sphere(bound)
