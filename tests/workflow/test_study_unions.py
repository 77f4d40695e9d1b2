"""Studies take whatever kind of model and phase their data give what it needs."""

import tomllib

import jax
import numpy as np
import pytest

from sparsid import SparsidError
from sparsid.models import NARX, DerivativeMLP, load
from sparsid.processes import named, simulate
from sparsid.results import ResultStore
from sparsid.study.cells import hashed_model, hashed_options
from sparsid.study.reading import parse_study
from sparsid.study.running import run_study
from sparsid.study.tasks.prune.cells import cells as path_cells

RECURRENT = """
name = "recurrent"
data = { process = "neutralisation", train = 1, validation = 1, test = 2, samples = 80 }
evaluate = { horizons = [40, 80] }
training = { seeds = 2, dtype = "float64" }

[[configuration]]
name = "second order"
model = { kind = "narx", widths = [2] }
phases = [{ iterations = 3 }]

[[configuration]]
name = "epochs, then second order"
pair = "second order"
model = { kind = "narx", widths = [2] }
phases = [{ epochs = 1, loss = "free-run", window = 20, threshold = 1e-2 }, { iterations = 3 }]
"""

STATES = """
task = "prune"
name = "states"
data = { process = "duffing", samples = 100, scale = { velocity = [0.0, 2.0] } }
training = { seeds = 1 }

[[configuration]]
name = "derivative"
model = { kind = "derivative", widths = [3], activation = "tanh" }
train = [{ epochs = 2, rate = { rate = 1e-2 } }, { iterations = 5, length = 50, stride = 25 }]
prune = { least = 16, retrain = { iterations = 3 } }
"""


def parsed(text, **change):
    return parse_study(tomllib.loads(text) | change, "here")


def test_a_study_of_simulators_judges_recurrent_networks_on_outputs(tmp_path):
    """RFMSE of every row again, from the stored model and a record drawn as the study draws it."""
    run_study(parsed(RECURRENT), tmp_path)
    store, process = ResultStore.open(tmp_path), named("neutralisation")
    keys = jax.random.split(jax.random.key(0), 4)
    (train,) = simulate(process, trajectories=1, samples=80, key=keys[0])
    test = simulate(process, trajectories=2, samples=80, key=keys[2])
    assert store.study()["states"] == ["pH"]
    rows = list(store.rows())
    assert {row.name for row in rows} == {"second order", "epochs, then second order"}
    for row in rows:
        (network,) = load(store.model_path(row.key))
        for horizon in (40, 80):
            errors = []
            for record in test:
                run = network.rollout(record.y[: network.lag], record.u)
                errors.append(np.abs(run - record.y)[:horizon].mean() / train.y.std())
            np.testing.assert_allclose(row.series[f"rfmse_{horizon}"], errors, rtol=1e-6)


def test_a_study_of_pruning_takes_networks_of_states(tmp_path):
    """The chosen network's model file gives the free-run errors of its row."""
    assert run_study(parsed(STATES), tmp_path).stored == 1
    store = ResultStore.open(tmp_path)
    (row,) = store.rows()
    assert store.study()["states"] == ["displacement", "velocity"]
    assert row.series["left"][0] == 3 * (3 + 1) + 2 * (3 + 1)  # weights and biases of 3-3-2
    (network,) = load(store.model_path(row.key))
    test = simulate(named("duffing"), trajectories=3, samples=100, key=jax.random.key(0))[2]
    run = network.rollout(test.x[0], test.u)
    scale = np.array([network.scaling.scale[0], 2.0])
    error = (((run - test.x) / scale)[1:] ** 2).sum()
    np.testing.assert_allclose(row.numbers["best_test"], error, rtol=1e-6)


def test_equal_options_of_different_kinds_have_different_keys():
    derivative, narx = DerivativeMLP(), NARX()
    assert hashed_options(derivative) == hashed_options(narx) == {}
    assert hashed_model(derivative, usual="derivative") == hashed_model(narx, usual="narx") == {}
    assert hashed_model(derivative, usual="narx") == {"kind": "derivative"}
    assert hashed_model(narx, usual="derivative") == {"kind": "narx"}
    data, phases = {"process": "duffing", "samples": 100}, [{"epochs": 1, "loss": "free-run"}]
    keys = {
        path_cells(
            parsed(
                'task = "prune"\nname = "s"',
                data=data,
                configuration=[{"name": "a", "model": {"kind": kind}, "train": phases}],
            )
        )[0].key
        for kind in ("narx", "derivative")
    }
    assert len(keys) == 2


@pytest.mark.parametrize("text", [RECURRENT, STATES])
def test_what_is_judged_on_other_channels_is_another_study(text):
    tables = tomllib.loads(text)
    other = tables["configuration"][0] | {"name": "other"}
    kind = {"narx": "derivative", "derivative": "narx"}[other["model"]["kind"]]
    other["model"] = {"kind": kind, "widths": [2]}
    tables["configuration"].append(other)
    with pytest.raises(SparsidError, match="must simulate the same channels"):
        parse_study(tables, "here")


def test_recurrent_networks_of_recorded_data_need_outputs():
    data = {"files": ["a.csv"], "states": ["y"]}
    with pytest.raises(SparsidError, match="'second order' simulates outputs; name them"):
        parsed(RECURRENT, data=data)


def test_one_step_phases_are_not_for_recurrent_networks():
    model, phases = {"kind": "narx"}, [{"epochs": 1}]
    with pytest.raises(SparsidError, match="which NARX does not offer"):
        parsed(RECURRENT, configuration=[{"name": "a", "model": model, "phases": phases}])


def test_renamed_keys_are_read_by_both_names_and_hashed_alike():
    tables = tomllib.loads(STATES)
    configuration = tables["configuration"][0]
    keys = []
    for factor, perturbation in (("guard", "shaken"), ("validation_factor", "perturbation")):
        changed = {
            "prune": configuration["prune"] | {factor: 1.2},
            "train": [{"iterations": 5, "length": 50, "stride": 25, perturbation: 0.5}],
        }
        study = parse_study(tables | {"configuration": [configuration | changed]}, "here")
        assert study.configuration[0].prune.build().validation_factor == 1.2
        assert study.configuration[0].train[0].build().criterion.perturbation == 0.5
        (cell,) = path_cells(study)
        assert cell.specification["prune"]["guard"] == 1.2
        assert cell.specification["train"][0]["shaken"] == 0.5
        keys.append(cell.key)
    assert keys[0] == keys[1]
