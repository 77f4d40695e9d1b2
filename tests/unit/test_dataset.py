"""Trajectories and datasets: checks, selection, splits, digest."""

import numpy as np
import pytest

from sparsid._errors import SparsidError
from sparsid.data import Channels, Dataset


def ramp(lengths=(6, 4), states=2, inputs=1, **options) -> Dataset:
    """Trajectory i holds 100 i + k in row k, so that every row tells where it came from."""
    x = [np.outer(100 * i + np.arange(n), np.ones(states)) for i, n in enumerate(lengths)]
    u = [np.full((n, inputs), i) for i, n in enumerate(lengths)]
    return Dataset.from_arrays(x=x, u=u, dt=0.5, **options)


def test_names_default_to_letters_and_absent_arrays_have_no_columns():
    data = ramp()
    assert data.states.names == ("x1", "x2")
    assert data.inputs.names == ("u1",)
    assert data.outputs.names == ()
    assert data[0].y.shape == (6, 0)
    assert data.states.units == (None, None)


def test_the_callers_array_is_copied_and_the_copy_cannot_be_written():
    mine = np.zeros((1, 3, 1))
    data = Dataset.from_arrays(x=mine, dt=1.0)
    mine[:] = 7
    assert not data[0].x.any()
    with pytest.raises(ValueError, match="read-only"):
        data[0].x[0] = 1


def test_lengths_slices_and_padding():
    data = ramp()
    assert (data.lengths, data.samples, len(data)) == ((6, 4), 10, 2)
    assert data[1:].lengths == (4,)
    x, y, u = data.padded()
    assert (x.shape, y.shape, u.shape) == ((2, 6, 2), (2, 6, 0), (2, 6, 1))
    assert x[1, :, 0].tolist() == [100, 101, 102, 103, 103, 103]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ({}, ["x", "y", "neither"]),
        ({"x": np.zeros((1, 3, 1)), "dt": 0}, ["dt", "positive", "0"]),
        ({"x": np.zeros((1, 3, 1)), "dt": float("nan")}, ["dt", "positive", "nan"]),
        ({"x": np.zeros((3, 1))}, ["x", "3-D", "1 dimensions"]),
        ({"x": np.zeros((1, 1, 1))}, ["at least 2 samples", "has 1"]),
        ({"x": []}, ["at least one trajectory"]),
        ({"x": [[["a"], ["b"]]]}, ["x", "numbers"]),
        ({"x": [[[0.0], [np.inf]]]}, ["finite", "inf", "row 1", "channel 0"]),
        ({"x": [np.zeros((3, 1))], "u": [np.zeros((4, 1))]}, ["equal lengths", "`x` 3", "`u` 4"]),
        ({"x": np.zeros((2, 3, 1)), "u": np.zeros((1, 3, 1))}, ["number of trajectories"]),
        ({"x": [np.zeros((3, 1)), np.zeros((3, 2))]}, ["same number of channels"]),
        ({"x": np.zeros((1, 3, 2)), "state_names": ["T"]}, ["2 channels", "T"]),
        ({"x": np.zeros((1, 3, 2)), "state_names": ["T", "T"]}, ["unique", "T"]),
        ({"x": np.zeros((1, 3, 2)), "state_units": ["K"]}, ["2 names", "1 units"]),
    ],
)
def test_bad_arrays_are_refused_in_a_sentence(arguments, words):
    with pytest.raises(SparsidError) as refusal:
        Dataset.from_arrays(**{"dt": 1.0, **arguments})
    assert all(word in str(refusal.value) for word in words), str(refusal.value)


def test_select_picks_and_orders_channels():
    data = Dataset.from_arrays(
        x=np.arange(12.0).reshape(1, 4, 3), dt=1, state_names=["a", "b", "c"]
    )
    picked = data.select(states=["c", "a"])
    assert picked.states.names == ("c", "a")
    assert picked[0].x[0].tolist() == [2, 0]
    with pytest.raises(SparsidError, match=r"no state d.*a, b, c"):
        data.select(states=["d"])


def test_split_at_cuts_every_trajectory_in_time():
    early, late = ramp((10, 4)).split_at(0.5)
    assert (early.lengths, late.lengths) == ((5, 2), (5, 2))
    assert late[1].x[:, 0].tolist() == [102, 103]
    with pytest.raises(SparsidError, match="at least 2 samples"):
        ramp((10, 4)).split_at(0.9)


def test_split_deals_out_whole_trajectories_in_order():
    data = ramp((3,) * 8)
    parts = data.split(0.5, 0.25, 0.25)
    assert [p[0].x[0, 0] for p in parts] == [0, 400, 600]
    assert [len(p) for p in parts] == [4, 2, 2]
    assert [len(p) for p in data.split(5, 2, 1)] == [5, 2, 1]


def test_split_shuffled_is_a_partition_that_its_seed_repeats():
    data = ramp((3,) * 8)
    first = data.split(3, 5, rng=np.random.default_rng(1))
    again = data.split(3, 5, rng=np.random.default_rng(1))
    where = [[t.x[0, 0] for t in part] for part in first]
    assert where == [[t.x[0, 0] for t in part] for part in again]
    assert sorted(where[0] + where[1]) == [100.0 * i for i in range(8)]
    assert where[0] != [0, 100, 200]


@pytest.mark.parametrize("parts", [(), (3, 4), (0.5, 0.4), (9, -1), (8, 0), (0.99, 0.01)])
def test_parts_that_do_not_add_up_or_are_empty_are_refused(parts):
    with pytest.raises(SparsidError, match=r"add up|Every part"):
        ramp((3,) * 8).split(*parts)


def test_constant_inputs_are_named():
    u = np.stack([np.arange(4.0), np.full(4, 3.0)], axis=1)[None]
    data = Dataset.from_arrays(x=np.zeros((1, 4, 1)), u=u, dt=1, input_names=["q", "still"])
    assert data.constant_inputs() == ("still",)


def test_the_digest_follows_numbers_names_units_and_step_only():
    base = ramp()
    assert base.digest() == ramp(notes=["told"], attributes={"seed": "1"}).digest()
    others = [ramp((6, 5)), ramp(state_names=["a", "b"]), ramp(state_units=["K", None])]
    assert len({base.digest(), *(other.digest() for other in others)}) == 4


def test_channels_may_do_without_units():
    assert Channels(("a", "b")).units == (None, None)
