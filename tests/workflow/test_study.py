"""A tiny study end to end: executors agree, prefixes train once, killed runs resume, refusals."""

import json
import os
import random
import shutil
import signal
import subprocess
import sys
import time
import tomllib
from pathlib import Path

import jax
import numpy as np
import pytest
from tests import command_line
from tests.command_line import run

from sparsid import models
from sparsid.data import Dataset, Normaliser
from sparsid.evaluation import rate_interval
from sparsid.papers import FreeRuns
from sparsid.processes import named, simulate
from sparsid.study.reading import parse_study, read_study
from sparsid.study.results import load_results
from sparsid.study.running import run_study
from sparsid.study.tasks.simulate.datasets import prepare
from sparsid.study.tasks.simulate.judging import Judge
from sparsid.study.tasks.simulate.results import configuration
from sparsid.study.tasks.simulate.spec import StudySpec
from sparsid.study.tasks.simulate.verdicts import agreements, compare, diverged_share, verdicts
from sparsid.training import Phase, Training

SPEC = """
name = "tiny"
title = "A tiny study"
[data]
process = "duffing"
train = 4
validation = 4
test = 4
samples = 40
[evaluate]
horizons = [10, 40]
long_samples = 60
long_trajectories = 4
shown = 2
[training]
seeds = 2
[[phases.start]]
epochs = 2
rate = {rate = 2e-3}
batch = 32
[[configuration]]
name = "Dense"
departure = "it is tiny"
model = {widths = [3]}
phases = ["start", {epochs = 3, batch = 32}]
[[configuration]]
name = "Dense + SWA"
pair = "Dense"
model = {widths = [3]}
phases = ["start", {epochs = 3, batch = 32, average = true}]
[[configuration]]
name = "L1"
model = {widths = [3]}
phases = [{epochs = 2, batch = 32, l1 = {weight = 1e-3}}]
[[configuration]]
name = "L1, strong"
model = {widths = [3]}
phases = [{epochs = 2, batch = 32, l1 = {weight = 1.0}}]
[[claim]]
text = "Strong L1 is worse"
better = "L1, strong"
than = "L1"
measure = "rfmse"
horizon = 40
expected = "greater"
"""

START, END, L1 = 2 * 2, 2 * 3, 4 * 2  # member-epochs: 2 seeds, or 2 seeds of 2 strengths


def study(*, only=None, seeds=None, **tables):
    """The tiny study, or its configurations `only`, of the given seeds."""
    content = tomllib.loads(SPEC) | tables
    if only is not None:
        content["configuration"] = [c for c in content["configuration"] if c["name"] == only]
        content["configuration"][0].pop("pair", None)
        content.pop("claim")
        used = content["configuration"][0]["phases"]
        content["phases"] = {name: p for name, p in content["phases"].items() if name in used}
    if seeds is not None:
        content["training"] = {"seeds": seeds}
    return parsed(content, "tiny")


def parsed(tables, source) -> StudySpec:
    study = parse_study(tables, source)
    assert isinstance(study, StudySpec)
    return study


def rows_of(folder) -> dict[str, dict]:
    """Every row's JSON, timings aside, by key."""
    found = {}
    for path in (Path(folder) / "rows").glob("*.json"):
        found[path.stem] = json.loads(path.read_text())
        del found[path.stem]["timings"]
    return found


def by_name(folder) -> dict[tuple[str, int], dict]:
    return {(r["name"], r["specification"]["seed"]): r for r in rows_of(folder).values()}


@pytest.fixture(scope="module")
def spec(tmp_path_factory):
    path = tmp_path_factory.mktemp("spec") / "tiny.toml"
    path.write_text(SPEC)
    return path


@pytest.fixture(scope="module")
def whole(spec, tmp_path_factory):
    """The study run by the command line, undisturbed."""
    folder = tmp_path_factory.mktemp("whole") / "tiny"
    assert run("study", "run", spec, "--out", folder) == 0
    return folder


@pytest.fixture
def copied(whole, tmp_path):
    return Path(shutil.copytree(whole, tmp_path / "copied"))


@pytest.fixture
def epochs(monkeypatch):
    """Member-epochs trained, phase by phase."""
    counted = []
    usual = Training.run

    def counting(self, members, phases):
        counted.append(members.size * phases[0].epochs)
        return usual(self, members, phases)

    monkeypatch.setattr(Training, "run", counting)
    return counted


def refused(capsys, *arguments) -> str:
    return command_line.refused(capsys, "study", *arguments)


def test_a_row_holds_what_a_network_trained_and_judged_by_hand_gives(whole):
    """The witness: one network through its phases alone, scores written out in plain NumPy."""
    keys = jax.random.split(jax.random.key(0), 4)
    train, test = (
        simulate(named("duffing"), trajectories=n, samples=40, key=keys[i])
        for n, i in ((4, 0), (4, 2))
    )
    scaled = Normaliser.fit(train).apply(train)
    training = Training(models.DerivativeMLP(widths=(3,)), scaled)
    members = training.begin(jax.random.fold_in(jax.random.key(0), 1)[None])
    rates = study().named("Dense").phases
    for phase in (Phase(2, rates[0].rate.build(), batch=32), Phase(3, batch=32)):
        members = training.run(members, phase)
    (alone,) = training.fitted(members).ensemble
    row = by_name(whole)["Dense", 1]
    scale = np.concatenate([t.x for t in train]).std(axis=0)
    runs = np.stack([alone.rollout(t.x[0], t.u) for t in test])
    for horizon in (10, 40):
        errors = np.stack(
            [
                np.abs(r[:horizon] - t.x[:horizon]).mean(axis=0) / scale
                for r, t in zip(runs, test, strict=True)
            ]
        )
        lost = errors.max(axis=1) > 3
        assert row["series"][f"rfmse_{horizon}"]["values"] == pytest.approx(errors.mean(axis=1))
        assert row["numbers"][f"diverged_{horizon}"] == lost.sum()
        assert row["numbers"][f"runs_{horizon}"] == 4
        if not lost.all():
            mean = errors.mean(axis=1)[~lost].mean()
            assert row["numbers"][f"rfmse_mean_{horizon}"] == pytest.approx(mean)
    shown = np.reshape(row["series"]["shown_runs"]["values"], (2, 40, 2))
    np.testing.assert_allclose(shown, runs[:2])
    loss = row["series"]["train_loss"]["values"]
    content = [report.train[0] for report in training.fitted(members).history.epochs]
    assert loss == pytest.approx(content)
    assert row["numbers"]["weights"] == 3 * 3 + 3 * 2
    truth = Dataset.from_netcdf(whole / "truth.nc")
    assert np.array_equal(truth[1].x, test[1].x)


def test_models_are_those_of_the_rows(whole):
    for key, row in rows_of(whole).items():
        ensemble = models.load(whole / "models" / f"{key}.sparsid")
        assert len(ensemble) == 1
        assert ensemble.card.training["specification"] == row["specification"]


@pytest.mark.parametrize(("name", "seed"), [("Dense", 0), ("Dense + SWA", 1), ("L1, strong", 0)])
def test_a_cell_alone_gives_the_row_it_gives_in_company(whole, tmp_path, name, seed):
    run_study(study(only=name, seeds=[seed]), tmp_path)
    ((key, row),) = rows_of(tmp_path).items()
    assert row == rows_of(whole)[key]


def test_processes_give_the_rows_of_serial(whole, tmp_path):
    outcome = run_study(study(), tmp_path, executor="processes", workers=2)
    assert (outcome.asked, outcome.stored) == (8, 8)
    assert rows_of(tmp_path) == rows_of(whole)
    for path in (whole / "models").iterdir():
        assert (tmp_path / "models" / path.name).read_bytes() == path.read_bytes()


def test_prefixes_train_once_and_numbers_train_together(tmp_path, epochs):
    seen = []

    def callback(state):
        seen.append((state.work_done / state.work, state.cells_done))

    run_study(study(), tmp_path, callback=callback)
    assert sorted(epochs) == sorted([START, END, END, L1])
    assert seen[-1] == (pytest.approx(1.0), 8)
    assert seen == sorted(seen)


def test_a_run_does_only_what_is_missing(copied, epochs):
    before = rows_of(copied)
    assert run_study(study(), copied).stored == 8
    assert epochs == []
    lost = next(k for k, r in before.items() if r["name"] == "Dense + SWA")
    (copied / "rows" / f"{lost}.json").unlink()
    times = {path: path.stat().st_mtime_ns for path in (copied / "rows").iterdir()}
    run_study(study(), copied)
    assert epochs == [START, END]  # its group, less the branch of "Dense" alone
    assert rows_of(copied) == before
    assert all(path.stat().st_mtime_ns == at for path, at in times.items())


def test_only_runs_what_is_named(tmp_path, epochs, whole):
    assert run_study(study(), tmp_path, only="L1").asked == 2
    assert epochs == [L1]
    assert all(row == rows_of(whole)[key] for key, row in rows_of(tmp_path).items())
    assert {name for name, _ in by_name(tmp_path)} == {"L1", "L1, strong"}  # it came for free


def test_an_interruption_keeps_what_is_finished(tmp_path, whole):
    def callback(state):
        if state.cells_done == 4:  # the running group goes on to its next branch
            os.kill(os.getpid(), signal.SIGINT)

    outcome = run_study(study(), tmp_path, callback=callback)
    assert outcome.interrupted
    assert 4 <= outcome.stored < 8
    assert len(rows_of(tmp_path)) == outcome.stored
    assert not run_study(study(), tmp_path).interrupted
    assert rows_of(tmp_path) == rows_of(whole)


def test_sizes_and_baselines(tmp_path):
    pytest.importorskip("pysindy")
    tables = study(only="L1", seeds=[0]).model_dump(mode="json", exclude_none=True)
    tables["data"]["sizes"] = [1, 4]
    baseline = {"kind": "sindy", "library": "linear"}
    tables["configuration"].append({"name": "SINDy", "baseline": baseline})
    tables["evaluate"]["long_samples"] = 0
    tables["published"] = "haugstvedt2023"  # of other horizons: there is nothing to agree with
    run_study(parsed(tables, "sizes"), tmp_path)
    results = load_results(tmp_path)
    assert [(c.name, c.size) for c in results.configurations] == [
        ("L1", 1),
        ("L1", 4),
        ("SINDy", 1),
        ("SINDy", 4),
    ]
    assert configuration(results, "SINDy").number(lambda s: s.weights.weights) == [2 * 4]
    assert not compare(configuration(results, "L1"), configuration(results, "SINDy")).paired
    assert run("study", "show", tmp_path) == 0


def test_files_are_known_by_their_content(tmp_path):
    data = simulate(named("duffing"), trajectories=6, samples=40, key=jax.random.key(5))
    data.to_netcdf(tmp_path / "a.nc")
    tables = study(only="L1", seeds=[0]).model_dump(mode="json", exclude_none=True)
    tables["evaluate"]["long_samples"] = 0
    keys = []
    for name in ("a.nc", "b.nc"):
        tables["data"] = {"files": [str(tmp_path / name)], "test_share": 0.3}
        if name == "b.nc":
            shutil.copy(tmp_path / "a.nc", tmp_path / "b.nc")
        run_study(parsed(tables, "files"), tmp_path / "out")
        keys.append(set(rows_of(tmp_path / "out")))
    assert keys[0] == keys[1]
    assert len(keys[0]) == 1
    tables["data"]["validation_share"] = 0.0  # nothing is kept back, and nothing is made up
    run_study(parsed(tables, "files"), tmp_path / "unwatched")
    (row,) = rows_of(tmp_path / "unwatched").values()
    assert set(row["series"]["validation_loss"]["values"]) == {None}
    assert None not in row["series"]["train_loss"]["values"]


def test_the_summary_agrees_with_the_rows(whole):
    results, rows = load_results(whole), by_name(whole)
    assert results.missing == 0
    for found in results.configurations:
        mine = [rows[found.name, seed] for seed in found.seeds]
        errors = [row["series"]["rfmse_40"]["values"] for row in mine]
        np.testing.assert_array_equal(found.rfmse(40), errors)
        assert found.diverged(40).sum() == sum(row["numbers"]["diverged_40"] for row in mine)
    strong, weak = configuration(results, "L1, strong"), configuration(results, "L1")
    kept = ~strong.diverged(40) & ~weak.diverged(40)
    difference = compare(strong, weak).rfmse[40]
    assert difference.value == pytest.approx((strong.rfmse(40) - weak.rfmse(40))[kept].mean())
    assert difference.low <= difference.value <= difference.high
    (verdict,) = verdicts(results)
    assert (verdict.verdict == "holds") == (difference.low > 0)


def test_a_published_number_agrees_within_the_widened_interval(whole):
    results = load_results(whole)
    rfmse = {40: (configuration(results, "L1").kept_rfmse(40).mean(), 0.1), 10: (9.0, 0.1)}
    lost = {40: 100.0 * configuration(results, "L1").diverged(40).mean()}
    published = {"L1": FreeRuns(lost, rfmse, None), "None": FreeRuns({40: 1.0}, {}, None)}
    found = agreements(results, published)
    content = {(a.measure, a.horizon): a.agrees for a in found}
    assert content == {("diverged", 40): True, ("rfmse", 40): True, ("rfmse", 10): False}
    inner = diverged_share(configuration(results, "L1"), 40)
    outer = next(a.expected for a in found if a.measure == "diverged")
    assert outer.high == pytest.approx(min(inner.value + 2**0.5 * (inner.high - inner.value), 1))


def test_show_and_compare_print_tables(whole, capsys):
    capsys.readouterr()
    assert run("study", "show", whole) == 0
    content = capsys.readouterr().out
    for text in ("Diverged free runs", "RFMSE", "Weights", "Dense + SWA minus Dense", "Strong L1"):
        assert text in content
    low, high = rate_interval(configuration(load_results(whole), "Dense").diverged(40))
    assert f"[{100 * low:.3g}, {100 * high:.3g}]" in content
    assert (whole / "index.html").is_file()
    assert run("study", "compare", whole, "L1", "Dense") == 0
    assert "L1 minus Dense" in capsys.readouterr().out


def test_show_writes_figures_exits_and_markdown(whole, tmp_path):
    page = tmp_path / "tiny.md"
    assert run("study", "show", whole, "--markdown", page) == 0
    text = page.read_text(encoding="utf-8")
    assert text.startswith("<!-- Written by sparsid -->\n\n# A tiny study\n")
    results = load_results(whole)
    share = diverged_share(configuration(results, "Dense"), 40)
    row = next(line for line in text.splitlines() if line.startswith("| Dense |"))
    assert f"| {100 * share.value:.3g} [" in row
    drawn = {path.stem for path in (whole / "figures").glob("*.png")}
    assert {"states", "diverged_share", "errors", "sparsity", "pairs", "runs_dense"} <= drawn
    lines = (whole / "long_exits.csv").read_text(encoding="utf-8").splitlines()
    assert lines[0] == "configuration,size,seed,trajectory,sample,time_s,state,diverged"
    left = sum(int(s.long.left_box) for found in results.configurations for s in found.scores)
    assert len(lines) == 1 + left


def test_list_names_the_presets(capsys):
    assert run("study", "list") == 0
    assert "title" in capsys.readouterr().out


def test_bad_requests_get_one_sentence(copied, spec, tmp_path, capsys):
    odd = tmp_path / "odd.toml"
    odd.write_text(SPEC.replace("batch = 32", "bach = 32"))
    other = tmp_path / "other.toml"
    other.write_text(SPEC.replace('"tiny"', '"other"'))
    assert "Unknown study 'x'" in refused(capsys, "run", "x", "--out", tmp_path / "o")
    assert "Did you mean 'batch'" in refused(capsys, "run", odd, "--out", tmp_path / "o")
    assert "holds the study 'tiny'" in refused(capsys, "run", other, "--out", copied)
    assert "--only" in refused(capsys, "run", spec, "--out", copied, "--only", "nonsense")
    assert "executor" in refused(capsys, "run", spec, "--out", copied, "--executor", "slurm")
    assert "workers" in refused(capsys, "run", spec, "--out", copied, "--workers", "0")
    assert "holds no study" in refused(capsys, "show", tmp_path)
    assert "Unknown configuration" in refused(capsys, "compare", copied, "Dense", "None")
    assert not (tmp_path / "o").exists()
    path = next((copied / "rows").iterdir())
    path.write_text(path.read_text()[:100])
    for verb in (("run", spec, "--out", copied), ("show", copied)):
        assert "delete it and run the study again" in refused(capsys, *verb)


def test_a_study_without_rows_says_so(copied, capsys):
    for path in (copied / "rows").iterdir():
        path.unlink()
    assert "holds no rows yet" in refused(capsys, "show", copied)


def wait_until(happened, process):
    """Returns as soon as it happened, or the process ended."""
    deadline = time.monotonic() + 100
    while not happened() and process.poll() is None:
        assert time.monotonic() < deadline
        time.sleep(0.001)


def killed_and_resumed(spec, folder, wanted, kills, more=(), seed=0):
    """Runs the study in processes of their own, each killed at a random moment, then to the end.

    Only those count that had begun and not finished when they were killed.
    """
    command = [sys.executable, "-c", "from sparsid.cli import main; main()"]
    command += ["study", "run", str(spec), "--out", str(folder), *more]
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    begun, rows = folder / "study.json", folder / "rows"
    # Turn by turn just about when rows are written, and at any moment; shorter after one too late.
    moments, spans, hits = random.Random(seed), [0.01, 2.0], 0
    for turn in range(6 * kills):
        if hits == kills:
            break
        if len(rows_of(folder)) == len(wanted):
            shutil.rmtree(folder)  # finished before it was killed: begin again
        stored, before = len(rows_of(folder)), begun.stat().st_ino if begun.exists() else None
        process = subprocess.Popen(command, **quiet)
        wait_until(lambda was=before: begun.exists() and begun.stat().st_ino != was, process)
        if turn % 2 == 0:
            wait_until(lambda had=stored: len(list(rows.glob("*.json"))) > had, process)
        time.sleep(moments.uniform(0, spans[turn % 2]))
        process.kill()
        in_time = process.wait() == -signal.SIGKILL and len(rows_of(folder)) < len(wanted)
        hits += in_time
        spans[turn % 2] *= 1.5 if in_time else 0.5
    assert hits == kills
    finished = subprocess.run(command, capture_output=True, text=True)
    assert finished.returncode == 0, finished.stderr
    assert rows_of(folder) == wanted
    assert not list(folder.rglob("*.part"))


def test_a_killed_study_resumes_to_the_same_rows(spec, whole, tmp_path):
    wanted = {key: row for key, row in rows_of(whole).items() if row["name"].startswith("L1")}
    killed_and_resumed(spec, tmp_path / "s", wanted, 2, ("--only", "L1*"))


@pytest.mark.slow
@pytest.mark.parametrize("more", [(), ("--executor", "processes", "--workers", "2")])
def test_a_study_killed_twenty_times_resumes_to_the_same_rows(spec, whole, tmp_path, more):
    killed_and_resumed(spec, tmp_path / "s", rows_of(whole), 20, more, seed=1)


@pytest.mark.slow
def test_an_interruption_stops_workers_too(tmp_path, whole):
    def callback(state):
        if state.work_done > 0 and state.cells_done < 1:
            os.kill(os.getpid(), signal.SIGINT)
            signal.signal(signal.SIGINT, signal.SIG_IGN)  # the next ticks ask again

    outcome = run_study(study(), tmp_path, executor="processes", workers=2, callback=callback)
    assert outcome.interrupted
    assert outcome.stored < 8
    run_study(study(), tmp_path)
    assert rows_of(tmp_path) == rows_of(whole)


def test_a_preset_is_found_by_its_name():
    with pytest.raises(ValueError, match=r"known: chaber2018, .*haugstvedt2023"):
        read_study("haugstvedt")


def test_errors_may_count_in_the_test_sets_deviations():
    """haugstvedt2023's code takes them from there; the default is the training set's."""
    study = parse_study(tomllib.loads(SPEC), "test")
    data = prepare(study)
    for scale, part in (("train", data.train), ("test", data.test)):
        judge = Judge.of(data, study.evaluate.model_copy(update={"scale": scale}))
        json_options = np.concatenate([t.x for t in part]).std(axis=0)
        np.testing.assert_allclose(judge.scale, json_options, rtol=1e-9)
