"""Errors, divergence, intervals, exits, zeros against numbers written by hand and brute force."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.stats import binomtest
from tests.by_hand import plant, scaled_plant

from sparsid._errors import SparsidError
from sparsid.data import Dataset, Trajectory
from sparsid.evaluation import (
    box_exits,
    error_over_time,
    forecast,
    free_run_errors,
    horizon_scores,
    median_run,
    rate_interval,
    rmse,
    two_way_bootstrap,
    wilson,
    window_scores,
)
from sparsid.evaluation.sparsity import sparsity
from sparsid.models import Card, DerivativeMLP, Ensemble

# Two runs, four samples, two channels; the truth is zero and the scales are 1 and 10.
HAND = np.array(
    [
        [[0.0, 0.0], [1.0, 10.0], [2.0, -20.0], [-1.0, 10.0]],
        [[0.0, 0.0], [2.0, 0.0], [4.0, 0.0], [10.0, 0.0]],
    ]
)
ZERO = np.zeros((4, 2))
SCALE = np.array([1.0, 10.0])


def test_horizon_scores_by_hand():
    """Run 0: e = (3/3, 30/30) at 3, (4/4, 40/40) at 4. Run 1: (6/3, 0) at 3, (16/4, 0) at 4."""
    scores = horizon_scores(HAND, ZERO, scale=SCALE, horizons=[4, 3, 2])
    assert list(scores) == [4, 3, 2]
    assert scores[2].error.tolist() == [0.5, 0.5]
    assert scores[3].error.tolist() == pytest.approx([1.0, 1.0])
    assert scores[3].diverged_count == 0
    assert scores[4].diverged.tolist() == [False, True]
    assert scores[4].diverged_count == 1
    assert scores[4].runs == 2
    assert scores[4].rfmse_mean == pytest.approx(1.0)
    assert scores[4].rfmse_std == 0.0
    spread = horizon_scores(HAND * [[[1.0]], [[0.5]]], ZERO, scale=SCALE, horizons=[4])[4]
    assert spread.diverged_count == 0  # e = (2, 0) for run 1 now
    assert spread.rfmse_mean == pytest.approx(1.0)
    errors = horizon_scores(HAND * [[[1.0]], [[0.25]]], ZERO, scale=SCALE, horizons=[4])[4]
    assert errors.rfmse_mean == pytest.approx(0.75)
    assert errors.rfmse_std == pytest.approx(0.25)  # of 1.0 and 0.5, population form


def test_exactly_three_has_not_diverged():
    truth = np.zeros((8, 2))
    run = np.full((8, 2), [3.0, 30.0])
    assert horizon_scores(run, truth, scale=SCALE, horizons=[8])[8].diverged_count == 0
    run[5, 1] = np.nextafter(30, 31) + 1e-12
    assert horizon_scores(run, truth, scale=SCALE, horizons=[8])[8].diverged_count == 1
    assert horizon_scores(run, truth, scale=SCALE, horizons=[5])[5].diverged_count == 0


@pytest.mark.parametrize("bad", [np.inf, -np.inf, np.nan])
def test_what_is_not_finite_diverged_from_there_on(bad):
    run = np.zeros((2, 6, 2))
    run[0, 3, 1] = bad
    scores = horizon_scores(run, np.zeros((6, 2)), scale=SCALE, horizons=[3, 4, 6])
    assert [scores[h].diverged.tolist() for h in (3, 4, 6)] == [
        [False, False],
        [True, False],
        [True, False],
    ]
    assert scores[6].rfmse_mean == 0.0


def test_no_number_where_all_diverged():
    score = horizon_scores(np.full((3, 4, 2), np.nan), ZERO, scale=SCALE, horizons=[4])[4]
    assert (score.runs, score.diverged_count) == (3, 3)
    assert score.rfmse_mean is None
    assert score.rfmse_std is None


def test_trajectories_shorter_than_the_horizon_do_not_count():
    """Two networks on trajectories of 4 and 2 samples; the shorter is NaN beyond its end."""
    truth = np.zeros((2, 4, 2))
    runs = np.stack([HAND[0], HAND[1] / 4])[:, None].repeat(2, axis=1)
    runs[:, 1, 2:] = np.nan
    scores = horizon_scores(runs, truth, scale=SCALE, horizons=[2, 4], lengths=[4, 2])
    assert scores[2].runs == 4
    assert scores[2].rfmse_mean == pytest.approx((0.5 + 0.5 + 0.125 + 0.125) / 4)
    assert scores[4].runs == 2
    assert scores[4].diverged_count == 0
    assert scores[4].rfmse_mean == pytest.approx((1.0 + 0.5) / 2)
    with pytest.raises(SparsidError, match="longest trajectory has 4"):
        horizon_scores(runs, truth, scale=SCALE, horizons=[5], lengths=[4, 2])


@pytest.mark.parametrize(
    ("change", "word"),
    [
        ({"horizons": [0]}, "horizon"),
        ({"horizons": [5]}, "horizon"),
        ({"scale": [1.0]}, "scale"),
        ({"scale": [1.0, 0.0]}, "scale"),
        ({"scale": [1.0, np.nan]}, "scale"),
        ({"truth": np.zeros((3, 2))}, "share time"),
    ],
)
def test_what_does_not_fit_is_refused(change, word):
    given = {"truth": ZERO, "scale": SCALE, "horizons": [4]} | change
    with pytest.raises(SparsidError, match=word):
        horizon_scores(HAND, given["truth"], scale=given["scale"], horizons=given["horizons"])


numbers = st.floats(-40, 40, allow_nan=False) | st.sampled_from([np.inf, -np.inf, np.nan])


def loop_score(run, truth, scale, horizon):
    """(RFMSE or None, diverged), from the definition, one number at a time."""
    each = []
    for i in range(len(scale)):
        total = math.fsum(
            abs(run[k][i] - truth[k][i]) if math.isfinite(run[k][i]) else math.inf
            for k in range(horizon)
        )
        each.append(total / horizon / scale[i])
    diverged = any(not math.isfinite(e) or e > 3 for e in each)
    return (None if diverged else sum(each) / len(each)), diverged


@settings(max_examples=100, deadline=None)
@given(
    arrays(np.float64, (2, 2, 7, 3), elements=numbers),
    arrays(np.float64, (2, 7, 3), elements=st.floats(-9, 9)),
    arrays(np.float64, 3, elements=st.floats(0.5, 20)),
    st.lists(st.integers(1, 7), min_size=1, max_size=4),
)
def test_horizon_scores_are_the_definition(runs, truth, scale, horizons):
    scores = horizon_scores(runs, truth, scale=scale, horizons=horizons)
    assert set(scores) == set(horizons)
    for horizon, score in scores.items():
        kept = []
        for network, trajectory in np.ndindex(2, 2):
            wanted, diverged = loop_score(
                runs[network, trajectory], truth[trajectory], scale, horizon
            )
            assert score.diverged[network, trajectory] == diverged
            if wanted is not None:
                assert score.error[network, trajectory] == pytest.approx(wanted, rel=1e-9)
                kept.append(wanted)
        if kept:
            mean = sum(kept) / len(kept)
            spread = math.sqrt(sum((e - mean) ** 2 for e in kept) / len(kept))
            assert score.rfmse_mean == pytest.approx(mean)
            assert score.rfmse_std == pytest.approx(spread, abs=1e-9)
        else:
            assert score.rfmse_mean is None


def test_window_scores_by_hand():
    """e(t) of run 0: 0, 1, 2, 1; of run 1: 0, 1, 2, 5."""
    error = error_over_time(HAND, ZERO, scale=SCALE)
    assert error.tolist() == [[0, 1, 2, 1], [0, 1, 2, 5]]
    windows = ((0, 2), (2, 3), (2, 4))
    scores = window_scores(HAND, ZERO, scale=SCALE, windows=windows)
    assert [scores[w].error.tolist() for w in windows] == [[0.5, 0.5], [2, 2], [1.5, 3.5]]
    assert [scores[w].diverged_count for w in windows] == [0, 0, 1]
    assert scores[2, 4].rfmse_mean == 1.5
    at_three = window_scores(np.full((4, 2), SCALE * 3), ZERO, scale=SCALE, windows=((0, 4),))
    assert at_three[0, 4].diverged_count == 0


def test_windows_count_only_trajectories_that_reach_their_end():
    runs = np.stack([HAND[0], HAND[0]])
    runs[1, 3:] = np.nan
    truth = np.zeros((2, 4, 2))
    scores = window_scores(runs, truth, scale=SCALE, windows=((0, 3), (1, 4)), lengths=[4, 3])
    assert (scores[0, 3].runs, scores[0, 3].diverged_count) == (2, 0)
    assert (scores[1, 4].runs, scores[1, 4].diverged_count) == (1, 0)
    broken = window_scores(runs, truth, scale=SCALE, windows=((1, 4),))
    assert broken[1, 4].diverged.tolist() == [False, True]


@pytest.mark.parametrize("window", [(0, 5), (2, 2), (3, 1), (-1, 2)])
def test_windows_beyond_the_record_are_refused(window):
    with pytest.raises(SparsidError):
        window_scores(HAND, ZERO, scale=SCALE, windows=(window,))


def test_root_mean_square_by_hand():
    assert rmse(HAND, ZERO).tolist() == [
        pytest.approx([math.sqrt(6 / 4), math.sqrt(600 / 4)]),
        pytest.approx([math.sqrt(120 / 4), 0.0]),
    ]


# ---------------------------------------------------------------- intervals


@settings(max_examples=150, deadline=None)
@given(st.data(), st.integers(1, 2000), st.sampled_from([0.5, 0.9, 0.95, 0.99]))
def test_wilsons_interval_is_scipys(data, runs, confidence):
    count = data.draw(st.integers(0, runs))
    theirs = binomtest(count, runs).proportion_ci(confidence, method="wilson")
    mine = wilson(count, runs, confidence=confidence)
    assert mine == pytest.approx((theirs.low, theirs.high), abs=1e-12)
    assert 0 <= mine[0] <= count / runs <= mine[1] <= 1


@pytest.mark.parametrize(("count", "runs"), [(-1, 4), (5, 4), (0, 0)])
def test_impossible_rates_are_refused(count, runs):
    with pytest.raises(SparsidError, match="0 <= count <= runs"):
        wilson(count, runs)


def test_the_bootstrap_spreads_as_its_closed_form_says():
    """Where whole networks fail, a draw's rate is binomial(networks, share) / networks."""
    happened = np.zeros((20, 30), bool)
    happened[:5] = True
    for table in (happened, happened.T):
        for confidence in (0.8, 0.95):
            low, high = two_way_bootstrap(table, seed=1, draws=20_000, confidence=confidence)
            tail = (1 - confidence) / 2
            exact = [binomial_quantile(20, 0.25, q) / 20 for q in (tail, 1 - tail)]
            assert (low, high) == pytest.approx(exact, abs=0.0501)  # one network's step


def binomial_quantile(n, p, q):
    total = 0.0
    for k in range(n + 1):
        total += math.comb(n, k) * p**k * (1 - p) ** (n - k)
        if total >= q:
            return k
    return n


def test_the_bootstrap_interval_of_independent_runs_has_the_two_way_width():
    """Rows, columns and cells each bring p(1-p)/runs: three times the variance (Owen 2007)."""
    rng = np.random.default_rng(5)
    happened = rng.random((40, 60)) < 0.3
    low, high = two_way_bootstrap(happened, seed=2, draws=4000)
    p = happened.mean()
    rows, columns = happened.mean(axis=1).var() / 40, happened.mean(axis=0).var() / 60
    cells = (happened - happened.mean(axis=1)[:, None] - happened.mean(axis=0) + p).var() / 2400
    wanted = 2 * 1.96 * math.sqrt(rows + columns + cells)
    assert high - low == pytest.approx(wanted, rel=0.1)
    assert high - low > 1.2 * np.subtract(*wilson(int(happened.sum()), 2400)[::-1])


def test_bad_networks_widen_the_interval():
    happened = np.zeros((10, 40), bool)
    happened[:2] = True
    low, high = rate_interval(happened)
    naive_low, naive_high = wilson(80, 400)
    assert low < naive_low < 0.2 < naive_high < high
    assert high - low > 3 * (naive_high - naive_low)


def test_nothing_or_everything_still_has_an_interval():
    for happened, wanted in ((np.zeros((10, 40), bool), 0), (np.ones((10, 40), bool), 400)):
        rate = wanted / 400
        assert two_way_bootstrap(happened, seed=0) == pytest.approx((rate, rate))
        assert rate_interval(happened) == wilson(wanted, 400)


def test_the_bootstrap_repeats_itself_and_refuses_what_is_no_table():
    happened = np.random.default_rng(0).random((5, 8)) < 0.4
    assert two_way_bootstrap(happened, seed=3) == two_way_bootstrap(happened, seed=3)
    for bad in (np.zeros(4, bool), np.zeros((0, 3), bool)):
        with pytest.raises(SparsidError, match="matrix"):
            two_way_bootstrap(bad, seed=0)


# ---------------------------------------------------------------- exits from the box

BOX = np.array([[0.0, -1.0], [10.0, 1.0]])  # with 5 % margin: -0.5..10.5 and -1.1..1.1


def test_exits_by_hand():
    runs = np.zeros((5, 4, 2))
    runs[0, :, 0] = [0.0, 10.5, -0.5, 3.0]  # stays within the margin
    runs[1, :, 0] = [0.0, 10.0, 10.6, 10.7]  # leaves at 2, state 0
    runs[2, 1:, 1] = [1.05, -1.2, 0.0]  # leaves at 2, state 1, and comes back
    runs[3, 1, 1] = np.inf
    runs[4, 3] = [99.0, 99.0]  # both: the first state is named
    exits = box_exits(runs, BOX)
    assert exits.left.tolist() == [False, True, True, True, True]
    assert exits.sample.tolist() == [-1, 2, 2, 1, 3]
    assert exits.state.tolist() == [-1, 0, 1, 1, 0]
    content = exits.sentence(("T", "p"), 10.0)
    assert content == (
        "4 of 5 runs left the box of the training data, the first in p at 10 s (sample 1)."
    )
    assert box_exits(runs[:1], BOX).sentence(("T", "p"), 10.0) is None


def test_rows_past_a_shorter_record_are_no_exit_but_other_nan_are():
    runs = np.zeros((4, 5, 2))
    runs[0, 3:] = np.nan  # the record ended
    runs[1, 3:, 1] = np.nan  # one state was lost
    runs[2, 2] = np.nan  # lost and found: nothing that ended
    runs[3, 1, 0], runs[3, 4:] = 20.0, np.nan  # left before its record ended
    exits = box_exits(runs, BOX)
    assert exits.left.tolist() == [False, True, True, True]
    assert exits.sample.tolist() == [-1, 3, 2, 1]
    assert exits.state.tolist() == [-1, 1, 0, 0]


@settings(max_examples=100, deadline=None)
@given(
    arrays(np.float64, (2, 3, 4, 2), elements=st.floats(-15, 15)),
    st.sampled_from([0.0, 0.05, 0.5]),
)
def test_exits_are_found_by_looking_at_every_number(runs, margin):
    exits = box_exits(runs, BOX, margin=margin)
    width = BOX[1] - BOX[0]
    for at in np.ndindex(2, 3):
        outside = [
            (k, i)
            for k in range(4)
            for i in range(2)
            if not BOX[0, i] - margin * width[i]
            <= runs[(*at, k, i)]
            <= BOX[1, i] + margin * width[i]
        ]
        found = (int(exits.sample[at]), int(exits.state[at]))
        assert found == (outside[0] if outside else (-1, -1))
        assert exits.left[at] == bool(outside)


# ---------------------------------------------------------------- ensembles


def small_ensemble() -> Ensemble:
    """Three untrained members for the plant of tests.by_hand."""
    import jax

    train = scaled_plant(trajectories=2, samples=41)
    architecture = DerivativeMLP(widths=(4,), activation="tanh", skip=True)
    keys = jax.random.split(jax.random.key(0), 3)
    members = [architecture.build(train, key=key) for key in keys]
    stacked = jax.tree.map(lambda *leaves: np.stack(leaves), *members)
    card = Card.describing(train.physical, architecture)
    return Ensemble.of(stacked, train.normaliser, card, size=3)


def test_free_run_errors_over_trajectories_of_unequal_lengths():
    """Each trajectory over its own length: a plain loop over members, trajectories, samples."""
    ensemble = small_ensemble()
    whole = plant(trajectories=4, samples=30, seed=1)
    lengths = (30, 12, 30, 7)
    data = Dataset(
        tuple(t.part(0, n) for t, n in zip(whole, lengths, strict=True)),
        whole.dt,
        whole.states,
        whole.outputs,
        whole.inputs,
    )
    scale = ensemble.stacked.scaling.scale
    expected = []
    for simulator in ensemble:
        errors = []
        for t in data:
            run = simulator.rollout(t.x[0], t.u)
            total = np.zeros(2)
            for k in range(t.samples):
                total += np.abs(run[k] - t.x[k]) / scale
            each = total / t.samples
            errors.append(math.inf if each.max() > 3 else each.mean())
        expected.append(sum(errors) / len(errors))
    found = free_run_errors(ensemble, data)
    assert found.shape == (3,)
    assert np.isfinite(found).any()
    np.testing.assert_allclose(found, expected, rtol=1e-6)
    runs = forecast(ensemble, data)
    assert np.isnan(runs[:, 1, 12:]).all()
    assert np.isfinite(runs[:, 1, :12]).all()


def test_free_run_errors_are_infinite_where_one_run_diverged():
    ensemble = small_ensemble()
    data = plant(trajectories=3, samples=20, seed=1)
    far = Trajectory(data[1].x + 1e4, data[1].y, data[1].u, data.dt)  # its truth is elsewhere
    one_bad = Dataset(
        (data[0], Trajectory(np.vstack([data[1].x[:1], far.x[1:]]), far.y, far.u, data.dt)),
        data.dt,
        data.states,
        data.outputs,
        data.inputs,
    )
    assert np.isinf(free_run_errors(ensemble, one_bad)).all()


def test_the_median_of_runs_goes_on_without_a_member_that_left():
    runs = np.array([[1.0, 1, 1, 1, 1], [2, 2, 2, 2, 2], [6, 6, 6, 6, 6]])[:, None, :, None]
    runs = np.concatenate([runs, 10 * runs], axis=-1)  # (3 members, 1 trajectory, 5 samples, 2)
    np.testing.assert_array_equal(median_run(runs)[0, :, 0], 2)
    runs[2, 0, 2, 1] = np.inf  # from sample 2 on it counts no more, though it comes back
    median = median_run(runs)
    np.testing.assert_array_equal(median[0], [[2, 20], [2, 20], [1.5, 15], [1.5, 15], [1.5, 15]])
    runs[0, 0, 4, 0] = np.nan  # now more than half have left
    median = median_run(runs)
    np.testing.assert_array_equal(median[0, :4, 0], [2, 2, 1.5, 1.5])
    assert np.isnan(median[0, 4]).all()


# ---------------------------------------------------------------- zeros


def test_zeros_counted_by_hand():
    """Two members of 3 -> 2 -> 2 with skip: 6 + 4 + 6 weights each; biases do not count."""
    import jax

    train = scaled_plant(trajectories=1, samples=11)
    architecture = DerivativeMLP(widths=(2,), skip=True)
    model = architecture.build(train, key=jax.random.key(0))
    stacked = jax.tree.map(lambda a: np.stack([a, a]).copy(), model)
    first, last = stacked.network.layers
    first.weight.raw[:] = [[[1, 0, 0], [0, 0, 5e-4]], [[1, 1, 1], [1, 1, 0]]]
    last.weight.raw[:] = [[[0, 0], [0, 1]], [[0, -1], [2e-3, 1]]]
    last.skip.raw[:] = 7
    last.skip.raw[0, 0, 0] = -5e-4
    first.bias[:] = 0
    card = Card.describing(train.physical, architecture)
    content = sparsity(Ensemble.of(stacked, train.normaliser, card, 2), below=1e-3)
    assert [(layer.role, layer.weights) for layer in content.layers] == [
        ("first", 6),
        ("output", 4),
        ("direct", 6),
    ]
    assert [layer.zero_share for layer in content.layers] == pytest.approx([5 / 12, 4 / 8, 0])
    assert [layer.small_share for layer in content.layers] == pytest.approx([6 / 12, 4 / 8, 1 / 12])
    assert content.zero_share == pytest.approx(9 / 32)
    assert content.small_share == pytest.approx(11 / 32)
    assert content.nonzero == (9, 14)
    assert content.nonzero_median == 11.5
