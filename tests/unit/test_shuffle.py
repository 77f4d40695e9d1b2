"""The order of examples: different indices, all in range, evenly spread, another for each key."""

import jax
import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from scipy.stats import chi2

from sparsid.training.shuffle import SORTED_BELOW, covered, order

# Any size, but few distinct ones: every size is compiled anew.
SIZES = (1, 50, SORTED_BELOW, SORTED_BELOW + 1, 199_960, 300_000)


def drawn(n, seed):
    return np.asarray(order(jax.random.key(seed), n))


@settings(max_examples=40, deadline=None)
@given(n=st.sampled_from(SIZES), seed=st.integers(0, 2**31 - 1))
def test_an_order_visits_different_examples(n, seed):
    got = drawn(n, seed)
    assert got.shape == (covered(n),)
    counts = np.bincount(got, minlength=n)
    assert len(counts) == n  # none beyond the last
    assert counts.max() == 1


@settings(max_examples=8, deadline=None)
@given(n=st.integers(1, 300_000), seed=st.integers(0, 2**31 - 1))
@example(n=4099, seed=0)
def test_so_it_is_for_any_number_of_examples(n, seed):
    got = drawn(n, seed)
    assert len(np.unique(got)) == len(got) == covered(n)
    assert got.min() >= 0
    assert got.max() < n


@settings(max_examples=300, deadline=None)
@given(n=st.integers(1, 300_000))
def test_almost_all_examples_are_covered(n):
    assert covered(n) <= n
    assert n - covered(n) <= (0 if n <= SORTED_BELOW else np.sqrt(n) / 4)


@pytest.mark.parametrize("n", [50, 6007, 300_000])
def test_keys_and_only_keys_make_the_difference(n):
    first = drawn(n, 1)
    assert np.array_equal(first, drawn(n, 1))
    same_place = np.mean(first == drawn(n, 2))
    assert same_place < 0.2  # one in n, were it exactly uniform
    assert np.mean(first == np.arange(len(first))) < 0.2


def chi_square_is_small(counts, probability=1e-6):
    """Whether counts of a fixed total look uniform."""
    expected = counts.mean()
    statistic = np.sum((counts - expected) ** 2 / expected)
    return statistic < chi2.isf(probability, counts.size - 1)


def test_where_an_example_comes_is_uniform():
    """Over 2000 keys: the tenth of the epoch in which some examples come, and which come first."""
    n, draws = 4100, 2000
    orders = np.asarray(
        jax.lax.map(lambda key: order(key, n), jax.random.split(jax.random.key(3), draws))
    )
    size = orders.shape[1]
    positions = np.full((draws, n), size)
    np.put_along_axis(positions, orders, np.arange(size)[None].repeat(draws, 0), axis=1)
    for case in (0, 1, 63, 64, 2048, n - 1):
        at = positions[:, case]
        assert chi_square_is_small(np.bincount(at[at < size] * 10 // size, minlength=10))
    for place in (0, 1, 64, size - 1):
        assert chi_square_is_small(np.bincount(orders[:, place] * 20 // n, minlength=20))
    left_out = np.bincount(np.nonzero(positions == size)[1] * 20 // n, minlength=20)
    assert left_out.sum() == draws * (n - size) > 0
    assert chi_square_is_small(left_out / (n - size))  # neighbours are left out together


def test_neighbours_in_the_record_do_not_stay_together():
    """Steps between one visited index and the next spread over the whole range, in both halves."""
    n = 199_960
    got = drawn(n, 11).astype(np.int64)
    steps = np.diff(got) % n
    assert chi_square_is_small(np.bincount(steps * 50 // n, minlength=50))
    pairs = (got[:-1] * 12 // n) * 12 + got[1:] * 12 // n
    assert chi_square_is_small(np.bincount(pairs, minlength=144))
    batch = got[: len(got) // 50 * 50].reshape(-1, 50)  # every batch is a sample of the whole
    means = batch.mean(axis=1) / n
    assert means.std() == pytest.approx(np.sqrt(1 / 12 / 50), rel=0.05)
