"""Records cut into windows, and the choice among restarts, by hand."""

import numpy as np
import pytest
from tests.by_hand import scaled_plant

from sparsid.training import FreeRun
from sparsid.training.restarts import best_restarts
from sparsid.training.windows import Prediction, Simulation, cut, windows


@pytest.mark.parametrize(
    ("length", "stride", "complete", "places"),
    [
        (4, 3, False, [(0, 4), (3, 4), (6, 4)]),  # 0-3, 3-6, 6-9 of 0-10: 10 is left out
        (4, 3, True, [(0, 4), (3, 4), (6, 4), (7, 4)]),
        (11, 1, False, [(0, 11)]),
        (5, 6, True, [(0, 5), (6, 5)]),
        (12, 1, False, []),
        (12, 1, True, [(0, 11)]),
        (None, 1, True, [(0, 11)]),
    ],
)
def test_a_record_of_eleven_samples_is_cut(length, stride, complete, places):
    scaled = scaled_plant(trajectories=1, samples=11)
    (record,) = scaled.scaled
    found = cut(scaled, length, stride, complete=complete)
    assert len(found) == len(places)
    for (y, u), (at, size) in zip(found, places, strict=True):
        np.testing.assert_array_equal(y, record.x[at : at + size])
        np.testing.assert_array_equal(u, record.u[at : at + size])


def test_training_by_epochs_leaves_out_what_second_order_training_fills_up():
    scaled = scaled_plant(trajectories=2, samples=11)
    assert FreeRun(window=4, stride=3).examples(scaled)[0].shape[0] == 6
    data = windows(scaled, Simulation(4, 3), lag=2)
    assert data.y.shape[:2] == (8, 4)
    np.testing.assert_array_equal(data.counts, np.tile([0, 0, 1, 1], (8, 1)))
    assert windows(scaled, Prediction(1), lag=2).counts.sum() == 2 * 9  # every sample but the lags


def test_the_best_of_each_members_restarts():
    errors = np.array([3.0, 1.0, 2.0, np.inf, 5.0, 5.0])
    assert best_restarts(errors, 3).tolist() == [1, 4]
    assert best_restarts(errors, 1).tolist() == list(range(6))
