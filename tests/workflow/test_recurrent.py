"""Inputs and outputs alone, end to end: fitted, pruned, run, studied, and what is refused."""

import json
import os
import signal
import tomllib

import jax
import numpy as np
import pytest
import xarray as xr
from tests.command_line import refused, run

from sparsid import fit
from sparsid._errors import SparsidError
from sparsid.data import Dataset
from sparsid.evaluation import forecast
from sparsid.models import NARX, DerivativeMLP, graph_of, load
from sparsid.processes import named, simulate
from sparsid.results import Row
from sparsid.study.path_spec import DescentSpec, PathConfigurationSpec, PruneSpec, RetrainSpec
from sparsid.study.paths import path_cells, run_paths
from sparsid.study.pruned import prune_ensemble
from sparsid.study.reading import parse_study, read_study
from sparsid.training import Descent, Pruning, Simulation
from sparsid.training.pruning import RETRAIN


def rows(samples=400, seed=0):
    """(u, y) of y(k) = 0.7 y(k-1) + 0.5 tanh(u(k-2)): one output, a delay of two samples."""
    rng = np.random.default_rng(seed)
    u, y = np.repeat(rng.uniform(-2, 2, samples // 5 + 1), 5)[:samples], np.zeros(samples)
    for k in range(2, samples):
        y[k] = 0.7 * y[k - 1] + 0.5 * np.tanh(u[k - 2])
    return np.column_stack([u, 20 + 3 * y])


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    home = tmp_path_factory.mktemp("reactor")
    for seed, name in enumerate(("plant", "other")):
        text = {"delimiter": ",", "header": "flow,level", "comments": "", "fmt": "%.10g"}
        np.savetxt(home / f"{name}.csv", rows(seed=seed), **text)
    fitted = ("fit", home / "plant.csv", "--outputs", "level", "--inputs", "flow", "--dt", "1")
    run(*fitted, "--members", "2", "--effort", "0.2", "--out", home / "plant.sparsid")
    pruned = ("prune", home / "plant.sparsid", home / "plant.csv", "--iterations", "5")
    run(*pruned, "--out", home / "small.sparsid", "--paths", home / "paths.json")
    return home


def test_fit_takes_the_recurrent_model_for_outputs_alone(folder, capsys):
    ensemble = load(folder / "plant.sparsid")
    assert isinstance(ensemble.card.architecture, NARX)
    assert ensemble.card.states.names == ("level",)
    run("score", folder / "plant.sparsid", folder / "other.csv", "--json")
    said = json.loads(capsys.readouterr().out)
    assert said["horizons"]["400"]["rfmse_mean"] < 0.05


def test_a_saved_run_is_that_of_a_plain_loop(folder):
    """The file's own arrays and scales, marched sample by sample in NumPy."""
    ensemble = load(folder / "small.sparsid")
    table = rows(seed=1)
    data = Dataset.from_arrays(x=[table[:, 1:]], u=[table[:, :1]], dt=1.0)
    runs = forecast(ensemble, data)
    for member, got in zip(ensemble, runs[:, 0], strict=True):
        s = member.scaling
        y, u = (table[:, 1:] - s.offset) / s.scale, (table[:, :1] - s.input_offset) / s.input_scale
        first, last = member.model.network.layers
        plain = y.copy()
        for k in range(2, len(y)):
            z = np.concatenate([u[k - 1], u[k - 2], plain[k - 1], plain[k - 2]])
            plain[k] = last.weight.raw @ np.tanh(first.weight.raw @ z + first.bias) + last.bias
        np.testing.assert_allclose(got, s.offset + s.scale * plain, rtol=1e-9)


def test_the_graph_names_its_regressors(folder):
    graph = graph_of(load(folder / "small.sparsid"), 0)
    assert graph.input_names == ("flow(k-1)", "flow(k-2)", "level(k-1)", "level(k-2)")
    assert graph.output_names == ("level",)


def test_pruning_leaves_fewer_weights_and_tells_its_path(folder):
    full, small = (load(folder / f"{name}.sparsid") for name in ("plant", "small"))
    paths = json.loads((folder / "paths.json").read_text())
    assert paths["format"] == "sparsid-pruning-paths"
    assert len(paths["members"]) == len(full) == len(small) == 2
    for at, member in enumerate(paths["members"]):
        steps = member["steps"]
        left = [step["left"] for step in steps]
        assert left == sorted(left, reverse=True)
        assert steps[0]["left"] == paths["numbers"] == 121
        assert sum(len(step["removed"]) for step in steps) == left[0] - left[-1]
        chosen = steps[member["chosen"]]
        assert chosen["validation"] == min(step["validation"] for step in steps)
        count = sum(np.count_nonzero(w[at]) for _, w in small.weights())
        assert count <= chosen["left"] < 121
        assert member["control"]["test"] is not None


def test_predict_starts_from_the_record(folder, capsys):
    target = folder / "run.csv"
    assert run("predict", folder / "small.sparsid", folder / "other.csv", "--out", target) == 0
    given, got = rows(seed=1), np.genfromtxt(target, delimiter=",", skip_header=1)
    np.testing.assert_allclose(got[:2, 2], given[:2, 1], rtol=1e-9)
    assert len(got) == len(given)
    capsys.readouterr()


def test_python_fits_outputs_too():
    table = rows()
    data = Dataset.from_arrays(y=[table[:, 1:]], u=[table[:, :1]], dt=1.0)
    result = fit(data, members=1, effort=0.1, model=NARX(widths=(3,), delay=2))
    assert result.ensemble.card.architecture.delay == 2
    assert {c.name for c in result.linear} == {"linear, ARX", "linear, OE"}
    assert result.chosen.validation < min(c.validation for c in result.linear)


STUDY = """
task = "prune"
name = "tiny"
published = "chaber2018"
data = { process = "neutralisation", samples = 120, noise = 0.01 }
training = { seeds = 2 }

[[configuration]]
name = "ours"
published = "N20"
pair = "the same"
model = { kind = "narx", widths = [3] }
restarts = 2
train = [{ iterations = 5 }]
refine = [{ iterations = 15, early = true }]
prune = { least = 8, retrain = { iterations = 3 } }

[[configuration]]
name = "the same"
model = { kind = "narx", widths = [3] }
restarts = 2
train = [{ iterations = 5 }]
refine = [{ iterations = 15, early = true }]
prune = { ranking = "obd", least = 14, retrain = { iterations = 3 } }

[[configuration]]
name = "published"
model = { kind = "narx", widths = [3] }
start = "uniform"
train = [{ method = "bfgs", iterations = 5 }]
prune = { ranking = "obd", robust = false, least = 14, retrain = { method = "bfgs" } }
"""


def test_a_study_of_paths_runs_resumes_and_shows(tmp_path, capsys):
    (tmp_path / "tiny.toml").write_text(STUDY)
    asked = ("study", "run", tmp_path / "tiny.toml", "--out", tmp_path / "tiny")
    assert run(*asked, "--only", "ours") == 0
    first = {p.name: p.read_bytes() for p in (tmp_path / "tiny" / "rows").iterdir()}
    assert len(first) == 2
    assert run(*asked) == 0
    later = {p.name: p.read_bytes() for p in (tmp_path / "tiny" / "rows").iterdir()}
    assert len(later) == 6
    assert all(later[name] == content for name, content in first.items())
    capsys.readouterr()
    assert run("study", "show", tmp_path / "tiny", "--markdown", tmp_path / "tiny.md") == 0
    assert "Full networks" in capsys.readouterr().out
    text = (tmp_path / "tiny.md").read_text()
    for title in ("What pruning gains", "The same networks, pruned in two ways", "N20_1"):
        assert title in text
    assert (tmp_path / "tiny" / "index.html").is_file()
    row = json.loads(next(iter(later.values())))
    assert row["specification"]["task"] == "prune"
    assert row["numbers"]["full_left"] == 19


def stopped_in_its_second_round(study, folder):
    def interrupt(stage):
        if stage.doing.startswith("round 2"):
            os.kill(os.getpid(), signal.SIGINT)

    return run_paths(study, folder, only="ours", watch=interrupt)


def test_a_stopped_study_takes_up_its_paths(tmp_path):
    """Ctrl-C between two rounds: the next run begins there, and ends where one run would."""
    study = load_paths_spec(tmp_path)
    whole = run_paths(study, tmp_path / "whole", only="ours")
    assert whole.stored == 2
    said = []
    stopped = stopped_in_its_second_round(study, tmp_path / "twice")
    assert stopped.interrupted
    assert stopped.stored == 0
    assert len(list((tmp_path / "twice" / "unfinished").iterdir())) == 1
    run_paths(study, tmp_path / "twice", only="ours", watch=lambda s: said.append(s.doing))
    assert not any("training, phase" in doing for doing in said)
    assert not list((tmp_path / "twice" / "unfinished").iterdir())
    for path in (tmp_path / "whole" / "rows").iterdir():
        first, second = (
            Row.from_json((tmp_path / name / "rows" / path.name).read_text())
            for name in ("whole", "twice")
        )
        assert first.numbers == second.numbers
        np.testing.assert_array_equal(first.series["theta"], second.series["theta"])


@pytest.mark.parametrize(
    "change",
    [
        {"model": NARX(widths=(4,))},
        {"start": "uniform"},
        {"restarts": 3},
        {"train": (DescentSpec(iterations=6),)},
        {"refine": ()},
        {"prune": PruneSpec(least=9)},
    ],
    ids=lambda change: next(iter(change)),
)
def test_a_cell_is_named_by_all_that_its_result_depends_on(tmp_path, change):
    study = load_paths_spec(tmp_path)
    assert set(PathConfigurationSpec.model_fields) == {
        *("name", "published", "pair"),
        *("model", "start", "restarts", "train", "refine", "prune"),
    }
    other = study.model_copy(
        update={"configuration": (study.configuration[0].model_copy(update=change),)}
    )
    assert path_cells(other)[0].key != path_cells(study)[0].key


def test_a_pair_is_the_same_networks():
    text = STUDY.replace("restarts = 2", "restarts = 3", 1)
    with pytest.raises(SparsidError, match="differ in restarts"):
        parse_study(tomllib.loads(text), "here")


def test_what_a_retrain_table_leaves_out_keeps_its_default():
    said = RetrainSpec(search="armijo")
    assert said.build() == RETRAIN


def test_paths_put_aside_by_another_version_are_begun_anew(tmp_path):
    study = load_paths_spec(tmp_path)
    assert stopped_in_its_second_round(study, tmp_path / "twice").interrupted
    (aside,) = (tmp_path / "twice" / "unfinished").iterdir()
    with xr.open_dataset(aside) as held:
        other = held.load()
    other.drop_vars(["version", "seconds"]).to_netcdf(aside, engine="h5netcdf")
    said = []
    again = run_paths(study, tmp_path / "twice", only="ours", watch=lambda s: said.append(s.doing))
    assert again.stored == 2
    assert any("training, phase" in doing for doing in said)


def load_paths_spec(folder):
    (folder / "tiny.toml").write_text(STUDY)
    return read_study(str(folder / "tiny.toml"))


def test_a_network_of_measured_states_is_pruned_too():
    """Weights go from a derivative network, which free runs of 400 samples then bear out."""
    data = simulate(named("duffing"), trajectories=6, samples=400, key=jax.random.key(0))
    model = DerivativeMLP(widths=(8,), activation="tanh")
    found = fit(data, members=1, effort=0.1, recipe="free-run", model=model)
    pruning = Pruning(retrain=Descent(criterion=Simulation(50, 100), iterations=5), least=30)
    (member,) = prune_ensemble(found.ensemble, found.parts, pruning=pruning).members
    assert min(step.left for step in member.path.steps) < 0.8 * member.path.steps[0].left
    assert member.pruned.validation <= member.full.validation
    assert member.pruned.test < 1.5 * member.full.test


REFUSED = [
    (("--states", "level"), "not both"),
    (("--lags", "0"), "lags"),
    (("--lags", "2", "--delay", "3"), "delay"),
    (("--lags", "300"), "at least 301 samples"),
]


@pytest.mark.parametrize(("extra", "word"), REFUSED)
def test_odd_requests_are_refused_in_a_sentence(folder, tmp_path, extra, word, capsys):
    asked = ("fit", folder / "plant.csv", "--outputs", "level", "--inputs", "flow", "--dt", "1")
    said = refused(capsys, *asked, *extra, "--out", tmp_path / "x.sparsid")
    assert word in said


BAD_RECORDS = {
    "nan": ("0.1,nan", "level"),
    "still": (None, "never changes"),
    "short": ("0.1,20.0", "samples"),
}


@pytest.mark.parametrize("kind", BAD_RECORDS)
def test_bad_records_are_refused_in_a_sentence(tmp_path, kind, capsys):
    line, word = BAD_RECORDS[kind]
    body = [f"{u:.4f},{y:.4f}" for u, y in rows(samples=60)]
    if kind == "nan":
        body[7] = line
    elif kind == "still":
        body = ["0.5,20.0"] * 60
    else:
        body = [line, "0.2,20.1", "0.3,20.3"]
    path = tmp_path / "bad.csv"
    path.write_text("\n".join(["flow,level", *body]))
    asked = ("fit", path, "--outputs", "level", "--inputs", "flow", "--dt", "1")
    assert word in refused(capsys, *asked, "--out", tmp_path / "x.sparsid")
