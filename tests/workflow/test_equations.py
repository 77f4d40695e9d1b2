"""From a simulated plant to readable networks, their links and their equations."""

import json

import pytest
from tests.command_line import refused, run


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    folder = tmp_path_factory.mktemp("readable")
    data = folder / "data.nc"
    assert run("simulate", "duffing", "--trajectories", 6, "--samples", 60, "--out", data) == 0
    (folder / "fit.toml").write_text(
        'data.files = ["data.nc"]\n'
        'data.states = ["displacement", "velocity"]\n'
        'data.inputs = ["force"]\n'
        "model = { widths = [4], skip = true, per_state = true }\n"
        'training = { recipe = "readable", members = 2, effort = 0.01 }\n'
    )
    assert run("fit", folder / "fit.toml", "--out", folder / "laws.sparsid") == 0
    return folder


def test_readable_networks_are_told_as_equations(folder, capsys):
    model, data, latex = folder / "laws.sparsid", folder / "data.nc", folder / "laws.tex"
    assert run("equations", model, data, "--truth", "duffing", "--latex", latex) == 0
    content = capsys.readouterr().out
    assert "d displacement/dt = " in content
    assert "d velocity/dt = " in content
    written = latex.read_text(encoding="utf-8")
    left = r"\frac{\mathrm{d}\,\mathrm{displacement}}{\mathrm{d}t} &= "
    assert written.startswith("% Written by sparsid\n\\begin{align*}\n" + left)
    assert written.endswith("\\end{align*}\n")


def test_equations_as_json(folder, capsys):
    capsys.readouterr()
    model, data = folder / "laws.sparsid", folder / "data.nc"
    assert run("equations", model, data, "--json", "--truth", "duffing", "--member", 1) == 0
    state_equations = json.loads(capsys.readouterr().out)
    assert [equation["state"] for equation in state_equations] == ["displacement", "velocity"]
    for equation in state_equations:
        assert sum(piece["share"] for piece in equation["pieces"]) == pytest.approx(1)
        assert set(equation["pieces"][0]["coefficients"]) <= {"displacement", "velocity", "force"}
    first = state_equations[0]
    if first["affine"]:  # its rate is the velocity, exactly
        assert first["true"] == {"velocity": 1.0}


def test_the_model_remembers_what_was_chosen(folder):
    from sparsid.models import load

    training = load(folder / "laws.sparsid").card.training
    assert training["recipe"] == "readable"
    assert set(training["l1_per_state"]) == {"displacement", "velocity"}
    tried = [details for inputs in training["inputs_tried"].values() for details in inputs.values()]
    assert tried
    assert all(0 <= details["gone"] <= details["networks"] <= 2 for details in tried)
    assert all(details["error_ratio"] > 0 for details in tried)


def test_what_cannot_be_written_is_refused(folder, tmp_path, capsys):
    model, data = folder / "laws.sparsid", folder / "data.nc"
    assert "`member`" in refused(capsys, "equations", model, data, "--member", 7)
    assert "aluminium" in refused(capsys, "equations", model, data, "--truth", "aluminium")
    table = tmp_path / "shared.toml"
    table.write_text(
        f'[data]\nfiles = ["{data}"]\nstates = ["displacement", "velocity"]\ninputs = ["force"]\n'
        '[model]\nwidths = [4]\n[training]\nrecipe = "readable"\n'
    )
    assert "per_state" in refused(capsys, "fit", table, "--out", tmp_path / "x.sparsid")
