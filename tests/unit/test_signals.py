"""Signals: bounds, counts and spectra, each read off the drawn record itself."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sparsid._errors import SparsidError
from sparsid.processes import (
    APRBS,
    Chirp,
    Clipped,
    Constant,
    Impulses,
    Multisine,
    Recorded,
    Stack,
    Step,
    play,
)

few = settings(max_examples=5, deadline=None)  # every example compiles anew, and draws 20 records


seeds = st.integers(0, 2**32 - 1)


def draw(signal, samples, *, dt=1.0, seed=0):
    with jax.enable_x64(True):
        one = jax.jit(lambda key: signal.sample(samples=samples, dt=dt, key=key))
        return np.asarray(one(jax.random.key(seed)))


def draw_many(signal, samples, *, seed):
    """Twenty records of one signal."""
    with jax.enable_x64(True):
        keys = jax.random.split(jax.random.key(seed), 20)
        many = jax.jit(jax.vmap(lambda key: signal.sample(samples=samples, dt=1.0, key=key)))
        return np.asarray(many(keys))


def played(source, samples, *, dt=1.0, seed=0):
    """A source without feedback, played along states of no columns."""
    with jax.enable_x64(True):
        key = jax.random.key(seed)
        return np.asarray(play(source, jnp.zeros((samples, 0)), dt=dt, key=key))


@few
@given(
    seed=seeds,
    low=st.floats(-1e3, 1e3),
    width=st.floats(1e-3, 1e3),
    shortest=st.integers(1, 40),
    extra=st.integers(0, 60),
)
def test_aprbs_stays_within_levels_and_holds(seed, low, width, shortest, extra):
    longest = shortest + extra
    for u in draw_many(APRBS(low, low + width, shortest, longest), 400, seed=seed):
        assert u.shape == (400,)
        assert ((u >= low) & (u <= low + width)).all()
        changes = np.flatnonzero(np.diff(u)) + 1
        holds = np.diff([0, *changes])
        assert ((holds >= shortest) & (holds <= longest)).all()
        assert 400 - (changes[-1] if len(changes) else 0) <= longest


def test_aprbs_reaches_both_ends_of_its_holds_and_levels():
    u = draw(APRBS(-1.0, 3.0, 3, 7), 50_000)
    holds = np.diff(np.flatnonzero(np.diff(u)))
    shares = np.bincount(holds)[3:] / len(holds)
    assert shares == pytest.approx(np.full(5, 0.2), abs=0.03)
    assert u.min() < -0.99
    assert u.max() > 2.99
    assert np.unique(u).mean() == pytest.approx(1.0, abs=0.05)


@few
@given(
    seed=seeds,
    first=st.tuples(st.integers(0, 50), st.integers(0, 50)),
    gap=st.tuples(st.integers(2, 50), st.integers(0, 50)),
)
def test_impulses_are_single_samples_with_the_gaps_asked_for(seed, first, gap):
    first, gap = (first[0], sum(first)), (gap[0], sum(gap))
    for u in draw_many(Impulses(1.0, 20.0, first=first, gap=gap), 500, seed=seed):
        at = np.flatnonzero(u)
        assert first[0] <= at[0] <= first[1]
        assert ((np.diff(at) >= gap[0]) & (np.diff(at) <= gap[1])).all()
        assert 500 - at[-1] <= gap[1]
        assert ((u[at] >= 1) & (u[at] <= 20)).all()


def test_impulses_spread_evenly():
    u = draw(Impulses(1.0, 3.0, first=(0, 0), gap=(4, 6)), 30_000)
    at = np.flatnonzero(u)
    assert at[0] == 0
    shares = np.bincount(np.diff(at))[4:] / (len(at) - 1)
    assert shares == pytest.approx(np.full(3, 1 / 3), abs=0.03)
    assert u[at].mean() == pytest.approx(2.0, abs=0.05)


def test_a_record_too_short_for_an_impulse_has_none():
    assert not draw(Impulses(1.0, 2.0, first=(100, 200), gap=(10, 20)), 50).any()


@few
@given(
    seed=seeds,
    rms=st.floats(0.01, 100),
    lowest=st.integers(1, 10),
    extra=st.integers(0, 20),
)
def test_multisine_has_a_flat_spectrum_on_its_harmonics_and_nothing_else(seed, rms, lowest, extra):
    period, highest = 128, lowest + extra
    u = draw(Multisine(rms, period, lowest, highest), 3 * period, seed=seed)
    np.testing.assert_allclose(u[:period], u[period : 2 * period])
    assert np.sqrt(np.mean(u[:period] ** 2)) == pytest.approx(rms)
    lines = np.abs(np.fft.rfft(u[:period])) / period
    excited = np.zeros(len(lines), bool)
    excited[lowest : highest + 1] = True
    np.testing.assert_allclose(lines[excited], rms / np.sqrt(2 * excited.sum()), rtol=1e-9)
    assert (lines[~excited] < 1e-9 * rms).all()


def test_chirp_runs_through_its_frequencies():
    """The rate of the analytic signal's phase, by SciPy, is the straight line asked for."""
    from scipy.signal import hilbert

    dt, samples = 0.01, 4000
    u = draw(Chirp(2.0, 1.0, 5.0), samples, dt=dt)
    phase = np.unwrap(np.angle(np.asarray(hilbert(u))))
    frequency = np.gradient(phase, dt) / (2 * np.pi)
    inner = slice(400, -400)
    line = 1.0 + 4.0 * np.arange(samples) / samples
    smooth = np.convolve(frequency, np.ones(50) / 50, mode="same")
    assert np.abs(smooth - line)[inner].max() < 0.05
    assert u[0] == 0
    assert np.abs(u).max() == pytest.approx(2.0, rel=1e-3)


@few
@given(first=st.integers(0, 60), dt=st.sampled_from([0.1, 0.3, 1.0, 7.0]))
def test_step_switches_at_the_first_sample_not_before_its_time(first, dt):
    u = draw(Step(1.0, -2.0, at=first * dt), 50, dt=dt)
    np.testing.assert_array_equal(u, np.where(np.arange(50) < first, 1.0, -2.0))


def test_signals_compose():
    total = Constant(2.0) + Step(0.0, 3.0, at=5.0) + Recorded(np.arange(10.0))
    u = played(Stack((total, Clipped(total, high=6.0))), 10)
    expected = 2.0 + 3.0 * (np.arange(10) >= 5) + np.arange(10)
    np.testing.assert_allclose(u, np.transpose([expected, np.minimum(expected, 6.0)]))


def test_a_wrapped_or_stacked_signal_draws_within_the_same_bounds_independently():
    one = APRBS(0.0, 1.0, 2, 5)
    u = played(Stack((one, Clipped(one, low=0.25, high=0.75), one + one)), 2000)
    assert (u[:, 1].min(), u[:, 1].max()) == (0.25, 0.75)
    assert u[:, 2].max() > 1.0
    assert abs(np.corrcoef(u[:, 0], u[:, 2])[0, 1]) < 0.2


@pytest.mark.parametrize("signal", [APRBS(0.0, 1.0, 2, 5), Multisine(1.0, 64, 1, 9)])
def test_the_key_decides(signal):
    np.testing.assert_array_equal(draw(signal, 100, seed=1), draw(signal, 100, seed=1))
    assert (draw(signal, 100, seed=1) != draw(signal, 100, seed=2)).any()


@pytest.mark.parametrize(
    ("build", "content"),
    [
        (lambda: APRBS(1.0, 0.0, 1, 2), "levels must be finite"),
        (lambda: APRBS(0.0, float("inf"), 1, 2), "levels must be finite"),
        (lambda: APRBS(0.0, 1.0, 0, 2), "hold times must be integers, 1 <="),
        (lambda: APRBS(0.0, 1.0, 5, 2), "low <= high"),
        (lambda: APRBS(0.0, 1.0, 1.5, 2), "must be integers"),
        (lambda: Impulses(0.0, 1.0, first=(-1, 2), gap=(1, 2)), "before the first impulse"),
        (lambda: Impulses(0.0, 1.0, first=(0, 2), gap=(0, 2)), "gaps must be integers"),
        (lambda: Multisine(1.0, 20, 1, 10), "`highest` must be below half of `period`"),
        (lambda: Multisine(1.0, 20, 0, 5), "harmonics must be integers"),
        (lambda: Clipped(Constant(1.0), low=2.0, high=1.0), "`low` must not be above"),
        (lambda: draw(Recorded(np.zeros(5)), 6), "at most the 5 recorded"),
    ],
)
def test_refusals(build, content):
    with pytest.raises(SparsidError, match=content):
        build()
