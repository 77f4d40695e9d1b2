"""Dangling units go, and what the network computes stays."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sparsid.graph import Graph, GraphLayer
from sparsid.models.dangling import without_dangling
from sparsid.models.mlp import MLP, Layer


def network(seed, *, skip, activation, widths=(4, 3), share=0.4):
    """A random network and masks that leave about `share` of it."""
    rng = np.random.default_rng(seed)
    sizes = [3, *widths, 2]
    values, keeps = [], []
    for at in range(len(sizes) - 1):
        skips = 3 if skip and at else 0
        shapes = [(sizes[at + 1], sizes[at]), (sizes[at + 1], skips), (sizes[at + 1],)]
        kept = [rng.random(shape) < share for shape in shapes]
        drawn = [np.where(k, rng.normal(size=k.shape), 0.0) for k in kept]
        values.append(Layer(drawn[0], drawn[1] if skips else None, drawn[2]))
        keeps.append(Layer(kept[0], kept[1] if skips else None, kept[2]))
    return MLP(tuple(values), activation), MLP(tuple(keeps), activation)


def evaluated(mlp, z):
    layers = tuple(GraphLayer(layer.weight, layer.skip, layer.bias) for layer in mlp.layers)
    return Graph(layers, mlp.activation, ("a", "b", "c"), ("y", "z")).evaluate(z)


@settings(deadline=None)
@given(
    seed=st.integers(0, 10_000),
    skip=st.booleans(),
    activation=st.sampled_from(["tanh", "relu", "silu"]),
    share=st.floats(0.1, 0.7),
)
def test_nothing_computed_changes_and_nothing_dangles(seed, skip, activation, share):
    before, keep = network(seed, skip=skip, activation=activation, share=share)
    after, left = without_dangling(before, keep)
    z = np.random.default_rng(1).normal(size=(20, 3))
    np.testing.assert_allclose(evaluated(after, z), evaluated(before, z), atol=1e-12)
    for layer, kept in zip(after.layers, left.layers, strict=True):
        for value, lives in ((layer.weight, kept.weight), (layer.bias, kept.bias)):
            assert (value[~lives] == 0).all()
    for layer, later in zip(left.layers[:-1], left.layers[1:], strict=True):
        used = later.weight.any(axis=0)
        active = layer.weight.any(axis=1) | layer.bias
        if layer.skip is not None:
            active |= layer.skip.any(axis=1)
        assert not (active & ~used).any()
        assert not (used & ~active).any()


def test_a_unit_with_its_bias_alone_moves_into_the_next_bias():
    first = Layer(np.array([[0.0], [1.0]]), None, np.array([0.5, 0.0]))
    last = Layer(np.array([[2.0, 3.0]]), None, np.array([1.0]))
    ones = (
        Layer(np.array([[False], [True]]), None, np.array([True, True])),
        Layer(np.array([[True, True]]), None, np.array([True])),
    )
    after, left = without_dangling(MLP((first, last), "tanh"), MLP(ones, "tanh"))
    assert after.layers[1].bias[0] == pytest.approx(1 + 2 * np.tanh(0.5))
    assert after.layers[1].weight.tolist() == [[0.0, 3.0]]
    assert left.layers[0].bias.tolist() == [False, True]


def test_it_stays_where_the_next_bias_was_deleted():
    first = Layer(np.array([[0.0]]), None, np.array([0.5]))
    last = Layer(np.array([[2.0]]), None, np.array([0.0]))
    keep = (
        Layer(np.array([[False]]), None, np.array([True])),
        Layer(np.array([[True]]), None, np.array([False])),
    )
    after, left = without_dangling(MLP((first, last), "tanh"), MLP(keep, "tanh"))
    assert after.layers[1].weight[0, 0] == 2.0
    assert left.layers[0].bias[0]
