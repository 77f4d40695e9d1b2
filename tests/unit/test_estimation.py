"""What `fit` compares and says: linear models first, one measure, shares of the whole."""

import os
import signal
from dataclasses import replace

import numpy as np
import pytest
from tests.by_hand import plant
from tests.command_line import refused, run

import sparsid
from sparsid._errors import SparsidError
from sparsid.data import Dataset, write
from sparsid.evaluation import forecast, sparsity
from sparsid.identify import FitSpec, assess, estimation, fit_spec, parse, split
from sparsid.models import NARX
from sparsid.study.reading import parse_study


def outputs(samples=200, seed=0) -> Dataset:
    """One output that answers to tanh of an input, at first slowly and then less so."""
    rng = np.random.default_rng(seed)
    u, y = np.repeat(rng.uniform(-2, 2, samples // 5 + 1), 5)[:samples], np.zeros(samples)
    for k in range(1, samples):
        y[k] = 0.8 * y[k - 1] + 0.5 * np.tanh(u[k - 1])
    return Dataset.from_arrays(y=[y[:, None]], u=[u[:, None]], dt=1.0)


def interrupt() -> None:
    os.kill(os.getpid(), signal.SIGINT)


# ---------------------------------------------------------------- interruptions


def test_linear_models_are_fitted_whole_before_a_network_is_interrupted():
    def callbacks(name):
        return (lambda report: interrupt()) if name == "recurrent" else None

    result = sparsid.fit(outputs(), members=1, model=NARX(widths=(3,)), callbacks=callbacks)
    assert result.chosen.history is not None
    assert result.chosen.history.interrupted
    assert any("interrupted" in note for note in result.notes)
    assert [candidate.name for candidate in result.linear] == ["linear, ARX", "linear, OE"]
    for candidate in result.linear:
        assert sparsity(candidate.ensemble).nonzero == (4,)  # two lags of each channel, all used
        assert candidate.validation < 0.9  # standard deviations: a constant would have 1


@pytest.mark.parametrize("when", ["linear, ARX", "linear, OE", "recurrent"])
def test_a_fit_interrupted_before_any_network_was_trained_saves_nothing(when):
    def callbacks(name):
        if name == when:
            interrupt()

    with pytest.raises(KeyboardInterrupt, match="before any network was trained"):
        sparsid.fit(outputs(), members=1, model=NARX(widths=(3,)), callbacks=callbacks)


# ---------------------------------------------------------------- shares


@pytest.mark.parametrize(
    ("validation", "test", "lengths"),
    [(0.2, 0.3, (50, 20, 30)), (0.1, 0.5, (40, 10, 50)), (0.4, 0.0, (60, 40, None))],
)
def test_shares_are_of_the_whole(validation, test, lengths):
    parts = split(plant(trajectories=1, samples=100), validation=validation, test=test)
    found = [part and part.samples for part in (parts.train, parts.validation, parts.test)]
    assert tuple(found) == lengths
    many = split(plant(trajectories=100, samples=3), validation=validation, test=test)
    found = [part and len(part) for part in (many.train, many.validation, many.test)]
    assert tuple(found) == lengths


@pytest.mark.parametrize("shares", [(0.6, 0.6), (1.0, 0.0), (0.5, 0.5), (-0.1, 0.2)])
def test_shares_that_leave_nothing_to_train_on_are_refused(shares, tmp_path, capsys):
    data = plant(trajectories=1, samples=100)
    with pytest.raises(SparsidError, match="together less than 1"):
        split(data, validation=shares[0], test=shares[1])
    write(data, tmp_path / "plant.csv")
    asked = ("fit", tmp_path / "plant.csv", "--states", "x1,x2", "--inputs", "u1", "--dt", "0.5")
    asked += ("--validation-share", shares[0], "--test-share", shares[1])
    content = refused(capsys, *asked, "--out", tmp_path / "plant.sparsid")
    assert "share" in content
    assert not (tmp_path / "plant.sparsid").exists()


def test_without_a_validation_part_nothing_is_called_validation(tmp_path, capsys):
    write(plant(trajectories=1, samples=120), tmp_path / "plant.csv")
    asked = ("fit", tmp_path / "plant.csv", "--states", "x1,x2", "--inputs", "u1", "--time", "time")
    asked += ("--recipe", "dense", "--effort", "0.01", "--members", "1")
    assert run(*asked, "--validation-share", "0", "--out", tmp_path / "a.sparsid") == 0
    content = capsys.readouterr()
    assert "training, mean" in content.out
    assert "validation" not in content.out.replace(str(tmp_path), "")
    assert "No data was held out for validation" in content.err


# ---------------------------------------------------------------- one measure


@pytest.fixture(scope="module")
def quick():
    """Networks hardly trained: the plant's linear model is ahead of them."""
    data = plant(trajectories=1, samples=200)
    return sparsid.fit(data, recipe="dense", members=3, effort=0.01)


def error_by_hand(ensemble, part: Dataset) -> np.ndarray:
    """RMSE of the median of the members' runs over training standard deviations."""
    (run,) = np.moveaxis(forecast(ensemble, part), 1, 0)
    wrong = np.median(run, axis=0) - part[0].x
    return np.sqrt(np.mean(wrong**2, axis=0)) / ensemble.stacked.scaling.scale


def test_all_models_are_measured_alike_where_they_are_chosen_and_where_they_are_judged(quick):
    found = assess(quick)
    assert (found.part, found.chose) == ("test", "validation")
    for judged in found.models:
        ensemble = judged.candidate.ensemble
        by_hand = error_by_hand(ensemble, quick.parts.validation).mean()
        assert judged.candidate.validation == pytest.approx(by_hand, rel=1e-12)
        np.testing.assert_allclose(judged.errors, error_by_hand(ensemble, quick.parts.test))
    assert [judged.chosen for judged in found.models] == [True, False, False]


def test_a_linear_model_that_is_ahead_is_named(quick):
    linear = quick.linear[0]
    assert linear.validation < quick.chosen.validation
    (content,) = assess(quick).remarks
    assert "On the test data the model 'linear, " in content
    words = "On the validation data no network has a lower error"
    assert any(words in note for note in quick.notes)


def test_a_network_that_is_ahead_needs_no_remark(quick):
    """The same networks in each other's place: what stands as linear is now behind."""
    swapped = replace(quick, chosen=quick.linear[0], tried=quick.linear[:1], linear=(quick.chosen,))
    assert assess(swapped).remarks == ()


# ---------------------------------------------------------------- refused before anything trains


@pytest.mark.parametrize(
    ("more", "word"),
    [
        ({"training": {"start": "linear"}}, "linear start"),
        ({"phase": [{"epochs": 1, "loss": "free-run", "window": 5000}]}, "window"),
        ({"model": {"kind": "narx", "widths": [60, 60]}}, "3000"),
        ({"phase": [{"epochs": 1}]}, "one-step"),
    ],
    ids=["start", "window", "size", "loss"],
)
def test_what_cannot_be_trained_is_refused_before_linear_models_are(monkeypatch, more, word):
    monkeypatch.setattr(estimation, "fitted_baselines", lambda *_: pytest.fail("trained"))
    parts = split(outputs().outputs_as_states(), validation=0.2, test=0.2)
    tables = {
        "data": {"files": ["a.csv"], "outputs": ["y1"]},
        "model": {"kind": "narx", "widths": [3]},
        "phase": [{"iterations": 5}],
    }
    with pytest.raises(SparsidError, match=word):
        fit_spec(parse(FitSpec, tables | more, "fit"), parts=parts)


def test_a_study_refuses_shares_as_fit_does():
    data = {"files": ["a.csv"], "states": ["x"], "validation_share": 0.6, "test_share": 0.6}
    configuration = [{"name": "Dense", "phases": [{"epochs": 1}]}]
    with pytest.raises(SparsidError, match="together less than 1"):
        parse_study({"name": "own", "data": data, "configuration": configuration}, "own.toml")


@pytest.mark.parametrize("kind", [3, None, ["narx"], "nrax"])
def test_an_odd_kind_of_model_is_refused_in_a_sentence(kind):
    tables = {"data": {"files": ["a.csv"], "states": ["x"]}, "model": {"kind": kind}}
    with pytest.raises(SparsidError, match="Unknown kind of model"):
        parse(FitSpec, tables, "fit")
