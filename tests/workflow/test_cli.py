"""The command line end to end, in one process: what works, and what is refused in a sentence."""

import json
import runpy
import zipfile
from pathlib import Path

import numpy as np
import pytest
from tests.command_line import refused, run

from sparsid.data import Dataset

STEP = 10.0


def tank_rows(samples: int = 240, seed: int = 0) -> np.ndarray:
    """Two heated tanks in a row: T1, T2, Q; rows of a plain CSV, made without sparsid."""
    rng = np.random.default_rng(seed)
    q = np.repeat(rng.uniform(0, 9, samples // 12 + 1), 12)[:samples]
    t = np.zeros((samples, 2)) + 20.0
    for k in range(samples - 1):
        t[k + 1, 0] = t[k, 0] + 0.1 * (20 - t[k, 0]) + 0.5 * q[k] - 0.002 * (t[k, 0] - 20) ** 2
        t[k + 1, 1] = t[k, 1] + 0.08 * (t[k, 0] - t[k, 1])
    return np.column_stack([t, q])


def write_csv(path, rows, header="T1,T2,Q"):
    np.savetxt(path, rows, delimiter=",", header=header, comments="", fmt="%.10g")
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A folder with a plant's record, a fitted model and a NetCDF dataset."""
    home = tmp_path_factory.mktemp("plant")
    write_csv(home / "plant.csv", tank_rows())
    write_csv(home / "other.csv", tank_rows(seed=1))
    fit = [str(home / "plant.csv"), "--states", "T1,T2", "--inputs", "Q", "--dt", "10"]
    run("fit", *fit, "--members", "2", "--effort", "0.05", "--out", str(home / "plant.sparsid"))
    return home


def test_fit_writes_a_model_and_compares_with_the_linear_one(folder, capsys):
    model = folder / "again.sparsid"
    spec = [
        "--states",
        "T1,T2",
        "--inputs",
        "Q",
        "--dt",
        "10",
        "--members",
        "2",
        "--effort",
        "0.05",
    ]
    assert run("fit", folder / "plant.csv", *spec, "--out", model) == 0
    content = capsys.readouterr().out
    assert "linear, one-step" in content
    assert "linear, free-run" in content
    assert "(chosen)" in content
    # The same seed gives the same bits: the arrays agree with the fixture's model.
    with zipfile.ZipFile(model) as one, zipfile.ZipFile(folder / "plant.sparsid") as two:
        names = [name for name in one.namelist() if name.endswith(".npy")]
        assert names
        assert all(one.read(name) == two.read(name) for name in names)


def test_score_json_agrees_with_a_plain_count(folder, capsys):
    model, data = folder / "plant.sparsid", folder / "other.csv"
    assert run("score", model, data, "--horizons", "50,240", "--json") == 0
    content = json.loads(capsys.readouterr().out)
    assert content["runs"] == 2
    assert set(content["horizons"]) == {"50", "240"}
    assert set(content["horizons"]["50"]) >= {"diverged", "rfmse_mean", "rfmse_std"}
    with zipfile.ZipFile(model) as archive:
        weights = [
            np.load(archive.open(name))
            for name in archive.namelist()
            if name.endswith(("weight.npy", "skip.npy"))
        ]
    total, nonzero = sum(w.size for w in weights), sum(np.count_nonzero(w) for w in weights)
    assert content["nonzero"] == nonzero
    assert content["exact_zero_share"] == pytest.approx(1 - nonzero / total)


def test_score_prints_a_table(folder, capsys):
    assert run("score", folder / "plant.sparsid", folder / "other.csv") == 0
    content = capsys.readouterr().out
    assert "diverged" in content
    assert "240" in content


def test_predict_from_a_record_and_from_inputs_alone_agree(folder, capsys):
    rows = tank_rows(seed=1)
    inputs = write_csv(folder / "inputs.csv", rows[:, 2:], header="Q")
    model, record = folder / "plant.sparsid", folder / "other.csv"
    assert run("predict", model, record, "--out", folder / "a.nc") == 0
    start = f"T1={rows[0, 0]},T2={rows[0, 1]}"
    assert run("predict", model, inputs, "--start", start, "--out", folder / "b.nc") == 0
    a = Dataset.from_netcdf(folder / "a.nc")[0]
    b = Dataset.from_netcdf(folder / "b.nc")[0]
    np.testing.assert_array_equal(a.x, b.x)
    np.testing.assert_array_equal(a.x[0], rows[0, :2])
    assert run("predict", model, record, "--out", folder / "a.csv", "--member", "1") == 0
    assert "T1" in (folder / "a.csv").read_text().splitlines()[0]


def test_a_forecast_of_several_records_can_be_judged_like_any_table(folder, capsys):
    model, record = folder / "plant.sparsid", folder / "other.csv"
    table = folder / "both.csv"
    assert run("predict", model, record, folder / "plant.csv", "--out", table) == 0
    capsys.readouterr()
    assert run("score", model, table, "--json") == 0
    content = capsys.readouterr()
    assert json.loads(content.out)["runs"] == 4  # two members, two trajectories
    assert "both.csv is read as 2 trajectories" in content.err


def test_inputs_outside_the_training_box_are_said(folder, capsys):
    rows = tank_rows(seed=1)
    model = folder / "plant.sparsid"
    assert run("score", model, write_csv(folder / "inside.csv", rows)) == 0
    assert "records of inputs" not in capsys.readouterr().err
    rows[100:, 2] = 30.0  # training stayed below 9
    outside = write_csv(folder / "outside.csv", rows)
    sentence = (
        "1 of 2 records of inputs left the box of the training data, the first in Q at 1000 s "
        "(sample 100)."
    )
    assert run("score", model, folder / "inside.csv", outside) == 0
    assert sentence in " ".join(capsys.readouterr().err.split())
    assert run("predict", model, folder / "inside.csv", outside, "--out", folder / "o.nc") == 0
    assert sentence in " ".join(capsys.readouterr().err.split())


@pytest.fixture(scope="module")
def pendulum(folder):
    """A model without inputs, of a damped oscillation."""
    x = np.zeros((120, 2))
    x[0] = [1.0, 0.0]
    for k in range(119):
        x[k + 1] = x[k] @ np.array([[0.99, -0.1], [0.1, 0.98]])
    write_csv(folder / "swing.csv", x, header="a,v")
    fit = (folder / "swing.csv", "--states", "a,v", "--dt", "0.1", "--recipe", "free-run")
    model = folder / "swing.sparsid"
    assert run("fit", *fit, "--members", "2", "--effort", "0.02", "--out", model) == 0
    return model


def test_a_model_without_inputs_runs_from_a_start_alone(folder, pendulum):
    alone, record = folder / "alone.nc", folder / "record.nc"
    assert run("predict", pendulum, "--start", "v=0,a=1", "--samples", "120", "--out", alone) == 0
    assert run("predict", pendulum, folder / "swing.csv", "--out", record) == 0
    alone, record = Dataset.from_netcdf(alone), Dataset.from_netcdf(record)
    np.testing.assert_array_equal(alone[0].x, record[0].x)
    assert alone.dt == record.dt == 0.1


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("swing.sparsid",), ("--start", "--samples")),
        (("swing.sparsid", "--start", "a=1,v=0"), ("--start", "--samples")),
        (("swing.sparsid", "--samples", "9"), ("--start", "--samples")),
        (("swing.sparsid", "--start", "a=1", "--samples", "9"), ("a, v",)),
        (("swing.sparsid", "--start", "a=1,v=0", "--samples", "1"), ("samples",)),
        (("swing.sparsid", "--start", "a=1,v=0", "--samples", "9", "--dt", "1"), ("--dt",)),
        (("swing.sparsid", "swing.csv", "--start", "a=1,v=0"), ("no inputs", "--samples")),
        (("swing.sparsid", "swing.csv", "--samples", "9"), ("--samples",)),
        (("plant.sparsid", "--start", "T1=1,T2=1", "--samples", "9"), ("inputs", "Q")),
        (("plant.sparsid", "plant.csv", "--samples", "9"), ("--samples",)),
    ],
)
def test_runs_without_data_that_cannot_be_are_refused(
    folder, pendulum, monkeypatch, capsys, arguments, words
):
    monkeypatch.chdir(folder)
    content = refused(capsys, "predict", *arguments, "--out", "never.nc")
    for word in words:
        assert word in content
    assert not (folder / "never.nc").exists()


def test_info_of_a_model_and_of_a_dataset(folder, capsys):
    assert run("info", folder / "plant.sparsid") == 0
    assert "T2" in capsys.readouterr().out
    assert run("simulate", "duffing", "--trajectories", "2", "--samples", "50", "--out",
               folder / "duffing.nc") == 0  # fmt: skip
    assert run("info", folder / "duffing.nc") == 0
    assert "2 trajectories of 50 to 50 samples" in " ".join(capsys.readouterr().out.split())


def test_replay_gives_the_simulation_back(folder):
    first, again = folder / "first.nc", folder / "again.nc"
    options = ("--trajectories", "2", "--samples", "60")
    assert run("simulate", "lotka_volterra", *options, "--out", first) == 0
    assert run("replay", "lotka_volterra", first, "--out", again) == 0
    for a, b in zip(Dataset.from_netcdf(first), Dataset.from_netcdf(again), strict=True):
        np.testing.assert_allclose(a.x, b.x, rtol=1e-12)


def test_processes_are_listed(capsys):
    assert run("processes") == 0
    assert "aluminium" in capsys.readouterr().out


def test_a_specification_is_followed(folder, capsys):
    (folder / "fit.toml").write_text(
        """
        out = "spec.sparsid"
        [data]
        files = ["plant.csv"]
        states = ["T1", "T2"]
        inputs = ["Q"]
        dt = 10
        [model]
        widths = [6]
        skip = true
        activation = "tanh"
        [training]
        members = 2
        start = "linear"
        [[phase]]
        epochs = 2
        rate = { kind = "cosine", rate = 1e-3 }
        l1 = { weight = 1e-4, skip = 0.0 }
        [[phase]]
        epochs = 1
        threshold = 0.5
        average = true
        """
    )
    assert run("fit", folder / "fit.toml") == 0
    with zipfile.ZipFile(folder / "spec.sparsid") as archive:
        header = json.loads(archive.read("header.json"))
        weight = np.load(archive.open("layers.0.weight.npy"))
    assert header["architecture"]["widths"] == [6]
    assert header["training"]["recipe"] == "custom"
    assert weight.shape == (2, 6, 3)
    assert 0 < np.count_nonzero(weight) < weight.size
    assert np.abs(weight[weight != 0]).min() > 0.4  # a step of 1e-3 or so after 0.5 was the limit


def test_a_constant_input_is_said_and_left_out(folder, capsys):
    rows = np.column_stack([tank_rows(), np.full(240, 3.0)])
    data = write_csv(folder / "still.csv", rows, header="T1,T2,Q,V")
    fit = (data, "--states", "T1,T2", "--inputs", "Q,V", "--dt", "10", "--recipe", "free-run")
    model = folder / "still.sparsid"
    assert run("fit", *fit, "--members", "2", "--effort", "0.02", "--out", model) == 0
    assert "input V is constant" in capsys.readouterr().err
    with zipfile.ZipFile(model) as archive:
        assert json.loads(archive.read("header.json"))["inputs"]["names"] == ["Q"]


FIT = ("--states", "T1,T2", "--inputs", "Q", "--dt", "10", "--out", "never.sparsid")


@pytest.mark.parametrize(
    ("text", "options", "words"),
    [
        ("T1,T2,Q\n1,2,3\n1,2,x\n", FIT, ("Q", "x")),
        ("T1,T2,Q\n1,2,3\n1,,3\n", FIT, ("T2", "line 3")),
        ("T1,T2,Q\n1,2,3\n1,nan,3\n", FIT, ("T2",)),
        ("T1,T2,Q\n1,2,3\n", FIT, ("2 samples",)),
        ("T1,T2\n1,2\n1,2\n", FIT, ("Q", "T1")),
        ("t,T1,T2,Q\n0,1,2,3\n10,1,2,3\n25,1,2,3\n",
         (*FIT[:4], "--time", "t", *FIT[6:]), ("constant", "t")),
        ("T1,T2,Q\n1,2,3\n1,2,3\n", (*FIT[:4], "--dt", "-1", *FIT[6:]), ("positive", "-1")),
        ("T1,T2,Q\n1,2,3\n1,2,3\n", (*FIT, "--recipe", "magic"), ("recipe", "magic")),
        ("T1,T2,Q\n1,2,3\n1,2,3\n", (*FIT, "--no-such", "1"), ("no-such",)),
        ("T1,T2,Q\n1,2,3\n1,2,3\n", (*FIT[:6], "--out", "no/such/folder.sparsid"), ("folder",)),
        ("T1,T2,Q\n1,2,3\n1,2,3\n", FIT[:6], ("--out",)),
        ("T1,T2,Q\n1,2,3\n1,2,3\n", FIT[2:], ("states",)),
    ],
)  # fmt: skip
def test_bad_tables_are_refused(tmp_path, monkeypatch, capsys, text, options, words):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bad.csv").write_text(text)
    content = refused(capsys, "fit", "bad.csv", *options)
    for word in words:
        assert word in content
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bad.csv"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("fit", "nowhere.csv", *FIT), ("nowhere.csv",)),
        (("simulate", "aluminum", "--out", "a.nc"), ("aluminum", "aluminium")),
        (("simulate", "duffing", "--samples", "1", "--out", "a.nc"), ("samples", "1")),
        (("simulate", "duffing", "--dt", "0", "--out", "a.nc"), ("dt", "0")),
        (("score", "nowhere.sparsid", "plant.csv"), ("nowhere.sparsid",)),
        (("score", "plant.csv", "plant.csv"), ("plant.csv",)),
        (("score", "plant.sparsid", "plant.csv", "--horizons", "9999"), ("240", "9999")),
        (("score", "plant.sparsid", "plant.csv", "--horizons", "ten"), ("ten",)),
        (("score", "plant.sparsid", "plant.csv", "--dt", "20"), ("10 s", "20 s")),
        (("score", "plant.sparsid", "wrong_names.csv"), ("T2",)),
        (("score", "plant.sparsid", "wrong_names.nc"), ("T2",)),
        (("predict", "plant.sparsid", "plant.csv", "--out", "a.xyz"), ("xyz",)),
        (("predict", "plant.sparsid", "plant.csv", "--member", "7", "--out", "a.nc"), ("2", "7")),
        (("predict", "plant.sparsid", "plant.csv", "--start", "T1", "--out", "a.nc"), ("T1",)),
        (("info", "nowhere.nc"), ("nowhere.nc",)),
        (("fit", "unknown_key.toml"), ("epoch", "epochs")),
        (("fit", "not.toml"), ("TOML",)),
        (("demo", "--out", "plant.csv"), ("plant.csv",)),
        (("fit", "not.toml", "--members", "3", "--out", "a"), ("only --out", "--members")),
        (("fit", "not.toml", "--seed", "0", "--test-share", "0.2"), ("--test-share", "--seed")),
    ],
)
def test_bad_requests_are_refused(folder, monkeypatch, capsys, arguments, words):
    monkeypatch.chdir(folder)
    write_csv(folder / "wrong_names.csv", tank_rows(), header="T1,Tx,Q")
    rows = tank_rows()[None]
    Dataset.from_arrays(
        x=rows[..., :2], u=rows[..., 2:], dt=STEP, state_names=["T1", "Tx"], input_names=["Q"]
    ).to_netcdf(folder / "wrong_names.nc")
    (folder / "unknown_key.toml").write_text(
        'out = "a"\n[data]\nfiles = ["plant.csv"]\n[[phase]]\nepoch = 3\n'
    )
    (folder / "not.toml").write_text("= 3")
    before = sorted(path.name for path in folder.iterdir())
    content = refused(capsys, *arguments)
    for word in words:
        assert word in content
    assert sorted(path.name for path in folder.iterdir()) == before


@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="this system has no /proc")
def test_a_place_that_cannot_be_written_to_is_refused_before_training(folder, capsys):
    fit = (folder / "plant.csv", *FIT[:-1])
    assert "no file can be created in /proc" in refused(capsys, "fit", *fit, "/proc/q.sparsid")


def test_units_that_differ_are_refused_and_unstated_ones_said(folder, capsys):
    rows = tank_rows()
    kelvin = write_csv(folder / "kelvin.csv", rows, header="T1 [K],T2 [K],Q [kW]")
    celsius = write_csv(folder / "celsius.csv", rows, header="T1 [degC],T2 [degC],Q [kW]")
    model = folder / "units.sparsid"
    fit = ("--states", "T1,T2", "--inputs", "Q", "--dt", "10", "--members", "2")
    short = ("--effort", "0.02", "--recipe", "free-run")
    assert run("fit", celsius, *fit, *short, "--out", model) == 0
    assert "degC" in refused(capsys, "score", model, kelvin)
    assert run("score", model, folder / "plant.csv") == 0
    assert "degC" in capsys.readouterr().err


def test_the_package_runs_as_a_module(monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["sparsid", "processes"])
    with pytest.raises(SystemExit) as end:
        runpy.run_module("sparsid", run_name="__main__")
    assert end.value.code == 0
    assert "aluminium" in capsys.readouterr().out
