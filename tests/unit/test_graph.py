"""The resolved network: evaluation, live units, links and compaction against brute force."""

from itertools import pairwise, product

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sparsid._errors import SparsidError
from sparsid.graph import Graph, GraphLayer, beside


@st.composite
def graphs(draw, inputs=None, depth=None, activation=None, least=0):
    """Small, mostly sparse networks; layers without units or skips included."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    inputs = inputs or draw(st.integers(1, 4))
    depth = depth or draw(st.integers(1, 4))
    hidden = draw(st.lists(st.integers(least, 5), min_size=depth - 1, max_size=depth - 1))
    share = draw(st.sampled_from([0.1, 0.3, 0.5, 0.9]))
    sizes = [inputs, *hidden, draw(st.integers(1, 3))]

    def sparse(*shape):
        return rng.normal(size=shape) * (rng.random(shape) < share)

    layers = []
    for before, width in pairwise(sizes):
        skip = sparse(width, inputs) if draw(st.booleans()) else None
        layers.append(GraphLayer(sparse(width, before), skip, rng.normal(size=width)))
    return Graph(
        tuple(layers),
        activation or draw(st.sampled_from(["relu", "tanh", "silu"])),
        tuple(f"z{i}" for i in range(inputs)),
        tuple(f"o{i}" for i in range(sizes[-1])),
    )


def paths(graph):
    """Every path of nonzero weights: (input, ((layer, kind, unit, source), ...)), one at a time."""
    found = []

    def follow(start, at, unit, walked):
        if at == len(graph.layers) - 1:
            found.append((start, walked, unit))
            return
        weight = graph.layers[at + 1].weight
        for to in range(weight.shape[0]):
            if weight[to, unit] != 0:
                follow(start, at + 1, to, (*walked, (at + 1, "weight", to, unit)))

    for start, at in product(range(len(graph.input_names)), range(len(graph.layers))):
        layer = graph.layers[at]
        for kind in ("weight", "skip"):
            matrix = getattr(layer, kind)
            if matrix is None or (kind == "weight" and at > 0):
                continue
            for to in range(matrix.shape[0]):
                if matrix[to, start] != 0:
                    follow(start, at, to, ((at, kind, to, start),))
    return found


@given(graphs())
@settings(max_examples=150, deadline=None)
def test_live_parts_and_links_are_those_on_a_path(graph):
    found = paths(graph)
    live = graph.live()
    links = np.zeros((len(graph.output_names), len(graph.input_names)), bool)
    units = [np.zeros(len(layer.bias), bool) for layer in graph.layers]
    weights = {
        (at, kind): np.zeros(np.shape(getattr(layer, kind)), bool)
        for at, layer in enumerate(graph.layers)
        for kind in ("weight", "skip")
        if getattr(layer, kind) is not None
    }
    for start, walked, end in found:
        links[end, start] = True
        for at, kind, unit, source in walked:
            units[at][unit] = True
            weights[at, kind][unit, source] = True
    np.testing.assert_array_equal(graph.links(), links)
    np.testing.assert_array_equal(live.inputs, links.any(axis=0))
    for at in range(len(graph.layers)):
        np.testing.assert_array_equal(live.units[at], units[at])
        np.testing.assert_array_equal(live.weights[at], weights[at, "weight"])
        if live.skips[at] is not None:
            np.testing.assert_array_equal(live.skips[at], weights[at, "skip"])
    assert live.weight_count == sum(int(mask.sum()) for mask in weights.values())
    assert live.unit_count == sum(int(mask.sum()) for mask in units[:-1])


@given(graphs(), st.integers(0, 2**32 - 1))
@settings(max_examples=200, deadline=None)
def test_compaction_keeps_the_function_and_leaves_nothing_dead(graph, seed):
    z = 3 * np.random.default_rng(seed).normal(size=(7, len(graph.input_names)))
    compact = graph.compact()
    np.testing.assert_allclose(compact.evaluate(z), graph.evaluate(z), rtol=1e-10, atol=1e-10)
    live = compact.live()
    assert all(mask.all() for mask in live.units[:-1])
    assert all(compact.widths)
    assert live.weight_count == compact.nonzero_count
    assert live.weight_count <= graph.live().weight_count
    np.testing.assert_array_equal(compact.links(), graph.links())


def test_evaluation_by_hand():
    graph = Graph(
        (
            GraphLayer([[1.0, -1.0]], None, [0.5]),  # pyright: ignore
            GraphLayer([[2.0]], [[0.0, 3.0]], [-1.0]),  # pyright: ignore
        ),
        "relu",
        ("a", "b"),
        ("y",),
    )
    # relu(1 - 2 + 0.5) = 0, so 0 + 3*2 - 1; relu(4 - 1 + 0.5) = 3.5, so 7 + 3 - 1
    np.testing.assert_array_equal(graph.evaluate(np.array([[1.0, 2], [4, 1]])), [[5.0], [9.0]])
    assert (graph.weight_count, graph.nonzero_count, graph.widths) == (5, 4, (1,))


def test_a_constant_unit_moves_into_the_bias():
    graph = Graph(
        (
            GraphLayer(np.array([[0.0], [1.0]]), None, np.array([0.7, 0.0])),
            GraphLayer(np.array([[2.0, 1.0]]), None, np.array([0.1])),
        ),
        "tanh",
        ("a",),
        ("y",),
    )
    compact = graph.compact()
    assert compact.widths == (1,)
    np.testing.assert_allclose(compact.layers[1].bias, 0.1 + 2 * np.tanh(0.7))


@given(st.lists(graphs(inputs=2, depth=3, activation="silu", least=1), min_size=1, max_size=3))
@settings(max_examples=50, deadline=None)
def test_networks_side_by_side_compute_what_each_computes(parts):
    z = np.random.default_rng(1).normal(size=(5, 2))
    apart = np.concatenate([part.evaluate(z) for part in parts], axis=1)
    np.testing.assert_allclose(beside(parts).evaluate(z), apart, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    ("weight", "skip", "names"),
    [((2, 3), None, 2), ((2, 2), (2, 3), 2), ((2, 2), None, 3)],
)
def test_shapes_that_do_not_fit_are_refused(weight, skip, names):
    layer = GraphLayer(np.ones(weight), None if skip is None else np.ones(skip), np.ones(2))
    with pytest.raises(SparsidError, match="got"):
        Graph((layer,), "relu", ("a", "b"), tuple(f"y{i}" for i in range(names)))


def test_an_unknown_activation_is_refused():
    with pytest.raises(SparsidError, match="Unknown activation 'rleu'"):
        Graph((GraphLayer(np.ones((1, 1)), None, np.ones(1)),), "rleu", ("a",), ("y",))
