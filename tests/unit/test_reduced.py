"""Networks in the reduced space of qin2018: equal, unit weights, bounded thresholds, no wider."""

from dataclasses import replace

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.by_hand import scaled_plant

from sparsid._errors import SparsidError
from sparsid.graph import Clip, Graph, GraphLayer, reduced, without_output_bias
from sparsid.models import DerivativeMLP, ensemble_of, graph_of, load
from sparsid.models.parameters import resolve
from sparsid.training import Training


@st.composite
def networks(draw, activation=None, outputs=None, skips=True, output_bias=True):
    """Networks with dead, constant and always active units, zero rows among them; and a box."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    inputs, depth = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    widths = draw(st.lists(st.integers(0, 6), min_size=depth, max_size=depth))
    outputs = outputs or draw(st.integers(1, 3))
    activation = activation or draw(st.sampled_from(["relu", "binary"]))
    spread = draw(st.sampled_from([0.5, 3.0, 30.0]))  # of thresholds: the more, the more saturate
    layers, before = [], inputs
    for at, width in enumerate([*widths, outputs]):
        size = 10.0 ** rng.uniform(-3, 3, size=(width, 1))
        weight = size * rng.normal(size=(width, before)) * (rng.random((width, before)) < 0.8)
        weight[rng.random(width) < 0.15] = 0.0
        skip = size * rng.normal(size=(width, inputs)) if skips and draw(st.booleans()) else None
        bias = spread * size[:, 0] * rng.normal(size=width)
        if at == len(widths) and not output_bias:
            bias[:] = 0.0
        layers.append(GraphLayer(weight, skip, bias))
        before = width
    names = [tuple(f"{kind}{i}" for i in range(n)) for kind, n in (("z", inputs), ("o", outputs))]
    center = rng.normal(size=inputs)
    low, high = center - rng.random(inputs), center + rng.random(inputs)
    return Graph(tuple(layers), activation, *names), low, high, rng


def points(low, high, rng):
    """Corners and inside: where bounds are tight."""
    inside = rng.uniform(low, high, size=(200, len(low)))
    corners = np.where(rng.random((50, len(low))) < 0.5, low, high)
    return np.concatenate([inside, corners])


def scale_of(graph, z):
    """The largest number that adding up the outputs meets: what rounding is relative to."""
    plain = Graph(
        tuple(GraphLayer(*(None if a is None else np.abs(a) for a in vars(layer).values()))
              for layer in graph.layers),
        graph.activation, graph.input_names, graph.output_names,
    )  # fmt: skip
    return np.abs(plain.evaluate(np.abs(z))).max(initial=1e-300)


def check_space(found):
    assert len(found.bounds) == len(found.graph.layers) - 1
    for layer, bound in zip(found.graph.layers, found.bounds, strict=False):
        np.testing.assert_allclose(np.linalg.norm(layer.joined(), axis=1), 1.0, rtol=1e-9)
        assert (np.abs(layer.bias) <= bound).all()


def check_bounds_hold(found, z):
    """Nothing that units see has a larger norm, along the points' own runs."""
    h = z
    for layer, bound in zip(found.graph.layers, found.bounds, strict=False):
        sees = h if layer.skip is None else np.concatenate([h, z], axis=1)
        assert (np.linalg.norm(sees, axis=1) <= bound * (1 + 1e-12)).all()
        pre = layer.of(h, z)
        h = np.maximum(pre, 0) if found.graph.activation == "relu" else (pre >= 0).astype(float)


@settings(deadline=None, max_examples=150)
@given(networks(), st.booleans())
def test_the_reduced_network_is_the_same_function_and_lies_in_the_space(made, by_data):
    graph, low, high, rng = made
    z = points(low, high, rng)
    found = reduced(graph, data=z) if by_data else reduced(graph, low=low, high=high)
    check_space(found)
    check_bounds_hold(found, z)
    assert all(a <= b for a, b in zip(found.graph.widths, graph.widths, strict=True))
    if graph.activation == "relu" or not on_an_edge(graph, z):
        wrong = np.abs(found.graph.evaluate(z) - graph.evaluate(z)).max(initial=0.0)
        assert wrong <= 1e-9 * scale_of(graph, z)


def on_an_edge(graph, z):
    """Whether rounding could flip a binary unit."""
    h = z
    for layer in graph.layers[:-1]:
        pre = layer.of(h, z)
        largest = np.abs(layer.joined()).sum(axis=1) * max(1.0, np.abs(z).max()) + np.abs(
            layer.bias
        )
        if (np.abs(pre) <= 1e-12 * largest).any() and len(layer.bias):
            return True
        h = (pre >= 0).astype(float)
    return False


@settings(deadline=None, max_examples=100)
@given(networks(), st.booleans())
def test_reducing_twice_changes_nothing_more(made, by_data):
    graph, low, high, rng = made
    domain = {"data": points(low, high, rng)} if by_data else {"low": low, "high": high}
    once = reduced(graph, **domain)
    twice = reduced(once.graph, **domain)
    assert twice.graph.widths == once.graph.widths
    np.testing.assert_allclose(twice.bounds, once.bounds, rtol=1e-9)
    for a, b in zip(once.graph.layers, twice.graph.layers, strict=True):
        largest = max(np.abs(a.weight).max(initial=1.0), np.abs(a.bias).max(initial=1.0))
        np.testing.assert_allclose(a.joined(), b.joined(), rtol=1e-9, atol=1e-9 * largest)
        np.testing.assert_allclose(a.bias, b.bias, rtol=1e-9, atol=1e-9 * largest)


@settings(deadline=None, max_examples=100)
@given(networks(outputs=1, output_bias=False))
def test_without_an_output_bias_one_unit_more_is_enough(made):
    graph, low, high, rng = made
    z = points(low, high, rng)
    found = reduced(graph, low=low, high=high)
    if not found.bounds[-1]:
        if found.graph.layers[-1].bias.any():
            with pytest.raises(SparsidError, match="last hidden layer is zero"):
                without_output_bias(found)
        return
    plain = without_output_bias(found)
    assert not plain.graph.layers[-1].bias.any()
    check_space(plain)
    if not found.graph.layers[-1].bias.any() or graph.layers[-2].bias.size:
        assert plain.graph.widths[-1] <= graph.widths[-1] + 1
    wrong = np.abs(plain.graph.evaluate(z) - found.graph.evaluate(z)).max(initial=0.0)
    assert wrong <= 1e-9 * scale_of(plain.graph, z)


def test_a_unit_that_is_on_but_for_rounding_takes_the_output_bias_over():
    """Its threshold falls short of the bound by one part in 1e16; found by the test above."""
    first = GraphLayer(
        np.array([[-1.85871711], [0.56511534]]),
        np.array([[-5.93000703], [0.18550344]]),
        np.array([43.90920078, -1.49045427]),
    )
    second = GraphLayer(np.array([[0.00349307, -0.01032243]]), None, np.array([-0.02287699]))
    last = GraphLayer(np.array([[614.21610063]]), None, np.zeros(1))
    graph = Graph((first, second, last), "relu", ("z",), ("o",))
    low, high = np.array([-0.04454577]), np.array([1.24431157])
    found = without_output_bias(reduced(graph, low=low, high=high))
    assert found.graph.widths[-1] <= 2
    z = np.linspace(low, high, 50)
    np.testing.assert_allclose(found.graph.evaluate(z), graph.evaluate(z), rtol=1e-9)


def test_saturated_units_by_hand():
    """One input in [-1, 1]: a dead, a constant, two affine units and one that bends."""
    weight = np.array([[2.0], [0.0], [3.0], [-0.5], [4.0]])
    bias = np.array([-2.0, 1.5, 3.0, 5.0, 1.0])
    last = GraphLayer(np.array([[1.0, 2.0, 1.0, 2.0, -1.0]]), None, np.array([0.25]))
    graph = Graph((GraphLayer(weight, None, bias), last), "relu", ("z",), ("o",))
    found = reduced(graph, low=np.array([-1.0]), high=np.array([1.0]))
    hidden, output = found.graph.layers
    # 4 z + 1 bends at -1/4; the affine ones are 3 z + 3 + 2 (5 - z / 2) = 2 z + 13.
    np.testing.assert_allclose(np.abs(hidden.weight[:, 0]), 1.0)
    np.testing.assert_allclose(hidden.bias, [0.25, 1.0])
    np.testing.assert_allclose(output.weight[0, 0], -4.0)
    np.testing.assert_allclose(output.weight[0, 1] * hidden.weight[1, 0], 2.0)
    assert output.bias[0] == pytest.approx(16.25 - output.weight[0, 1])  # whichever way it points


def test_networks_side_by_side_stay_so():
    """Always-on units of two outputs that share an input: no link appears between the others."""
    first = GraphLayer(
        [[1.0, 2.0, 0.0], [2.0, 1.0, 0.0], [0.0, 1.0, 3.0]], None, [50.0, 60.0, 70.0]
    )
    last = GraphLayer([[1.0, 2.0, 0.0], [0.0, 0.0, 1.0]], None, [0.0, 0.0])
    graph = Graph((first, last), "relu", ("a", "b", "c"), ("o", "p"))
    found = reduced(graph, low=-np.ones(3), high=np.ones(3)).graph
    assert (
        found.links().tolist()
        == graph.links().tolist()
        == [[True, True, False], [False, True, True]]
    )
    assert found.widths == (2,)


@settings(deadline=None, max_examples=25)
@given(networks(activation="relu", outputs=2))
def test_a_reduced_network_becomes_a_model_again(made):
    """Graph, reduced graph, ensemble, graph: the same function all the way, in float64."""
    graph, _, _, rng = made
    names = [f"z{i}" for i in range(len(graph.input_names))]
    if len(names) != 3:
        return
    data = scaled_plant(trajectories=1, samples=31)
    training = Training(DerivativeMLP(widths=(2,)), data)
    like = training.fitted(training.begin(jax.random.split(jax.random.key(0), 1))).ensemble
    channels = graph_of(like, 0)
    graph = replace(graph, input_names=channels.input_names, output_names=channels.output_names)
    low, high = -np.ones(3), np.ones(3)
    z = points(low, high, rng)
    back = ensemble_of(reduced(graph, low=low, high=high).graph, like)
    scale = scale_of(graph, z)
    np.testing.assert_allclose(graph_of(back, 0).evaluate(z), graph.evaluate(z), atol=1e-9 * scale)
    plain = ensemble_of(graph, like)
    with jax.enable_x64(True):
        for one in (back, plain):
            network = resolve(one.members[0].model).network
            np.testing.assert_allclose(network(z.T).T, graph.evaluate(z), atol=1e-9 * scale)


def test_a_model_made_of_a_graph_is_saved_and_runs(tmp_path):
    data = scaled_plant(trajectories=1, samples=31)
    training = Training(DerivativeMLP(widths=(6, 4), skip=True, per_state=True), data)
    like = training.fitted(training.begin(jax.random.split(jax.random.key(0), 1))).ensemble
    rows = np.hstack([data.scaled[0].x, data.scaled[0].u])
    found = reduced(graph_of(like, 0), data=rows)
    back = ensemble_of(found.graph, like)
    back.save(tmp_path / "reduced.sparsid")
    again = load(tmp_path / "reduced.sparsid")
    t = data.physical[0]
    wanted = [like.members[0].rollout(x, u)[1] for x, u in zip(t.x[:-1], steps(t.u), strict=True)]
    given = [again.members[0].rollout(x, u)[1] for x, u in zip(t.x[:-1], steps(t.u), strict=True)]
    np.testing.assert_allclose(given, wanted, rtol=1e-6)
    other = Graph((GraphLayer([[1.0]], None, [0.0]),), "relu", ("z",), ("o",))
    with pytest.raises(SparsidError, match="same inputs"):
        ensemble_of(other, like)


def steps(u):
    """Inputs of runs of one step."""
    return [u[k : k + 2] for k in range(len(u) - 1)]


@pytest.mark.parametrize(
    ("change", "domain", "content"),
    [
        ({"activation": "tanh"}, {"low": [0.0], "high": [1.0]}, "'tanh'"),
        ({"clip": Clip([0.0], [1.0], "all")}, {"low": [0.0], "high": [1.0]}, "clip"),
        ({}, {"low": [0.0], "high": [np.inf]}, "infinite bound"),
        ({}, {"low": [0.0]}, "give either"),
        ({}, {"low": [0.0], "high": [1.0], "data": [[0.0]]}, "give either"),
        ({}, {"data": [[np.nan]]}, "finite"),
        ({}, {"data": [[0.0, 1.0]]}, "column"),
        ({}, {"low": [0.0, 0.0], "high": [1.0, 1.0]}, "each of the network's 1"),
        ({}, {"low": 0.0, "high": 1.0}, "each of the network's 1"),
        ({}, {"low": [1.0], "high": [0.0]}, "lower and a higher"),
    ],
)
def test_what_cannot_be_reduced_is_refused(change, domain, content):
    layers = (GraphLayer([[1.0]], None, [0.0]), GraphLayer([[1.0]], None, [0.0]))
    options = {"activation": "relu", "input_names": ("z",), "output_names": ("o",)} | change
    graph = Graph(layers, **options)
    with pytest.raises(SparsidError, match=content):
        reduced(graph, **{name: np.array(value) for name, value in domain.items()})
