"""Measured records to judged models: DaISy's evaporator and heat exchanger."""

import numpy as np
import pytest

from sparsid import fit
from sparsid.data import Dataset
from sparsid.evaluation import forecast
from sparsid.identify import DataSpec, FitSpec, TrainingSpec, fit_spec, simulation_errors
from sparsid.identify.prune import prune_ensemble
from sparsid.models import NARX
from sparsid.training import Pruning, SecondOrderPhase

# Least squares on one step, computed elsewhere: 0.92, 0.90, 0.80 of a standard deviation; the
# linear model trained on free runs over windows, on the whole first half: 0.58, 0.64, 0.70.
ONE_STEP = np.array([0.92, 0.90, 0.80])
FREE_RUN_MEAN = np.mean([0.58, 0.64, 0.70])


@pytest.fixture(scope="module")
def result(measured_data):
    file = measured_data / "daisy" / "evaporator.dat"
    names = ("u1", "u2", "u3", "y1", "y2", "y3")
    data = DataSpec(
        files=(str(file),),
        columns=names,
        inputs=names[:3],
        states=names[3:],
        dt=1.0,
        validation_share=0.1,
        test_share=0.5,
    )
    return fit_spec(FitSpec(data=data, training=TrainingSpec(members=6)))


def test_the_second_half_is_simulated_freely_better_than_by_linear_models(result):
    _, errors = simulation_errors(result.ensemble, result.parts.test)
    assert (errors < ONE_STEP).all(), errors
    assert errors.mean() < FREE_RUN_MEAN, errors
    for candidate in result.linear:
        _, linear = simulation_errors(candidate.ensemble, result.parts.test)
        assert errors.mean() < linear.mean(), (candidate.name, linear)


def test_validation_prefers_training_on_free_runs(result):
    assert result.chosen.name == "free-run"
    assert {candidate.name for candidate in result.tried} == {"one-step", "free-run"}


def test_the_one_step_linear_model_is_the_known_one(measured_data):
    """On the whole first half, by scaled least squares: the published-elsewhere figures."""
    from sparsid.data import Normaliser, read
    from sparsid.training import fit_linear

    file = measured_data / "daisy" / "evaporator.dat"
    names = ["u1", "u2", "u3", "y1", "y2", "y3"]
    whole = read(file, columns=names, states=names[3:], inputs=names[:3], dt=1.0)
    train, test = whole.split_at(0.5)
    linear = fit_linear(Normaliser.fit(train).apply(train))
    _, errors = simulation_errors(linear, test)
    np.testing.assert_allclose(errors, ONE_STEP, atol=0.006)


@pytest.fixture(scope="module")
def exchanger(measured_data):
    """(fit, test) of DaISy's heat exchanger: a flow, and a temperature that follows."""
    table = np.loadtxt(measured_data / "daisy" / "exchanger.dat")
    train, test = (
        Dataset.from_arrays(y=[part[:, 2:]], u=[part[:, 1:2]], dt=1.0)
        for part in (table[:3000], table[3000:])
    )
    model = NARX(widths=(6,), skip=True)
    return fit(train, test=test, members=2, effort=0.3, model=model), test.outputs_as_states()


def test_outputs_alone_are_simulated_better_than_by_linear_models(exchanger):
    """A recurrent network, full and pruned, beside ARX and OE, over the last quarter."""
    found, test = exchanger

    def rmse(ensemble):
        """Of every member, after the first 50 samples."""
        wrong = forecast(ensemble, test)[:, 0] - test[0].x
        return np.sqrt(np.mean(wrong[:, 50:] ** 2, axis=(1, 2)))

    linear = min(rmse(candidate.ensemble)[0] for candidate in found.linear)
    assert rmse(found.ensemble).max() < 0.9 * linear
    pruning = Pruning(least=20, retrain=SecondOrderPhase(iterations=5))
    pruned = prune_ensemble(found.ensemble, found.parts, pruning=pruning, choice="smallest")
    assert any(m.path.steps[m.chosen].left < m.path.steps[0].left for m in pruned.members)
    assert rmse(pruned.ensemble).max() < linear


def test_the_linear_baseline_is_least_squares(exchanger):
    """ARX by NumPy's lstsq on the same part of the record."""
    found, _ = exchanger
    (arx,) = (c for c in found.linear if c.name == "linear, ARX")
    train = found.parts.train[0]
    y, u = train.x[:, 0], train.u[:, 0]
    design = np.column_stack([u[1:-1], u[:-2], y[1:-1], y[:-2], np.ones(len(y) - 2)])
    expected, *_ = np.linalg.lstsq(design, y[2:])
    run = arx.ensemble.members[0].rollout(y[10:12, None], u[10:13, None])
    assert run[2, 0] == pytest.approx(
        np.array([u[11], u[10], y[11], y[10], 1.0]) @ expected, rel=1e-6
    )
