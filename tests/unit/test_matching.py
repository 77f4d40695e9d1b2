"""Data held against a model's channels, and files joined."""

import numpy as np
import pytest

from sparsid._errors import SparsidError
from sparsid.data import Channels, Dataset, joined, match

DATA = Dataset.from_arrays(
    x=np.arange(12.0).reshape(1, 4, 3),
    u=np.ones((1, 4, 2)),
    dt=10,
    state_names=["a", "b", "c"],
    state_units=["K", None, "bar"],
    input_names=["q", "v"],
)
NONE = Channels()


def test_channels_are_picked_in_the_models_order():
    states = Channels(("c", "a"), ("bar", "K"))
    fitting, notes = match(DATA, states, NONE, Channels(("v",)), 10 * (1 + 1e-9))
    assert fitting[0].x[0].tolist() == [2, 0]
    assert fitting.states == states
    assert fitting.inputs.names == ("v",)
    assert notes == []


def test_a_unit_on_one_side_only_matches_and_is_said():
    fitting, notes = match(DATA, Channels(("a", "b"), (None, "m")), NONE, NONE, 10)
    assert fitting.states.units == ("K", "m")
    assert len(notes) == 2
    assert "The data states no unit for b [m]" in notes[0]
    assert "The model states no unit for a [K]" in notes[1]


@pytest.mark.parametrize(
    ("states", "inputs", "dt", "words"),
    [
        (Channels(("a", "z")), NONE, 10, ["lacks", "state z", "a, b, c"]),
        (Channels(("q",)), NONE, 10, ["state q", "q is an input"]),
        (NONE, Channels(("a",)), 10, ["input a", "a is a state"]),
        (Channels(("a",), ("degC",)), NONE, 10, ["a", "degC", "K", "convert"]),
        (NONE, NONE, 10.001, ["sampling time", "10.001 s", "10 s"]),
    ],
)
def test_what_does_not_fit_is_refused_in_a_sentence(states, inputs, dt, words):
    with pytest.raises(SparsidError) as refusal:
        match(DATA, states, NONE, inputs, dt, "plant.sparsid")
    assert all(word in str(refusal.value) for word in [*words, "plant.sparsid"])


def test_joined_datasets_share_channels():
    other = DATA.select(states=["c", "b", "a"])
    both = joined([DATA, other])
    assert np.array_equal(both[0].x, both[1].x)
    with pytest.raises(SparsidError, match="lacks the state c"):
        joined([DATA, DATA.select(states=["a", "b"])])
