"""Feedback laws against the sums they stand for."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sparsid._errors import SparsidError
from sparsid.processes import (
    Clipped,
    Deadband,
    Proportional,
    ProportionalIntegral,
    Recorded,
    Step,
    play,
)

levels = st.lists(st.floats(-100, 100), min_size=40, max_size=40)


def first(x):
    return x[0]


def played(source, measured, *, dt=1.0):
    with jax.enable_x64(True):
        states = jnp.asarray(measured, float)[:, None]
        return np.asarray(play(source, states, dt=dt, key=jax.random.key(0)))


@settings(max_examples=8, deadline=None)
@given(measured=levels, gain=st.floats(-5, 5), setpoint=st.floats(-50, 50))
def test_dead_zone_and_cap_of_a_proportional_law(measured, gain, setpoint):
    law = Clipped(Deadband(Proportional(first, gain, setpoint), below=14.0), high=22.0)
    for value, u in zip(measured, played(law, measured), strict=True):
        raw = gain * (setpoint - value)
        assert u == (0.0 if raw < 14.0 else min(raw, 22.0))


def test_the_dead_zone_ends_where_the_law_reaches_it():
    law = Deadband(Proportional(first, 1.0, 0.0), below=2.0)
    np.testing.assert_array_equal(played(law, [-1.99, -2.0, -2.01, 5.0]), [0.0, 2.0, 2.01, 0.0])


def test_a_setpoint_may_move():
    law = Proportional(first, 2.0, Step(1.0, 4.0, at=3.0))
    np.testing.assert_array_equal(played(law, np.ones(6)), [0, 0, 0, 6, 6, 6])


def test_a_law_and_a_signal_add_up():
    law = Proportional(first, -1.0, 0.0) + Recorded(np.array([0.0, 10.0, 0.0]))
    np.testing.assert_array_equal(played(law, [1.0, 2.0, 3.0]), [1.0, 12.0, 3.0])


@settings(max_examples=5, deadline=None)
@given(measured=levels)
def test_integral_action_is_the_running_sum_of_the_error(measured):
    dt, gain, integral_time, setpoint = 0.5, 3.0, 4.0, 7.0
    error = setpoint - np.array(measured)
    expected = gain * (error + np.cumsum(error) * dt / integral_time)
    law = ProportionalIntegral(first, gain, integral_time, setpoint)
    np.testing.assert_allclose(played(law, measured, dt=dt), expected, rtol=1e-12, atol=1e-9)


def test_an_integral_time_must_be_positive():
    with pytest.raises(SparsidError, match="`integral_time` must be positive"):
        ProportionalIntegral(first, 1.0, 0.0, 0.0)
