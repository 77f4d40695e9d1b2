"""Recurrences made by hand against the arithmetic written out; names, boxes and refusals."""

import numpy as np
import pytest

from sparsid._errors import SparsidError
from sparsid.graph import (
    Clip,
    Graph,
    GraphLayer,
    HiddenStates,
    Increment,
    LaggedOutputs,
    Recurrence,
    ScaledChannels,
)


def channels(*names, offset, scale, units=None, box=None):
    box = box or [[-9.0] * len(names), [9.0] * len(names)]
    units = units or (None,) * len(names)
    return ScaledChannels(names, units, np.array(offset), np.array(scale), np.array(box))


def graph(weights, inputs, outputs, *, activation="tanh", clip=None):
    layers = tuple(GraphLayer(np.array(w), None, np.array(b)) for w, b in weights)
    return Graph(layers, activation, inputs, outputs, clip)


@pytest.fixture
def tank():
    """One level, increments under Euler steps, a linear clip to [-1, 1]; h in m, q in l/s."""
    clip = Clip(-np.ones(2), np.ones(2), "linear", np.array([[-0.5, 0.0]]))
    network = graph([([[1.0, 2.0]], [0.1]), ([[0.7]], [0.2])], ("h", "q"), ("h",), clip=clip)
    return Recurrence(
        network,
        Increment(np.array([0.3]), np.array([0.05]), "euler"),
        channels("h", offset=[10.0], scale=[2.0], units=("m",), box=[[8.0], [12.0]]),
        channels("q", offset=[4.0], scale=[0.5], units=("l/s",), box=[[3.5], [4.5]]),
        dt=0.5,
    )


def test_an_increment_by_hand(tank):
    x, q = 1.6, 0.8  # scaled: the state sticks out of the box by 0.6
    wanted = x + 0.05 + 0.3 * (0.2 + 0.7 * np.tanh(1.0 + 2.0 * q + 0.1) - 0.5 * 0.6)
    carry, h = tank.step(np.array([x]), np.array([4.0 + 0.5 * q]))
    assert carry[0] == pytest.approx(wanted, rel=1e-15)
    assert h[0] == pytest.approx(10.0 + 2.0 * wanted, rel=1e-15)
    bent = 1 - np.tanh(1.0 + 2.0 * q + 0.1) ** 2
    slopes = tank.jacobian(np.array([x]), np.array([4.0 + 0.5 * q]))
    np.testing.assert_allclose(slopes.A, [[1 - 0.3 * 0.5]], rtol=1e-14)
    np.testing.assert_allclose(slopes.B, [[0.3 * 0.7 * bent * 2.0 / 0.5]], rtol=1e-14)
    np.testing.assert_allclose(slopes.C, 2.0 * slopes.A, rtol=1e-15)
    np.testing.assert_allclose(slopes.D, 2.0 * slopes.B, rtol=1e-15)


def test_a_run_goes_from_step_to_step(tank):
    u = np.array([[4.2], [3.7], [5.0]])
    carry = tank.init(np.array([[11.0]]), u[:1])
    np.testing.assert_array_equal(carry, [0.5])
    rows, wanted = tank.run(carry, u), []
    x = 0.5
    for q in (u[:, 0] - 4.0) / 0.5:
        z, p = np.clip(x, -1, 1), np.clip(q, -1, 1)
        x = x + 0.05 + 0.3 * (0.2 + 0.7 * np.tanh(z + 2 * p + 0.1) - 0.5 * (x - z))
        wanted.append(10 + 2 * x)
    np.testing.assert_allclose(rows[:, 0], wanted, rtol=1e-15)


def test_the_box_is_left_by_a_channel_or_an_input(tank):
    inside, edge = np.array([4.0]), np.array([1.0])
    assert not tank.outside(edge, inside)
    assert tank.outside(np.nextafter(edge, 2), inside)
    assert tank.outside(edge, np.array([4.6]))
    assert tank.outside(np.array([np.nan]), inside)


def test_a_run_that_diverges_is_a_result(tank):
    worse = Recurrence(
        graph([([[1e200, 0.0]], [0.0])], ("h", "q"), ("h",)),
        tank.rule,
        tank.observed,
        tank.inputs,
        dt=0.5,
    )
    assert not np.isfinite(worse.run(np.array([1.0]), np.full((5, 1), 4.0))[-1]).any()


def test_what_clip_and_the_steps_of_runge_kutta_reach(tank):
    """x2 drives x1 inside, u drives x2, and x1 drives x2 beyond the box of a linear clip alone."""
    names = ("x1", "x2", "u")
    weight = np.array([[0.0, 1.0, 0.0], [0.0, 0.0, 1.0]])
    slope = np.array([[0.0, 0.0, 0.0], [0.5, 0.0, 0.0]])
    observed = channels("x1", "x2", offset=[0.0, 0.0], scale=[1.0, 1.0])
    for stepper, clip, reached in (
        ("euler", None, [[1, 1, 0], [0, 1, 1]]),
        ("rk4", None, [[1, 1, 1], [0, 1, 1]]),
        ("euler", slope, [[1, 1, 0], [1, 1, 1]]),
        ("rk4", slope, [[1, 1, 1], [1, 1, 1]]),
    ):
        held = None if clip is None else Clip(-np.ones(3), np.ones(3), "linear", clip)
        network = Graph((GraphLayer(weight, None, np.zeros(2)),), "relu", names, names[:2], held)
        rule = Increment(np.ones(2), np.zeros(2), stepper)
        made = Recurrence(network, rule, observed, tank.inputs, dt=1.0)
        found = made.pattern()
        np.testing.assert_array_equal(np.hstack([found.A, found.B]), np.array(reached, bool))
        np.testing.assert_array_equal(np.hstack([found.C, found.D]), np.array(reached, bool))


def test_lagged_outputs_by_hand():
    """y(k) = tanh(2 u(k-2) - u(k-3) + 0.5 y(k-1) - 0.3 y(k-2)), scaled."""
    network = graph(
        [([[2.0, -1.0, 0.5, -0.3]], [0.0]), ([[1.0]], [0.0])],
        ("u(k-2)", "u(k-3)", "y(k-1)", "y(k-2)"),
        ("y",),
    )
    made = Recurrence(
        network,
        LaggedOutputs(output_lags=2, input_lags=3, delay=2),
        channels("y", offset=[1.0], scale=[2.0]),
        channels("u", offset=[5.0], scale=[10.0]),
        dt=60.0,
    )
    assert made.lag == 3
    assert made.carry_names == ("y(k-1)", "y(k-2)", "u(k-2)", "u(k-3)")
    np.testing.assert_array_equal(made.carry_offset, [1, 1, 5, 5])
    np.testing.assert_array_equal(made.carry_scale, [2, 2, 10, 10])
    u = np.array([5.0, 12.0, -3.0, 9.0, 20.0, 5.0])
    y = [0.2, -0.4, 0.3]
    carry = made.init(1 + 2 * np.array(y)[:, None], u[:3, None])
    rows = made.run(carry, u[2:, None])
    scaled = (u - 5) / 10
    for k in range(3, 7):
        inner = 2 * scaled[k - 2] - scaled[k - 3] + 0.5 * y[k - 1] - 0.3 * y[k - 2]
        y.append(np.tanh(inner))
    np.testing.assert_allclose(rows[:, 0], 1 + 2 * np.array(y[3:]), rtol=1e-14)
    found = made.pattern()
    np.testing.assert_array_equal(found.A, [[1, 1, 1, 1], [1, 0, 0, 0], [0] * 4, [0, 0, 1, 0]])
    np.testing.assert_array_equal(found.B, [[0], [0], [1], [0]])
    np.testing.assert_array_equal(found.C, [[1, 1, 1, 1]])
    np.testing.assert_array_equal(found.D, [[0]])


SERIES = 1 + 1 / 2 + 1 / 8 + 1 / 48 + 1 / 384  # of exp(1/2), to the fourth order


@pytest.mark.parametrize(
    ("rule", "wanted", "slope"),
    [
        (LaggedOutputs(1, 1), 0.5, 0.5),
        (Increment(np.ones(1), -np.ones(1), "rk4"), 2 - SERIES, SERIES),
    ],
)
def test_a_plant_without_inputs(rule, wanted, slope):
    """From 1: y(k) = 0.5 y(k-1); dx/dk = 0.5 x - 1, whose flow is 2 + (x - 2) exp(k/2)."""
    made = Recurrence(
        graph([([[0.5]], [0.0])], ("y",), ("y",)),
        rule,
        channels("y", offset=[1.0], scale=[2.0]),
        channels(offset=[], scale=[]),
        dt=1.0,
    )
    carry, u = made.init(np.array([[3.0]]), np.zeros((1, 0))), np.zeros(0)
    assert made.step(carry, u)[0] == pytest.approx(wanted, rel=1e-14)
    np.testing.assert_allclose(made.jacobian(carry, u).A, slope, rtol=1e-14)
    assert made.pattern().B.shape == (1, 0)
    assert not made.outside(carry, u)


def test_hidden_states_by_hand():
    """x+ = A x + B u + network, y = C x + D u + c + network: y is that of the same sample as u."""
    weights = [([[1.0, 0.0, 0.5]], [0.1]), ([[0.0], [0.4], [0.2]], [0.0, 0.0, 0.0])]
    made = Recurrence(
        graph(weights, ("x1", "x2", "u"), ("x1", "x2", "y")),
        HiddenStates(
            np.array([[0.9, 0.0], [0.1, 0.5]]),
            np.array([[1.0], [0.0]]),
            np.array([[0.0, 1.0]]),
            np.array([[0.0]]),
            np.array([0.25]),
        ),
        channels("y", offset=[3.0], scale=[2.0]),
        channels("u", offset=[1.0], scale=[4.0]),
        dt=1.0,
    )
    assert made.carry_names == ("x1", "x2")
    np.testing.assert_array_equal(made.carry_scale, [1, 1])
    x, u = np.array([0.3, -0.2]), np.array([2.0, -1.0, 4.0])
    rows, wanted = made.run(x, u[:, None]), []
    for v in (u - 1) / 4:
        hidden = np.tanh(x[0] + 0.5 * v + 0.1)
        wanted.append(3 + 2 * (x[1] + 0.25 + 0.2 * hidden))
        x = np.array([0.9 * x[0] + v, 0.1 * x[0] + 0.5 * x[1] + 0.4 * hidden])
    np.testing.assert_allclose(rows[:, 0], wanted, rtol=1e-14)
    bent = 1 - np.tanh(0.3 + 0.5 * 0.25 + 0.1) ** 2
    slopes = made.jacobian(np.array([0.3, -0.2]), np.array([2.0]))
    np.testing.assert_allclose(slopes.A, [[0.9, 0], [0.1 + 0.4 * bent, 0.5]], rtol=1e-14)
    np.testing.assert_allclose(slopes.B, np.array([[1.0], [0.2 * bent]]) / 4, rtol=1e-14)
    np.testing.assert_allclose(slopes.C, 2 * np.array([[0.2 * bent, 1]]), rtol=1e-14)
    np.testing.assert_allclose(slopes.D, [[2 * 0.1 * bent / 4]], rtol=1e-14)
    found = made.pattern()
    np.testing.assert_array_equal(np.block([[found.A], [found.C]]), [[1, 0], [1, 1], [1, 1]])
    np.testing.assert_array_equal(np.block([[found.B], [found.D]]), [[1], [1], [1]])
    assert not made.outside(np.array([1e9, 0.0]), np.array([2.0]))
    with pytest.raises(SparsidError, match="give a carry"):
        made.init(np.zeros((1, 1)), np.zeros((1, 1)))


def test_rows_of_another_shape_are_refused(tank):
    with pytest.raises(SparsidError, match=r"\(1, 1\) and \(1, 1\).*got \(2, 1\)"):
        tank.init(np.zeros((2, 1)), np.zeros((2, 1)))
