"""Which step of a pruning path is chosen, by hand-made paths."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from sparsid.training.pruning_path import PruningPath, Step


def path(train, validation):
    count = len(train)
    return PruningPath(
        tuple(
            Step(np.zeros(count), np.arange(count) >= at, train[at], validation[at], at)
            for at in range(count)
        )
    )


@pytest.mark.parametrize(
    ("train", "validation", "least", "smallest", "before"),
    [
        ([1, 1, 2, 9], [4, 2, 3, 9], 1, 2, 3),
        ([1, 1, 11, 2], [4, 5, 6, 1], 3, 3, 1),  # it exploded once, whatever comes after
        ([1, 1, 1, 1], [4, 41, 3, 2], 3, 3, 0),
        ([1, 30, 1], [4, 5, 6], 0, 0, 0),
        ([1], [4], 0, 0, 0),
        ([1, 10, np.inf], [4, 40, np.inf], 0, 0, 1),  # ten times is not above ten times
    ],
)
def test_choices_along_a_path(train, validation, least, smallest, before):
    made = path(train, validation)
    assert made.least_validation() == least
    assert made.smallest_not_worse() == smallest
    assert made.smallest_before_explosion() == before


@given(st.lists(st.tuples(st.floats(0.1, 100), st.floats(0.1, 100)), min_size=1, max_size=8))
def test_choices_keep_their_promises(errors):
    train, validation = map(list, zip(*errors, strict=True))
    made = path(train, validation)
    small, before = made.smallest_not_worse(), made.smallest_before_explosion()
    assert validation[small] <= validation[0]
    assert all(error > validation[0] for error in validation[small + 1 :])
    for series in (train, validation):
        assert max(series[: before + 1]) <= 10 * series[0]
    assert before + 1 == len(errors) or any(
        series[before + 1] > 10 * series[0] for series in (train, validation)
    )
