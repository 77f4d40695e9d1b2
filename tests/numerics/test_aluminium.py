"""The aluminium cell against witnesses that share no code with it."""

from math import exp, log2

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import solve_ivp

from sparsid._steppers import rk4
from sparsid.processes import AluminiumCell, simulate

CELL = AluminiumCell()
NOMINAL = np.array([0.0, 140_000.0, 0.0, 0.0, 0.05])


def by_the_page(x, u):
    """Right-hand side and cell voltage in the paper's own symbols k0..k18 and g1..g5."""
    x1, x2, x3, x4, _, x6, x7, x8 = x
    u1, u2, u3, u4, u5 = u
    k = {0: 2e-5, 3: 1.7e-7, 4: 0.02, 5: 0.03, 6: 4.43e-8, 9: 17.92, 17: 6e-7}
    k[1] = 2 * 2.5 * 17.92 / 119495
    k[2] = 1200 * 17.92 / 119495
    k[7], k[8], k[12], k[13] = 1881 * k[2], 1881 * k[1], 1320 * k[2], 1320 * k[1]
    k[10], k[11], k[14], k[15], k[16], k[18] = 1 / 1200, 0.2, 0.1 / 13, 0.2, 35, 0.04
    m = x2 + x3 + x4
    c2, p2, p3 = x2 / m, 100 * x2 / m, 100 * x3 / m
    g1 = 991.2 + 1.12 * p3 - 0.13 * p3**2.2 + 0.061 * p3**1.5
    g1 -= 7.93 * p2 / (1 + 0.0936 * p3 - 0.0017 * p3**2 - 0.0023 * p2 * p3)
    g2 = exp(2.496 - 2068.4 / (273 + x6) - 2.07 * c2)
    g3 = 0.531 + 6.958e-7 * u2 - 2.51e-12 * u2**2 + 3.06e-18 * u2**3
    g3 += (0.431 - 0.1437 * (p2 - 2.2)) / (1 + 7.353 * (p2 - 2.2))
    g4 = (0.5517 + 3.8168e-6 * u2) / (1 + 8.271e-6 * u2)
    g5 = 3.8168e-6 * g3 * g4 * u2 / (g2 * (1 - g3))
    voltage = g5 + u2 * u5 / (2620 * g2)
    r = k[1] * (g1 - x7) / (k[0] * x1) - k[2] * (x6 - g1)
    bath = k[7] * (x6 - g1) ** 2 - k[8] * (x6 - g1) * (g1 - x7) / (k[0] * x1)
    ledge = k[12] * (x6 - g1) * (g1 - x7) - k[13] * (g1 - x7) ** 2 / (k[0] * x1)
    through = (x7 - x8) / (k[14] + k[15] * k[0] * x1)
    loss = k[9] * (x6 - x7) / (k[10] + k[11] * k[0] * x1)
    rates = [
        r,
        u1 - k[3] * u2,
        u3 - k[4] * u1,
        -r + k[5] * u1,
        k[6] * u2 - u4,
        5.66e-4 / m * (u2 * voltage - loss - bath),
        7.58e-4 / x1 * (k[9] * (g1 - x7) / (k[15] * k[0] * x1) - k[9] * through - ledge),
        k[17] * k[9] * (through - (x8 - k[16]) / (k[14] + k[18])),
    ]
    return np.array(rates), voltage


def sampled(count, seed):
    """States in the middle of operation (alumina 2.3..6 %) with inputs over their range."""
    draw = np.random.default_rng(seed).uniform
    alumina, alf3 = draw(0.023, 0.06, count), draw(0.08, 0.14, count)
    cryolite = draw(11_500, 16_000, count)
    bath = cryolite / (1 - alumina - alf3)
    x = [draw(2000, 4500, count), alumina * bath, alf3 * bath, cryolite, draw(9700, 10_050, count)]
    x += [draw(950, 990, count), draw(790, 850, count), draw(540, 620, count)]
    u = [draw(0, 40, count), draw(118e3, 155e3, count), draw(0, 18, count), draw(0, 9, count)]
    u += [draw(0.043, 0.057, count)]
    return np.transpose(x), np.transpose(u)


def mild_start():
    """3.5 % alumina, 11 % AlF3: far from the poles of the bubble voltage."""
    bath = 13_500 / (1 - 0.035 - 0.11)
    return np.array([3300, 0.035 * bath, 0.11 * bath, 13_500, 9900, 970, 815, 580.0])


@pytest.fixture(scope="module")
def published():
    """Twenty records as long as the published ones."""
    return simulate(CELL, trajectories=20, samples=5000, key=jax.random.key(4))


def test_right_hand_side_and_voltage_are_those_of_the_page():
    for x, u in zip(*sampled(300, seed=0), strict=True):
        rates, voltage = by_the_page(x, u)
        np.testing.assert_allclose(CELL.flow(x, u), rates, rtol=1e-9, atol=1e-12)
        np.testing.assert_allclose(CELL.output(x, u), [voltage], rtol=1e-12)


def test_side_ledge_and_cryolite_exchange_mass():
    """What freezes leaves the bath: x1' + x4' = k5 u1."""
    for x, u in zip(*sampled(100, seed=1), strict=True):
        rate = CELL.flow(x, u)
        assert rate[0] + rate[3] == pytest.approx(0.03 * u[0], abs=1e-12)


def test_linear_balances_hold_over_whole_trajectories(published):
    """x2, x3, x5 and x1 + x4 are sums of the recorded inputs, whatever the temperatures do."""
    for t in published:
        u1, u2, u3, u4, _ = 10.0 * t.u[:-1].cumsum(axis=0).T
        gains = {1: u1 - 1.7e-7 * u2, 2: u3 - 0.02 * u1, 4: 4.43e-8 * u2 - u4}
        for i, gain in gains.items():
            np.testing.assert_allclose(t.x[1:, i] - t.x[0, i], gain, atol=1e-6)
        mass = t.x[:, 0] + t.x[:, 3]
        np.testing.assert_allclose(mass[1:] - mass[0], 0.03 * u1, atol=1e-6)


def test_rk4_at_ten_seconds_follows_a_tight_adaptive_solution():
    """300 samples under held inputs against SciPy's DOP853 on the page's own equations."""
    x, u = mild_start(), NOMINAL
    solution = solve_ivp(
        lambda t, x: by_the_page(x, u)[0], (0, 3000), x, method="DOP853", rtol=1e-12, atol=1e-10
    )
    for _ in range(300):
        x = rk4(CELL.flow, x, u, 10.0)
    moved = np.abs(solution.y[:, -1] - mild_start()) + 1e-3
    assert (np.abs(x - solution.y[:, -1]) / moved < 1e-4).all()


def test_simulated_records_agree_with_solve_ivp(published):
    """Closed-loop records from alumina of 2.3 % and more, their inputs held sample by sample."""
    early = [t.part(0, 150) for t in published]
    mild = [t for t in early if 100 * (t.x[:, 1] / t.x[:, 1:4].sum(axis=1)).min() > 2.3]
    assert len(mild) >= 3
    for t in mild[:3]:
        x = t.x[0]
        for u in t.u[:-1]:
            step = solve_ivp(lambda _, x, u=u: by_the_page(x, u)[0], (0, 10), x, rtol=1e-8)
            x = step.y[:, -1]
        assert (np.abs(x - t.x[-1]) < 1e-6 + 1e-3 * t.x.std(axis=0)).all()


def test_order_of_rk4_away_from_the_poles():
    u = np.array([2.0, *NOMINAL[1:]])

    def end(steps):
        x = mild_start()
        for _ in range(steps):
            x = rk4(CELL.flow, x, u, 80.0 / steps)
        return x

    exact = end(512)
    for i in (0, 3, 5, 6, 7):  # the other states are linear in time, and exact
        coarse, fine = abs(end(16)[i] - exact[i]), abs(end(32)[i] - exact[i])
        assert log2(coarse / fine) == pytest.approx(4, abs=0.3), CELL.states.names[i]


def test_thirty_seven_of_the_104_possible_links_are_true():
    assert CELL.depends().shape == (8, 13)
    assert CELL.depends().sum() == 37


def starts(cell, count):
    with jax.enable_x64(True):
        keys = jax.random.split(jax.random.key(8), count)
        return np.asarray(jax.vmap(lambda key: cell.initial_state(key=key))(keys))


RANGES = [(2060, 4460), (2, 5), (9, 13), (11500, 16000), (9750, 10000)]
RANGES += [(960, 990), (790, 850), (555, 610)]


@pytest.mark.parametrize("continuous", [False, True])
def test_initial_states_fill_their_ranges(continuous):
    x = starts(AluminiumCell(continuous_starts=continuous), 4000)
    drawn = x.copy()
    drawn[:, 1:3] *= 100 / x[:, 1:4].sum(axis=1, keepdims=True)
    whole = np.abs(drawn - np.round(drawn)).max(axis=0) < 1e-9
    assert (whole != continuous).all()
    for values, (low, high) in zip(drawn.T, RANGES, strict=True):
        assert values.min() >= low - 1e-9
        assert values.max() <= high + 1e-9
        assert values.min() < low + 0.05 * (high - low)
        assert values.max() > high - 0.05 * (high - low)
        assert values.mean() == pytest.approx((low + high) / 2, abs=0.03 * (high - low))


def feedback(t, measure, gain, setpoint, least, most):
    """The page's law: zero below least/dt, capped at most/dt."""
    law = gain * (setpoint - measure)
    return np.where(law < least / 10, 0.0, np.minimum(law, most / 10))


def test_inputs_are_feedback_plus_single_impulses(published):
    """Take the law off the record: what is left are impulses with the stated heights and gaps."""
    for t in published:
        bath = t.x[:, 1:4].sum(axis=1)
        laws = {
            0: (t.x[:, 1] / bath, 30_000, 0.023, 140, 220, 20, 500, 2000),
            2: (t.x[:, 2] / bath, 13_000, 0.105, 20, 80, 10, 1000, 3000),
        }
        for i, (measure, gain, setpoint, least, most, height, near, far) in laws.items():
            rest = t.u[:, i] - feedback(t, measure, gain, setpoint, least, most)
            at = np.flatnonzero(np.abs(rest) > 1e-6)
            assert 100 <= at[0] <= 1100
            assert (np.diff(at) >= near).all()
            assert (np.diff(at) <= far).all()
            assert len(t.x) - at[-1] <= far
            assert ((rest[at] >= 1) & (rest[at] <= height)).all()
        law = feedback(t, t.x[:, 4], -300, 10_000, 20, 90)
        np.testing.assert_allclose(t.u[:, 3], law, atol=1e-6)
    assert max(t.u[:, 0].max() for t in published) >= 14
    assert max(t.u[:, 3].max() for t in published) >= 2


def test_current_and_distance_are_held_steps(published):
    for t in published:
        for i, low, high in ((1, 118_000, 155_000), (4, 0.043, 0.057)):
            changes = np.flatnonzero(np.diff(t.u[:, i])) + 1
            holds = np.diff([0, *changes])
            assert ((holds >= 100) & (holds <= 1100)).all()
            assert len(t.u) - changes[-1] <= 1100
            assert ((t.u[:, i] >= low) & (t.u[:, i] <= high)).all()
    levels = np.concatenate([np.unique(t.u[:, 1]) for t in published])
    assert levels.min() < 121_000
    assert levels.max() > 152_000


def test_doses_scale_with_the_sampling_time():
    """The thresholds are masses a sample, so that at 5 s the least alumina feed is 28 kg/s."""
    with jax.enable_x64(True):
        poor = jnp.asarray(mild_start()).at[1].set(0.0)  # law: 690 kg/s, far above every cap
        for dt in (5.0, 10.0):
            source = CELL.excitation(dt=dt)
            plan = jax.tree.map(
                lambda a: a[0], source.plan(samples=1, dt=dt, key=jax.random.key(0))
            )
            _, u = source.step(source.init(), plan, poor)
            assert u[0] == pytest.approx(220 / dt)
