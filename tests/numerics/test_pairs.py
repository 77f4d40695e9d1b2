"""Differences between configurations: brute force, closed forms, and coverage."""

import numpy as np
import pytest
from scipy.stats import norm

from sparsid import SparsidError
from sparsid.evaluation import error_difference, mean_interval, rate_difference


def two_way(seed, shape=(10, 40), *, networks=1.0, trajectories=1.0, runs=1.0, mean=0.0):
    """mean + network effect + trajectory effect + noise."""
    rng = np.random.default_rng(seed)
    return (
        mean
        + networks * rng.normal(size=(shape[0], 1))
        + trajectories * rng.normal(size=(1, shape[1]))
        + runs * rng.normal(size=shape)
    )


def every_draw(first, second, kept):
    """Quantiles over all equally likely draws of 3 networks and of 3 trajectories."""
    draws = np.stack(np.meshgrid(*[range(3)] * 3), -1).reshape(-1, 3)
    found = []
    for rows in draws:
        for columns in draws:
            at = np.ix_(rows, columns)
            weights = kept[at].sum()
            if weights:
                found.append(((first - second)[at] * kept[at]).sum() / weights)
    return np.quantile(found, [0.025, 0.975])


def test_a_paired_difference_agrees_with_every_possible_draw():
    first, second = two_way(1, (3, 3)), two_way(2, (3, 3), mean=1.0)
    kept = np.array([[1, 1, 0], [1, 1, 1], [0, 1, 1]], bool)
    found = error_difference(first, second, kept=(kept, np.ones((3, 3), bool)), paired=True)
    assert found.value == pytest.approx((first - second)[kept].mean())
    low, high = every_draw(first, second, kept)
    assert found.low == pytest.approx(low, abs=0.12)
    assert found.high == pytest.approx(high, abs=0.12)


def test_what_moves_both_sides_alike_cancels_where_they_are_paired():
    first = two_way(3)
    all_runs = np.ones(first.shape, bool)
    paired = error_difference(first, first - 0.5, kept=(all_runs, all_runs), paired=True)
    assert paired.low == pytest.approx(0.5)
    assert paired.high == pytest.approx(0.5)
    apart = error_difference(first, first - 0.5, kept=(all_runs, all_runs), paired=False)
    assert apart.low < 0.5 < apart.high


def test_the_width_is_that_of_the_normal_approximation():
    shape = (60, 80)
    difference = two_way(4, shape, networks=1.0, trajectories=0.5, runs=0.0)
    zero, all_runs = np.zeros(shape), np.ones(shape, bool)
    found = error_difference(difference, zero, kept=(all_runs, all_runs), paired=True)
    rows, columns = difference.mean(axis=1), difference.mean(axis=0)
    spread = np.sqrt(rows.var() / shape[0] + columns.var() / shape[1])
    assert found.high - found.low == pytest.approx(2 * norm.ppf(0.975) * spread, rel=0.08)
    alone = mean_interval(difference, all_runs)
    assert (alone.low, alone.high) == pytest.approx((found.low, found.high), rel=0.1)


def test_about_95_of_100_intervals_hold_the_truth():
    held = 0
    for seed in range(200):
        difference = two_way(seed, (20, 30), mean=0.3)
        all_runs = np.ones(difference.shape, bool)
        zero = np.zeros(difference.shape)
        found = error_difference(difference, zero, kept=(all_runs, all_runs), paired=True)
        held += found.low <= 0.3 <= found.high
    assert 180 <= held <= 200


def test_rates_of_all_and_nothing_fall_back_on_newcombe():
    never, always = np.zeros((10, 40), bool), np.ones((10, 40), bool)
    same = rate_difference(never, never, paired=True)
    assert same.value == 0
    assert same.low < 0 < same.high
    assert same.sign == 0
    apart = rate_difference(always, never, paired=True)
    # Newcombe 1998, method 10, with Wilson's upper end z^2 / (n + z^2) of a rate of 0.
    z = norm.ppf(0.975) ** 2
    assert apart.low == pytest.approx(1 - np.sqrt(2) * z / (400 + z))
    assert (apart.value, apart.sign) == (1.0, 1)


def test_a_rate_difference_is_that_of_the_counts():
    rng = np.random.default_rng(0)
    first, second = rng.random((10, 40)) < 0.6, rng.random((10, 40)) < 0.3
    found = rate_difference(first, second, paired=True)
    assert found.value == pytest.approx((first.sum() - second.sum()) / 400)
    assert found.sign == 1
    assert rate_difference(second, first, paired=True).sign == -1
    baseline = rate_difference(first, second[:1], paired=False)
    assert baseline.value == pytest.approx(first.mean() - second[:1].mean())


def test_nothing_kept_is_no_number():
    zero, none = np.zeros((2, 3)), np.zeros((2, 3), bool)
    found = error_difference(zero, zero, kept=(none, ~none), paired=True)
    assert np.isnan([found.value, found.low, found.high]).all()
    assert found.sign == 0


def test_tables_that_do_not_fit_are_refused():
    happened = np.zeros((2, 3), bool)
    for other, paired in ((happened[:1], True), (happened[:, :2], False), (happened[0], False)):
        with pytest.raises(SparsidError, match="same trajectories"):
            rate_difference(happened, other, paired=paired)
