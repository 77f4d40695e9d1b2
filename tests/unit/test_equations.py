"""Affine pieces of ReLU networks, and laws in physical units, against plain arithmetic."""

from dataclasses import replace

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.by_hand import scaled_plant

from sparsid import SparsidError
from sparsid.data import Dataset, Normaliser
from sparsid.evaluation import channel_scales, state_equations, written
from sparsid.graph import Graph, GraphLayer, affine_pieces
from sparsid.models import NARX, DerivativeMLP
from sparsid.training import Training, fit_linear


def network(seed, widths, *, skip=False):
    rng = np.random.default_rng(seed)
    sizes, layers = [3, *widths, 1], []
    for at in range(len(sizes) - 1):
        beside = rng.normal(size=(sizes[at + 1], 3)) if skip and at else None
        layers.append(
            GraphLayer(
                rng.normal(size=(sizes[at + 1], sizes[at])), beside, rng.normal(size=sizes[at + 1])
            )
        )
    return Graph(tuple(layers), "relu", ("a", "b", "c"), ("y",))


@settings(deadline=None, max_examples=40)
@given(st.integers(0, 10**6), st.lists(st.integers(1, 5), max_size=2), st.booleans())
def test_every_row_lies_on_a_piece_and_shares_add_up(seed, widths, skip):
    graph = network(seed, widths, skip=skip)
    z = np.random.default_rng(seed + 1).normal(size=(60, 3))
    slopes, constants, shares = affine_pieces(graph, z)
    assert shares.sum() == pytest.approx(1, abs=1e-12)
    assert (np.diff(shares) <= 0).all()
    wanted = graph.evaluate(z)
    near = np.isclose(z @ slopes.T + constants, wanted, rtol=1e-6, atol=1e-6)
    assert near.any(axis=1).all()
    # At each row the network's own derivative, by differences, is the slope of such a piece.
    for row, on in zip(z, near, strict=True):
        d = 1e-7
        by_hand = [
            (graph.evaluate(row[None] + d * e) - graph.evaluate(row[None]))[0, 0] / d
            for e in np.eye(3)
        ]
        assert any(np.allclose(s, by_hand, rtol=1e-4, atol=1e-4) for s in slopes[on])


def test_a_kink_makes_two_pieces():
    """|a| = relu(a) + relu(-a): slope 1 on one side and -1 on the other."""
    graph = Graph(
        (
            GraphLayer(np.array([[1.0], [-1.0]]), None, np.zeros(2)),
            GraphLayer(np.array([[1.0, 1.0]]), None, np.zeros(1)),
        ),
        "relu",
        ("a",),
        ("y",),
    )
    slopes, constants, shares = affine_pieces(graph, np.array([[-2.0], [1.0], [3.0], [4.0]]))
    assert slopes.tolist() == [[1.0], [-1.0]]
    assert constants.tolist() == [0.0, 0.0]
    assert shares.tolist() == [0.75, 0.25]


def test_other_activations_have_no_pieces():
    graph = replace(network(0, [3]), activation="tanh")
    with pytest.raises(SparsidError, match="affine pieces"):
        affine_pieces(graph, np.ones((2, 3)))
    wide = replace(
        network(0, [3]),
        layers=(*network(0, [3]).layers[:-1], GraphLayer(np.ones((2, 3)), None, np.zeros(2))),
        output_names=("y", "z"),
    )
    with pytest.raises(SparsidError, match="2 outputs"):
        affine_pieces(wide, np.ones((2, 3)))


@pytest.fixture(scope="module")
def plant():
    """x' = -0.3 x + 2 u, y' = 0.01 x, exactly, of Euler steps of half a second."""
    rng = np.random.default_rng(0)
    u, x = 5 + rng.normal(size=(3, 200, 2)), np.zeros((3, 200, 2))
    for k in range(199):
        x[:, k + 1, 0] = x[:, k, 0] + 0.5 * (-0.3 * x[:, k, 0] + 2 * u[:, k, 0])
        x[:, k + 1, 1] = x[:, k, 1] + 0.5 * 0.01 * x[:, k, 0]
    names = {"state_names": ("x", "y"), "input_names": ("u", "idle")}
    return Dataset.from_arrays(x=x, u=u, dt=0.5, **names)


def test_the_linear_model_gives_the_plants_own_equations(plant):
    ensemble = fit_linear(Normaliser.fit(plant).apply(plant))
    first, second = state_equations(ensemble, 0, plant)
    np.testing.assert_allclose(first.pieces[0].coefficients, [-0.3, 0, 2, 0], atol=1e-9)
    assert abs(first.pieces[0].constant) < 1e-7  # a float32 offset
    assert first.refit is not None
    assert second.refit is not None
    np.testing.assert_allclose(first.refit.coefficients, [-0.3, 0, 2, 0], atol=1e-10)
    np.testing.assert_allclose(second.refit.coefficients, [0.01, 0, 0, 0], atol=1e-10)
    assert first.residual < 1e-10


def test_laws_are_refitted_on_the_links_alone(plant):
    """With x hidden from the first law, what is left is least squares on u alone."""
    ensemble = fit_linear(Normaliser.fit(plant).apply(plant))
    stacked = ensemble.stacked
    weight = np.array(stacked.model.network.layers[0].weight.raw)
    weight[:, 0, [0, 1, 3]] = 0
    blind = jax.tree.map(
        lambda leaf: weight if np.shape(leaf) == weight.shape else leaf, stacked.model
    )
    first, _ = state_equations(replace(ensemble, stacked=replace(stacked, model=blind)), 0, plant)
    assert first.links.tolist() == [False, False, True, False]
    rows = np.concatenate([t.u[:-1, :1] for t in plant])
    rates = np.concatenate([np.diff(t.x[:, 0]) for t in plant]) / plant.dt
    wanted = np.polyfit(rows[:, 0], rates, 1)
    assert first.refit is not None
    np.testing.assert_allclose(first.refit.coefficients, [0, 0, wanted[0], 0], rtol=1e-9)
    assert first.refit.constant == pytest.approx(wanted[1], rel=1e-9)


def test_equations_are_written_with_the_weightiest_term_first(plant):
    ensemble = fit_linear(Normaliser.fit(plant).apply(plant))
    first, second = state_equations(ensemble, 0, plant)
    rounded = replace(first.pieces[0], coefficients=np.array([-0.3, 0, 2, 0.0]), constant=0.0)
    assert written(first, rounded) == "d x/dt = 2 u - 0.3 x"
    small = replace(rounded, coefficients=np.array([1.7e-7, 0, 0, 0]), constant=-4.0)
    assert written(second, small) == "d y/dt = 1.7e-07 x - 4"
    left = r"\frac{\mathrm{d}\,\mathrm{y}}{\mathrm{d}t}"
    assert written(second, small, latex=True) == left + r" = 1.7 \times 10^{-7}\,\mathrm{x} - 4"
    assert written(first, replace(rounded, coefficients=np.zeros(4))) == "d x/dt = 0"


def test_under_runge_kutta_only_laws_of_inputs_alone_are_refitted(plant):
    """Increments are the derivative's where what drives it is held; else the network speaks."""
    scaled = Normaliser.fit(plant).apply(plant)
    linear = fit_linear(scaled)
    model = replace(linear.stacked.model, stepper="rk4")
    found = state_equations(replace(linear, stacked=replace(linear.stacked, model=model)), 0, plant)
    assert [equation.refit for equation in found] == [None, None]
    np.testing.assert_allclose(found[0].pieces[0].coefficients, [-0.3, 0, 2, 0], atol=1e-6)


def test_names_are_written_so_that_latex_reads_them(plant):
    ensemble = fit_linear(Normaliser.fit(plant).apply(plant))
    equation = replace(
        state_equations(ensemble, 0, plant)[0], state="T_1", inputs=("a%", "b&", "c#", "$d")
    )
    text = written(equation, replace(equation.pieces[0], coefficients=np.ones(4)), latex=True)
    for name in (r"T\_1", r"a\%", r"b\&", r"c\#", r"\$d"):
        assert rf"\mathrm{{{name}}}" in text


def test_a_network_that_bends_is_not_affine():
    train = scaled_plant(trajectories=1, samples=41)
    training = Training(DerivativeMLP(widths=(8,), per_state=True), train)
    begun = training.begin(jax.random.split(jax.random.key(0), 1))
    found = state_equations(training.fitted(begun).ensemble, 0, train.physical)
    assert all(equation.refit is None for equation in found)
    assert all(len(equation.pieces) > 1 for equation in found)


def test_recurrent_models_have_no_laws(plant):
    outputs = plant.select(states=("x",), inputs=("u",))
    scaled = Normaliser.fit(outputs).apply(outputs)
    training = Training(NARX(widths=(3,), activation="relu"), scaled)
    begun = training.begin(jax.random.split(jax.random.key(0), 1))
    with pytest.raises(SparsidError, match="recurrent"):
        state_equations(training.fitted(begun).ensemble, 0, outputs)
    with pytest.raises(SparsidError, match="recurrent"):
        channel_scales(training.fitted(begun).ensemble)
