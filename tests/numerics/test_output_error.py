"""The linear output-error model beside SciPy's least squares on the same free run."""

import jax
import numpy as np
import pytest
from scipy.optimize import least_squares
from scipy.signal import lfilter

from sparsid.architectures import NARX
from sparsid.data import Dataset, Normaliser
from sparsid.identify.baselines import BaselineRequest, arx, linear_of, output_error
from sparsid.identify.errors import simulation_errors
from sparsid.identify.output_error import POLES, fit_output_error
from sparsid.identify.spec import TrainingSpec

B, A = (0.0, 0.5, 0.3), (1.0, -1.5, 0.7)  # y(k) = 1.5 y(k-1) - 0.7 y(k-2) + 0.5 u(k-1) + 0.3 u(k-2)
MODEL, ALONE = NARX(widths=(3,)), TrainingSpec(members=1)


@pytest.fixture(scope="module")
def parts():
    """A second-order plant whose output is measured with white noise: what ARX is biased by."""
    rng = np.random.default_rng(4)
    u = rng.uniform(-1, 1, (2, 400, 1))
    y = lfilter(B, A, u, axis=1)
    y += 0.5 * y.std() * rng.standard_normal(y.shape)
    whole = Dataset.from_arrays(x=y, u=u, dt=1.0)
    scale = Normaliser.fit(whole[:1])
    return scale.apply(whole[:1]), scale.apply(whole[1:])


def free_run(theta, y, u):
    """By hand; theta is (u(k-1), u(k-2), y(k-1), y(k-2), 1)."""
    run = y.copy()
    for k in range(2, len(y)):
        run[k] = theta @ [u[k - 1], u[k - 2], run[k - 1], run[k - 2], 1.0]
    return run


def errors(theta, part):
    (record,) = part.scaled
    return (free_run(theta, record.x[:, 0], record.u[:, 0]) - record.x[:, 0])[2:]


def test_it_simulates_validation_data_no_worse_than_scipys_minimum(parts):
    train, validation = parts
    found = least_squares(errors, [0.1, 0.1, 1.5, -0.7, 0.0], args=(train,), xtol=1e-12)
    limit = np.sqrt(np.mean(errors(found.x, validation) ** 2))
    ours = output_error(BaselineRequest(train, validation, MODEL, ALONE))
    layer = ours.stacked.model.network.layers[0]
    theta = np.append(layer.weight.value()[0, 0], layer.bias[0])
    assert np.sqrt(np.mean(errors(theta, validation) ** 2)) <= limit * (1 + 1e-6)
    np.testing.assert_allclose(np.roots([1.0, *-theta[2:4]]), np.roots(A), atol=0.05)


def test_it_is_not_the_arx_under_another_name(parts):
    train, validation = parts
    linear = linear_of(MODEL)
    ours = fit_output_error(linear, train, validation, key=jax.random.key(0))
    biased = arx(BaselineRequest(train, validation, MODEL, ALONE))
    of_ours, of_arx = (simulation_errors(e, validation.physical)[0].mean() for e in (ours, biased))
    assert len(ours) == 1
    assert of_ours < 0.8 * of_arx
    starts = {f"pole {pole:g}" for pole in POLES}
    start, *_ = str(ours.card.training["start"]).split(",")
    assert start in {"ARX", *starts}
    assert ours.card.training["start"] != "ARX"
