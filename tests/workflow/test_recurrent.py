"""Inputs and outputs alone, end to end: fitted, pruned, run, studied, and what is refused."""

import json
import os
import signal
import tomllib
from dataclasses import replace

import equinox as eqx
import jax
import numpy as np
import pytest
import xarray as xr
from tests.command_line import refused, run

from sparsid import fit
from sparsid._errors import SparsidError
from sparsid.data import Dataset, Normaliser, read
from sparsid.evaluation import forecast
from sparsid.identify.parts import split
from sparsid.identify.prune import criterion_for, prune_ensemble, trained_on
from sparsid.identify.recipes import recurrent as recurrent_module
from sparsid.identify.recipes.recurrent import recurrent
from sparsid.identify.second_order_spec import RetrainSpec, SecondOrderSpec
from sparsid.models import NARX, DerivativeMLP, graph_of, load
from sparsid.processes import named, simulate
from sparsid.results import Row
from sparsid.study.reading import parse_study, read_study
from sparsid.study.running import run_study
from sparsid.study.tasks.prune.cells import cells as path_cells
from sparsid.study.tasks.prune.datasets import prepare as prepare_paths
from sparsid.study.tasks.prune.spec import PathConfigurationSpec, PruneSpec
from sparsid.training import Pruning, SecondOrderPhase, Simulation, fit_ensemble
from sparsid.training import second_order as second_order_module
from sparsid.training.progress import Stop
from sparsid.training.pruning import RETRAIN
from sparsid.training.pruning_path import PruningPath, Step
from sparsid.training.second_order import run_second_order
from sparsid.training.starts import points_of
from sparsid.training.windows import windows


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
    pruned += ("--least", "85")
    run(*pruned, "--out", home / "small.sparsid", "--paths", home / "paths.json")
    return home


def test_fit_takes_the_recurrent_model_for_outputs_alone(folder, capsys):
    ensemble = load(folder / "plant.sparsid")
    assert isinstance(ensemble.card.architecture, NARX)
    assert ensemble.card.states.names == ("level",)
    run("score", folder / "plant.sparsid", folder / "other.csv", "--json")
    details = json.loads(capsys.readouterr().out)
    assert details["horizons"]["400"]["rfmse_mean"] < 0.05


def test_a_saved_run_is_that_of_a_plain_loop(folder):
    """The file's own arrays and scales, marched sample by sample in NumPy."""
    ensemble = load(folder / "small.sparsid")
    table = rows(seed=1)
    data = Dataset.from_arrays(
        y=[table[:, 1:]], u=[table[:, :1]], dt=1.0, output_names=["level"], input_names=["flow"]
    )
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
    for title in ("Pruned networks compared with", "Same networks, two pruning", "N20_1"):
        assert title in text
    assert (tmp_path / "tiny" / "index.html").is_file()
    row = json.loads(next(iter(later.values())))
    assert row["specification"]["task"] == "prune"
    assert row["numbers"]["full_left"] == 19


def stopped_in_its_second_round(study, folder):
    def interrupt(stage):
        if "round 2" in stage.doing:
            os.kill(os.getpid(), signal.SIGINT)

    return run_study(study, folder, only="ours", callback=interrupt)


def test_a_stopped_study_takes_up_its_paths(tmp_path):
    """Ctrl-C between two rounds: the next run begins there, and ends where one run would."""
    study = load_paths_spec(tmp_path)
    whole = run_study(study, tmp_path / "whole", only="ours")
    assert whole.stored == 2
    details = []
    stopped = stopped_in_its_second_round(study, tmp_path / "twice")
    assert stopped.interrupted
    assert stopped.stored == 0
    assert len(list((tmp_path / "twice" / "unfinished").iterdir())) == 1
    run_study(study, tmp_path / "twice", only="ours", callback=lambda s: details.append(s.doing))
    assert not any("training, phase" in doing for doing in details)
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
        {"train": (SecondOrderSpec(iterations=6),)},
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
    details = RetrainSpec(search="armijo")
    assert details.build() == RETRAIN


def test_paths_put_aside_by_another_version_are_begun_anew(tmp_path):
    study = load_paths_spec(tmp_path)
    assert stopped_in_its_second_round(study, tmp_path / "twice").interrupted
    (aside,) = (tmp_path / "twice" / "unfinished").iterdir()
    with xr.open_dataset(aside) as held:
        other = held.load()
    other.drop_vars(["version", "seconds"]).to_netcdf(aside, engine="h5netcdf")
    details = []
    again = run_study(
        study, tmp_path / "twice", only="ours", callback=lambda s: details.append(s.doing)
    )
    assert again.stored == 2
    assert any("training, phase" in doing for doing in details)


def test_noise_is_on_what_trains_and_chooses_alone():
    text = tomllib.loads(STUDY)
    noisy = prepare_paths(parse_study(text, "here"))
    clean = prepare_paths(parse_study(text | {"data": text["data"] | {"noise": 0.0}}, "here"))
    scale = clean.train.normaliser.states.scale
    for part in ("train", "validation", "test"):
        a, b = (getattr(data, part).physical[0] for data in (noisy, clean))
        np.testing.assert_array_equal(a.u, b.u)
        spread = np.std((a.x - b.x) / scale)
        assert (spread == 0) if part == "test" else (0.007 < spread < 0.013)


def test_the_control_is_the_full_network_descended_as_long(tmp_path):
    """By hand: so many iterations of plain Levenberg-Marquardt from the full networks."""
    data = prepare_paths(load_paths_spec(tmp_path))
    layout, points = points_of(
        jax.vmap(lambda key: NARX(widths=(3,)).build(data.train, key=key))(
            jax.random.split(jax.random.key(0), 2)
        )
    )
    train, validation, _ = data.windows(NARX(widths=(3,)))
    pruning = Pruning(retrain=SecondOrderPhase(iterations=3))
    steps = [Step(points.theta[0], points.keep[0], 1.0, 1.0, at) for at in (0, 4, 7)]
    paths = [PruningPath(tuple(steps[:2])), PruningPath(tuple(steps))]
    control = trained_on(layout, points, train, validation, pruning, paths, Stop())
    by_hand = run_second_order(layout, points, train, SecondOrderPhase(iterations=7)).points
    np.testing.assert_array_equal(control.theta, by_hand.theta)
    none = trained_on(
        layout, points, train, validation, pruning, [PruningPath(tuple(steps[:1]))], Stop()
    )
    np.testing.assert_array_equal(none.theta, points.theta)


def test_an_interrupted_prune_keeps_what_it_has_and_shows_no_control(folder, tmp_path, capsys):
    def interrupt(report):
        os.kill(os.getpid(), signal.SIGINT)

    ensemble = load(folder / "plant.sparsid")
    data = read(folder / "plant.csv", outputs=("level",), inputs=("flow",), dt=1.0)
    parts = split(data.outputs_as_states(), validation=0.2, test=0.2)
    retrain = SecondOrderPhase(iterations=2)
    pruned = prune_ensemble(ensemble, parts, pruning=Pruning(retrain=retrain), callback=interrupt)
    assert pruned.interrupted
    assert len(pruned.ensemble) == len(ensemble)
    assert all(np.isnan(member.control.test) for member in pruned.members)
    assert all(np.isfinite(member.pruned.test) for member in pruned.members)
    pruned.save_paths(tmp_path / "paths.json")
    details = json.loads((tmp_path / "paths.json").read_text())
    assert details["members"][0]["control"]["test"] is None


PHASES = """
out = "plant.sparsid"
data = {{ files = ["{file}"], outputs = ["level"], inputs = ["flow"], dt = 1 }}
model = {{ kind = "narx", widths = [3] }}
training = {{ members = 2 }}

[[phase]]
epochs = 2
rate = {{ rate = 1e-3 }}
loss = "free-run"
window = 20

[[phase]]
method = "lm"
iterations = 20
length = 50
stride = 25
estimated = {estimated}

[[phase]]
iterations = 30
early = true
"""


def test_a_file_may_ask_for_second_order_phases(folder, tmp_path):
    text = PHASES.format(file=folder / "plant.csv", estimated="true")
    (tmp_path / "fit.toml").write_text(text)
    assert run("fit", tmp_path / "fit.toml") == 0
    ensemble = load(tmp_path / "plant.sparsid")
    phases = ensemble.card.training["phases"]
    assert [phase.get("iterations") for phase in phases] == [None, 20, 30]
    truth = rows(seed=1)
    data = Dataset.from_arrays(
        y=[truth[:, 1:]], u=[truth[:, :1]], dt=1.0, output_names=["level"], input_names=["flow"]
    )
    errors = forecast(ensemble, data)[:, 0, :, 0] - truth[:, 1]
    assert np.sqrt(np.mean(errors**2)) < 0.1 * truth[:, 1].std()


def test_what_is_wrong_in_a_phase_is_said_of_that_kind_of_phase(folder, tmp_path, capsys):
    for before, after, word in (
        ("iterations = 20", "iterations = 20\nbatch = 3", "perturbation"),  # among what it may hold
        ("epochs = 2", "epochs = 2\nridge = 0.1", "momentum"),
        ("estimated = true", "estimated = true\nshaken = 1.0", "choose one"),
        ('method = "lm"', 'method = "bfgs"', "Levenberg-Marquardt"),
    ):
        text = PHASES.format(file=folder / "plant.csv", estimated="true").replace(before, after)
        (tmp_path / "fit.toml").write_text(text)
        details = refused(capsys, "fit", tmp_path / "fit.toml")
        assert word in details
        for wrong in ("batch", "ridge"):
            assert details.count(wrong) <= 1, details  # it is not offered instead of itself


def test_the_user_is_told_when_adam_takes_over():
    table = rows(samples=120)
    data = Dataset.from_arrays(y=[table[:, 1:]], u=[table[:, :1]], dt=1.0)
    result = fit(data, members=1, effort=0.001, model=NARX(widths=(50, 60)))
    numbers = 5 * 50 + 51 * 60 + 61
    words = f"{numbers} trainable parameters"
    assert any(words in note and "Adam" in note for note in result.notes)
    with pytest.raises(SparsidError, match="leave `recipe` out"):
        fit(data, recipe="dense", model=NARX())


def test_a_phase_that_runs_out_of_time_is_told():
    table = rows(samples=200)
    data = Dataset.from_arrays(x=[table[:, 1:]], u=[table[:, :1]], dt=1.0)
    scaled = Normaliser.fit(data).apply(data)
    phases = [SecondOrderPhase(iterations=10), SecondOrderPhase(iterations=1000, seconds=1e-6)]
    fitted = fit_ensemble(NARX(widths=(3,)), scaled, phases, size=1, key=jax.random.key(0))
    assert len(fitted.history.epochs) == 2
    assert fitted.history.sentences()[0].startswith("Phase 2 reached its time limit")


def test_networks_too_large_for_their_squares_are_refused():
    table = rows(samples=50)
    data = Dataset.from_arrays(x=[table[:, 1:]], u=[table[:, :1]], dt=1.0)
    scaled = Normaliser.fit(data).apply(data)
    with pytest.raises(SparsidError, match="3371"):
        fit_ensemble(
            NARX(widths=(50, 60)), scaled, [SecondOrderPhase()], size=1, key=jax.random.key(0)
        )


def load_paths_spec(folder):
    (folder / "tiny.toml").write_text(STUDY)
    return read_study(str(folder / "tiny.toml"))


def test_a_network_of_measured_states_is_pruned_too():
    """Weights go from a derivative network, which free runs of 400 samples then bear out."""
    data = simulate(named("duffing"), trajectories=6, samples=400, key=jax.random.key(0))
    model = DerivativeMLP(widths=(8,), activation="tanh")
    found = fit(data, members=1, effort=0.1, recipe="free-run", model=model)
    pruning = Pruning(
        retrain=SecondOrderPhase(criterion=Simulation(50, 100), iterations=5), least=35
    )
    (member,) = prune_ensemble(found.ensemble, found.parts, pruning=pruning).members
    assert min(step.left for step in member.path.steps) < 0.8 * member.path.steps[0].left
    assert member.pruned.validation <= member.full.validation
    assert member.pruned.test < 1.5 * member.full.test


def test_prune_takes_a_model_of_states_and_refuses_what_does_not_fit(folder, tmp_path, capsys):
    rng = np.random.default_rng(0)
    u, x = rng.uniform(-1, 1, 300), np.zeros(300)
    for k in range(1, 300):
        x[k] = x[k - 1] + 0.1 * (u[k - 1] - x[k - 1] ** 3)
    table = np.column_stack([u, x])
    np.savetxt(tmp_path / "tank.csv", table, delimiter=",", header="u,x", comments="")
    (tmp_path / "fit.toml").write_text(
        'data = { files = ["tank.csv"], states = ["x"], inputs = ["u"], dt = 0.1 }\n'
        'out = "tank.sparsid"\n'
        'model = { widths = [4], activation = "tanh" }\n'
        "training = { members = 1 }\n"
        "phase = [{ iterations = 30, length = 20, stride = 10 }]\n"
    )
    assert run("fit", tmp_path / "fit.toml") == 0
    model, small = tmp_path / "tank.sparsid", tmp_path / "small.sparsid"
    assert run("prune", model, tmp_path / "tank.csv", "--iterations", "3", "--out", small) == 0
    counts = [sum(np.count_nonzero(w) for _, w in load(m).weights()) for m in (model, small)]
    assert counts[1] < counts[0]
    (tmp_path / "short.csv").write_text("u,x\n0.1,0.2\n")
    details = refused(capsys, "prune", model, folder / "plant.csv", "--out", small)
    assert "flow" in details
    assert "level" in details
    details = refused(capsys, "prune", model, tmp_path / "short.csv", "--out", small)
    assert "at least" in details
    assert "above 1" in refused(
        capsys, "prune", model, tmp_path / "tank.csv", "--out", small, "--factor", "0.5"
    )
    table[:, 0] = 0.5
    np.savetxt(tmp_path / "still.csv", table, delimiter=",", header="u,x", comments="")
    still = refused(capsys, "prune", model, tmp_path / "still.csv", "--out", small)
    assert "The input u is constant" in still


def test_prune_refuses_a_model_that_does_not_simulate_the_data(folder, tmp_path, capsys):
    ensemble = load(folder / "plant.sparsid")
    wild = jax.tree.map(
        lambda leaf: 1e200 * leaf if leaf.ndim > 1 else leaf, ensemble.stacked.model.network
    )
    model = eqx.tree_at(lambda s: s.model.network, ensemble.stacked, wild)
    replace(ensemble, stacked=model).save(tmp_path / "wild.sparsid")
    asked = ("prune", tmp_path / "wild.sparsid", folder / "plant.csv", "--out", tmp_path / "x")
    assert "cannot simulate these data" in refused(capsys, *asked)


def test_one_short_record_does_not_shorten_the_runs_of_all():
    data = simulate(named("duffing"), trajectories=6, samples=200, key=jax.random.key(0))
    model = DerivativeMLP(widths=(2,))
    short = data[:1].split_at(0.02)[0]
    for validation in (data[3:], short):
        length = min(100, max(validation.lengths))
        assert criterion_for(model, data[:3], validation).length == length
    mixed = Dataset(
        (*data[:3].trajectories, *short.trajectories),
        data.dt,
        data.states,
        data.outputs,
        data.inputs,
    )
    assert criterion_for(model, mixed, data[3:]).length == 100


@pytest.mark.parametrize("lag", [1, 2, 45, 60, 120])
def test_windows_of_a_fit_leave_room_for_any_lag(lag):
    table = rows(samples=2000)
    data = Dataset.from_arrays(x=[table[:, 1:]], u=[table[:, :1]], dt=1.0)
    model = NARX(widths=(3,), output_lags=2, input_lags=max(lag, 1), delay=lag)
    scaled = Normaliser.fit(data).apply(data)
    for phase in recurrent(data, data, model).phases:
        cut = windows(scaled, phase.criterion, lag=max(2, lag))
        counted = cut.counts.sum(axis=1)
        assert counted.min() >= max(20, lag)


def test_a_fit_too_large_for_squares_goes_without_an_output_error_model(monkeypatch):
    """Adam trains, the ARX has a closed form, and a note says why there is no OE."""
    monkeypatch.setattr(second_order_module, "LARGEST", 3)
    monkeypatch.setattr(recurrent_module, "LARGEST", 3)
    table = rows(samples=120)
    data = Dataset.from_arrays(y=[table[:, 1:]], u=[table[:, :1]], dt=1.0)
    result = fit(data, members=1, effort=0.001, model=NARX(widths=(2,)))
    assert [candidate.name for candidate in result.linear] == ["linear, ARX"]
    assert any("'linear, OE' was not fitted. Second-order" in note for note in result.notes)
    assert result.chosen.name == "recurrent, Adam"


REFUSED = [
    (("--recipe", "dense"), "leave `recipe` out"),
    (("--states", "level"), "got both"),
    (("--lags", "0"), "lags"),
    (("--lags", "2", "--delay", "3"), "delay"),
    (("--lags", "300"), "at least 301 samples"),
]


@pytest.mark.parametrize(("extra", "word"), REFUSED)
def test_odd_requests_are_refused_in_a_sentence(folder, tmp_path, extra, word, capsys):
    asked = ("fit", folder / "plant.csv", "--outputs", "level", "--inputs", "flow", "--dt", "1")
    details = refused(capsys, *asked, *extra, "--out", tmp_path / "x.sparsid")
    assert word in details


BAD_RECORDS = {
    "nan": ("0.1,nan", "level"),
    "still": (None, "needs an input that changes"),
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
