"""Options of the derivative network, against plain NumPy: without biases, and clipped inputs."""

from dataclasses import replace

import jax
import numpy as np
import pytest
from tests.by_hand import ACTIVATE, one_step_examples, physical_rollout, scaled_plant

from sparsid._errors import SparsidError
from sparsid.graph import Clip, Graph, GraphLayer, beside
from sparsid.models import Card, DerivativeMLP, DerivativeModel, Ensemble, graph_of, load
from sparsid.models.parameters import resolve, split_trainable, weights
from sparsid.training import OneStep

SHAPES = {
    "one network": {},
    "tanh, rk4": {"activation": "tanh", "stepper": "rk4"},
    "per state": {"per_state": True},
    "no skip": {"skip": False},
    "linear": {"widths": ()},
}

CLIPS = ("none", "hidden", "all", "linear")


@pytest.fixture(scope="module")
def train():
    return scaled_plant(trajectories=2, samples=51)


@pytest.fixture(params=SHAPES)
def shape(request):
    return {"widths": (4, 3), "skip": True} | SHAPES[request.param]


def untrained(train, *, seed=0, **options) -> Ensemble:
    """Two members with random weights and biases."""
    architecture = DerivativeMLP(**options)
    rng = np.random.default_rng(seed)
    keys = jax.random.split(jax.random.key(seed), 2)
    models = jax.vmap(lambda key: architecture.build(train, key=key))(keys)
    network = jax.tree.map(
        lambda a: (0.4 * rng.normal(size=a.shape)).astype(np.float32), models.network
    )
    card = Card.describing(train.physical, architecture)
    return Ensemble.of(replace(models, network=network), train.normaliser, card, 2)


MARGIN = 0.1  # the default


def box_of(train):
    rows = np.concatenate([np.hstack([t.x, t.u]) for t in train.scaled])
    return np.float32(rows.min(axis=0)), np.float32(rows.max(axis=0))


def held_back(z, low, high, margin=MARGIN):
    """z as the network sees it: each channel bends over beyond its bound, from the definition."""
    seen = []
    for value, a, b in zip(z, low, high, strict=True):
        capacity = margin * (b - a)
        if value > b:
            seen.append(b + capacity * np.tanh((value - b) / capacity))
        elif value < a:
            seen.append(a - capacity * np.tanh((a - value) / capacity))
        else:
            seen.append(value)
    return np.array(seen)


def by_hand(ensemble, member, z, inner):
    """The network's outputs for one z; hidden layers see `inner`."""
    model = ensemble.members[member].model
    apart = getattr(model.network, "networks", None)
    networks = [model.network]
    if apart is not None:
        networks = [jax.tree.map(lambda leaf, i=i: leaf[i], apart) for i in range(2)]
    return np.concatenate(
        [_forward(n.layers, ensemble.card.architecture.activation, z, inner) for n in networks]
    )


def _forward(layers, activation, z, inner):
    h = inner
    for layer in layers[:-1]:
        h = ACTIVATE[activation](_affine(layer, h, inner))
    return _affine(layers[-1], h if len(layers) > 1 else z, z)


def _affine(layer, h, z):
    a = np.float64(layer.weight.raw) @ h
    if layer.skip is not None:
        a = a + np.float64(layer.skip.raw) @ z
    return a if layer.bias is None else a + np.float64(layer.bias)


def seen_by(clip, z, inside):
    """(what the last layer's direct path sees, what the rest sees)."""
    return {"none": (z, z), "hidden": (z, inside)}.get(clip, (inside, inside))


def slopes_of(train):
    """Slopes of the linear model, from the normal equations."""
    z, target = one_step_examples(train.physical)
    z = np.hstack([z, np.ones((len(z), 1))])
    return np.linalg.solve(z.T @ z, z.T @ target)[:-1].T


def rate_of(ensemble, member, train):
    """Increment over one sample in physical units, from the definition."""
    clip, (low, high) = ensemble.card.architecture.clip, box_of(train)
    s, rises = train.normaliser, train.normaliser.increments

    def rate(x, u):
        z = np.concatenate([s.states.apply(x), s.inputs.apply(u)])
        inside = held_back(z, low, high)
        out = by_hand(ensemble, member, *seen_by(clip, z, inside))
        if clip == "linear":
            out = out + slopes_of(train) @ (z - inside)
        return rises.offset + rises.scale * out

    return rate


@pytest.mark.parametrize("clip", CLIPS)
@pytest.mark.parametrize("bias", [True, False])
def test_free_runs_far_outside_the_box_agree_with_plain_numpy(train, shape, bias, clip):
    ensemble = untrained(train, bias=bias, clip=clip, **shape)
    (trajectory, _) = train.physical
    start = trajectory.x[0] + 6 * train.normaliser.states.scale
    u = trajectory.u * np.where(np.arange(len(trajectory.u)) % 3, 1.0, 2.5)[:, None]
    stepper = ensemble.card.architecture.stepper
    for member, simulator in enumerate(ensemble):
        run = simulator.rollout(start, u[:12])
        rate = rate_of(ensemble, member, train)
        wanted = physical_rollout(rate, start, u[:12], stepper=stepper)
        scale = train.normaliser.states.scale
        np.testing.assert_allclose(run / scale, wanted / scale, rtol=2e-4, atol=2e-3)


@pytest.mark.parametrize("clip", CLIPS[1:])
def test_the_clip_is_felt_outside_the_box_only(train, clip):
    """Inside the box the same bits as without it; far outside another answer."""
    shape = {"widths": (4,), "skip": True}
    plain, clipped = untrained(train, **shape), untrained(train, clip=clip, **shape)
    one, other = (resolve(e.members[0].model) for e in (plain, clipped))
    for x, u, alike in (([0.1, -0.2], [0.3], True), ([9.0, -9.0], [0.3], False)):
        x, u = np.float32(x), np.float32(u)
        assert np.array_equal(one.increment(x, u), other.increment(x, u)) == alike


def test_with_hidden_clipped_the_direct_path_stays_linear(train):
    """Doubling what sticks out of the box doubles what it adds: columns of the last skip."""
    model = resolve(untrained(train, widths=(4,), skip=True, clip="hidden").members[0].model)
    u = np.zeros(1, np.float32)
    low, high = np.full(2, -50, np.float32), np.full(2, 50, np.float32)
    for x, sign in ((low, -1), (high, 1)):
        step = sign * np.float32([10.0, 20.0])
        change = (np.asarray(model.increment(x + step, u) - model.increment(x, u))) / model.gain
        np.testing.assert_allclose(change, model.network.layers[-1].skip[:, :2] @ step, rtol=1e-3)


@pytest.mark.parametrize("shape", [{"widths": (4,)}, {"widths": (4,), "per_state": True}])
def test_beyond_the_box_the_linear_model_goes_on(train, shape):
    """Whatever the network, with skip or without: exact balances of a linear plant stay exact."""
    model = resolve(untrained(train, clip="linear", **shape).members[0].model)
    u, far = np.zeros(1, np.float32), np.full(2, 50, np.float32)
    for step in (np.array([10, 20], np.float32), np.array([0, 7], np.float32)):
        change = (np.asarray(model.increment(far + step, u) - model.increment(far, u))) / model.gain
        np.testing.assert_allclose(change, slopes_of(train)[:, :2] @ step, rtol=1e-3)


def test_with_all_clipped_nothing_changes_beyond_the_box(train):
    model = resolve(untrained(train, widths=(4,), skip=True, clip="all").members[0].model)
    far, farther = np.float32([50, -50]), np.float32([500, -5000])
    u = np.zeros(1, np.float32)
    assert np.array_equal(model.increment(far, u), model.increment(farther, u))


def test_the_box_is_that_of_the_training_data_and_is_not_trained(train):
    for margin in (0.0, 0.25, 2.0):
        options = {"clip": "all", "clip_margin": margin}
        model = DerivativeMLP(widths=(3,), **options).build(train, key=jax.random.key(0))
        low, high = box_of(train)
        assert model.margin == margin
        np.testing.assert_allclose(model.low.raw, low, rtol=1e-6)
        np.testing.assert_allclose(model.high.raw, high, rtol=1e-6)
    trainable, _ = split_trainable(model)
    assert sorted(leaf.shape for leaf in jax.tree.leaves(trainable)) == [(2,), (2, 3), (3,), (3, 3)]
    assert len(weights(model)) == 2


def test_without_a_box_given_nothing_is_clipped():
    model = DerivativeModel.assemble(
        DerivativeMLP(widths=(3,), clip="all"),
        2,
        1,
        gain=np.ones(2),
        drift=np.zeros(2),
        key=jax.random.key(0),
    )
    assert np.array_equal(model.low.raw, np.full(3, -np.inf))
    assert np.array_equal(model.high.raw, np.full(3, np.inf))


def test_one_step_training_does_not_notice_the_clip(train):
    """All its inputs lie in the box, to the last bit of their cast."""
    examples = jax.tree.map(np.float32, OneStep().examples(train))
    plain, clipped = (
        resolve(untrained(train, widths=(4,), clip=clip, clip_margin=0).members[0].model)
        for clip in ("none", "all")
    )
    assert OneStep().value(plain, examples) == OneStep().value(clipped, examples)
    low, high = np.float32(clipped.low), np.float32(clipped.high)
    assert np.array_equal(np.clip(examples[0], low, high), examples[0])


def test_without_bias_no_layer_has_one(train, shape):
    model = DerivativeMLP(bias=False, **shape).build(train, key=jax.random.key(0))
    network = getattr(model.network, "networks", model.network)
    assert all(layer.bias is None for layer in network.layers)
    trainable, _ = split_trainable(model)
    assert len(jax.tree.leaves(trainable)) == len(weights(model))
    zero, many = np.zeros(3, np.float32), np.ones((3, 5), np.float32)
    assert not np.asarray(resolve(model).network(zero)).any()
    assert resolve(model).network(many).shape == (2, 5)


@pytest.mark.parametrize("clip", CLIPS)
def test_saved_and_loaded_the_same_bits(train, shape, clip, tmp_path):
    ensemble = untrained(train, bias=False, clip=clip, **shape)
    ensemble.save(tmp_path / "plant.sparsid")
    again = load(tmp_path / "plant.sparsid")
    assert again.card.architecture == ensemble.card.architecture
    assert jax.tree.structure(again.stacked) == jax.tree.structure(ensemble.stacked)
    for a, b in zip(jax.tree.leaves(ensemble.stacked), jax.tree.leaves(again.stacked), strict=True):
        assert a.dtype == b.dtype
        assert np.array_equal(a, b)


def test_a_file_written_before_the_options_loads_unchanged(train):
    """Its architecture names neither; its arrays are those of a model without clip."""
    content = DerivativeMLP(widths=(3,), skip=True).model_dump()
    new = ("bias", "clip", "clip_margin")
    old = DerivativeMLP(**{name: v for name, v in content.items() if name not in new})
    assert old.bias
    assert old.clip == "none"
    model = old.build(train, key=jax.random.key(0))
    assert model.low is None
    assert model.high is None


@pytest.mark.parametrize("clip", CLIPS)
def test_the_graph_computes_what_the_march_does(train, shape, clip):
    ensemble = untrained(train, bias=False, clip=clip, **shape)
    graph = graph_of(ensemble, 1)
    z = 5 * np.random.default_rng(3).normal(size=(9, 3))
    low, high = box_of(train)
    inside = np.stack([held_back(row, low, high) for row in z])
    seen = zip(*seen_by(clip, z, inside), strict=True)
    wanted = np.stack([by_hand(ensemble, 1, *both) for both in seen])
    if clip == "linear":
        wanted = wanted + (z - inside) @ slopes_of(train).T
    np.testing.assert_allclose(graph.evaluate(z), wanted, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(graph.compact().evaluate(z), graph.evaluate(z), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize("where", ["hidden", "all"])
def test_a_hidden_layer_that_drops_out_takes_its_clip_along(where):
    """Layers 0 and 1 are dead at 0: what is left is a hidden layer fed by skips, or none."""
    dead = GraphLayer(np.zeros((2, 1)), None, np.ones(2))
    fed = GraphLayer(np.zeros((1, 2)), np.array([[2.0]]), np.zeros(1))
    last = GraphLayer(np.array([[1.0]]), np.array([[3.0]]), np.zeros(1))
    clip = Clip(np.array([-1.0]), np.array([1.0]), where)
    straight = GraphLayer(np.zeros((1, 2)), np.array([[3.0]]), np.zeros(1))
    z = np.array([[0.5], [7.0], [-7.0]])
    outer = np.clip(z, -1, 1) if where == "all" else z
    for layers, wanted in (
        ((dead, fed, last), np.maximum(2 * np.clip(z, -1, 1), 0) + 3 * outer),
        ((dead, straight), 3 * outer),
    ):
        graph = Graph(layers, "relu", ("a",), ("y",), clip)
        np.testing.assert_allclose(graph.evaluate(z), wanted)
        np.testing.assert_allclose(graph.compact().evaluate(z), wanted)


def test_graphs_with_odd_clips_are_refused():
    layer = GraphLayer(np.ones((1, 1)), None, np.zeros(1))
    clip = Clip(np.array([-1.0]), np.array([1.0]), "all")
    with pytest.raises(SparsidError, match="one number for each of 1 inputs"):
        Graph((layer,), "relu", ("a",), ("y",), Clip(np.zeros(2), np.ones(2), "all"))
    for where, slope in (("linear", None), ("linear", np.ones((2, 1))), ("all", np.ones((1, 1)))):
        odd = Clip(np.zeros(1), np.ones(1), where, slope)  # pyright: ignore
        with pytest.raises(SparsidError, match="slope"):
            Graph((layer,), "relu", ("a",), ("y",), odd)
    one = Graph((layer,), "relu", ("a",), ("y",), clip)
    with pytest.raises(SparsidError, match="in the same way"):
        beside((one, replace(one, clip=None)))
    joint = beside((one, replace(one, clip=replace(clip)))).clip
    assert joint is not None
    assert (joint.where, joint.low, joint.high, joint.slope) == ("all", -1, 1, None)


def test_an_unknown_clip_is_refused():
    with pytest.raises(SparsidError, match="hidden"):
        DerivativeMLP(clip="some")  # pyright: ignore
    with pytest.raises(SparsidError, match="clip_margin"):
        DerivativeMLP(clip_margin=-0.1)
