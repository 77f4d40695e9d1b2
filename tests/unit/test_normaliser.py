"""Scaling: invertible, fitted on the rows given, sound for constant and shifted channels."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from sparsid._errors import SparsidError
from sparsid.data import Dataset, Normaliser, Scale

finite = st.floats(-1e12, 1e12, allow_subnormal=False)
records = arrays(np.float64, array_shapes(min_dims=2, max_dims=2, min_side=2), elements=finite)


@settings(max_examples=100, deadline=None)
@given(records)
def test_undo_inverts_apply(rows):
    scale = Scale.fit(rows)
    again = scale.undo(scale.apply(rows))
    span = np.abs(rows).max(axis=0)
    assert np.all(np.abs(again - rows) <= 1e-9 * span)


@settings(max_examples=100, deadline=None)
@given(records)
def test_scaled_numbers_are_finite_and_of_unit_size(rows):
    scaled = Scale.fit(rows).apply(rows)
    assert np.isfinite(scaled).all()
    assert np.abs(scaled).max() <= np.sqrt(len(rows)) * (1 + 1e-6)


def test_mean_and_spread_match_a_hand_count():
    scale = Scale.fit(np.array([[1.0, 10.0], [3.0, 30.0]]))
    assert scale.offset.tolist() == [2, 20]
    assert scale.scale.tolist() == [1, 10]


def test_a_constant_channel_maps_to_zero_and_back():
    rows = np.full((7, 1), 0.1)
    scale = Scale.fit(rows)
    assert scale.scale.tolist() == [1]
    assert not scale.apply(rows).any()
    assert np.array_equal(scale.undo(scale.apply(rows)), rows)


def test_a_large_offset_with_small_noise_is_no_constant():
    noise = np.random.default_rng(0).normal(size=(1000, 1))
    scaled = Scale.fit(1e6 + 1e-3 * noise).apply(1e6 + 1e-3 * noise)
    assert np.allclose(scaled, (noise - noise.mean()) / noise.std(), atol=1e-5)


def test_what_is_rounding_alone_counts_as_constant():
    rows = np.array([[1e6], [np.nextafter(1e6, 2e6)], [1e6]])
    assert Scale.fit(rows).scale.tolist() == [1]


def test_increments_have_a_scale_of_their_own():
    x = np.array([[[0.0], [1.0], [4.0], [9.0]]])
    normaliser = Normaliser.fit(Dataset.from_arrays(x=x, dt=1))
    assert normaliser.increments.offset.tolist() == [3]
    assert normaliser.increments.scale == pytest.approx([np.sqrt(8 / 3)])


def test_it_is_fitted_on_the_training_rows_and_applied_to_others():
    train = Dataset.from_arrays(x=np.array([[[0.0], [2.0]]]), u=np.ones((1, 2, 1)), dt=1)
    test = Dataset.from_arrays(x=np.array([[[4.0], [5.0]]]), u=np.full((1, 2, 1), 3.0), dt=1)
    scaled = Normaliser.fit(train).apply(test)
    assert scaled.scaled[0].x[:, 0].tolist() == [3, 4]
    assert scaled.scaled[0].u[:, 0].tolist() == [2, 2]
    assert scaled.physical is test
    assert len(scaled.increments()[0]) == 1


@pytest.mark.parametrize(
    ("offset", "scale", "word"),
    [([0.0], [0.0], "positive"), ([0.0], [1.0, 2.0], "equal length"), ([np.nan], [1.0], "finite")],
)
def test_given_scales_are_checked(offset, scale, word):
    with pytest.raises(SparsidError, match=word):
        Scale(np.array(offset), np.array(scale))
