"""No verb overwrites its inputs, nor without --force what sparsid did not write."""

import shutil
from pathlib import Path

import pytest
from tests.command_line import refused, run
from tests.workflow.test_cli import tank_rows, write_csv

from sparsid.cli.outputs import written_by_sparsid

FIXTURES = Path(__file__).parents[1] / "fixtures" / "schema1"
FIT = ("--states", "T1,T2", "--inputs", "Q", "--dt", "10")
SPEC = """
out = "{out}"
[data]
files = ["plant.csv"]
states = ["T1", "T2"]
inputs = ["Q"]
dt = 10
test_files = ["test.csv"]
"""


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """The user's files, in the present folder."""
    monkeypatch.chdir(tmp_path)
    write_csv(tmp_path / "plant.csv", tank_rows())
    write_csv(tmp_path / "test.csv", tank_rows(seed=1))
    shutil.copy(next(FIXTURES.glob("**/*.sparsid")), tmp_path / "model.sparsid")
    Path("notes.txt").write_text("mine")
    Path("link.csv").symlink_to("plant.csv")
    for name, out in (("own", "own.toml"), ("data", "plant.csv"), ("test", "test.csv")):
        Path(f"{name}.toml").write_text(SPEC.format(out=out))
    Path("links").mkdir()
    Path("links/links.svg").write_text("<svg/>")
    Path("study").mkdir()
    for name in ("truth.nc", "index.html"):
        Path("study", name).write_text("mine")
    Path("study/study.json").write_text(
        '{"format": "sparsid-study", "schema": 1, "name": "own", "specification": {}}'
    )
    return tmp_path


INPUTS = [
    ("fit", "plant.csv", *FIT, "--out", "plant.csv"),
    ("fit", "plant.csv", *FIT, "--out", "./links/../plant.csv"),
    ("fit", "plant.csv", *FIT, "--out", "link.csv"),
    ("fit", "link.csv", *FIT, "--out", "plant.csv"),
    ("fit", "own.toml"),
    ("fit", "data.toml"),
    ("fit", "test.toml"),
    ("fit", "own.toml", "--out", "test.csv"),
    ("predict", "model.sparsid", "plant.csv", "--out", "plant.csv"),
    ("predict", "model.sparsid", "plant.csv", "--out", "model.sparsid"),
    ("prune", "model.sparsid", "plant.csv", "--out", "plant.csv"),
    ("prune", "model.sparsid", "plant.csv", "--out", "model.sparsid"),
    ("prune", "model.sparsid", "plant.csv", "--out", "new", "--paths", "plant.csv"),
    ("prune", "model.sparsid", "plant.csv", "--out", "new", "--paths", "model.sparsid"),
    ("replay", "duffing", "plant.csv", "--out", "plant.csv"),
    ("equations", "model.sparsid", "plant.csv", "--latex", "plant.csv"),
]
FOREIGN = [
    ("fit", "plant.csv", *FIT, "--out", "notes.txt"),
    ("fit", "plant.csv", *FIT, "--out", "test.csv"),
    ("predict", "model.sparsid", "plant.csv", "--out", "test.csv"),
    ("prune", "model.sparsid", "plant.csv", "--out", "notes.txt"),
    ("prune", "model.sparsid", "plant.csv", "--out", "new", "--paths", "notes.txt"),
    ("simulate", "duffing", "--out", "notes.txt"),
    ("replay", "duffing", "plant.csv", "--out", "notes.txt"),
    ("equations", "model.sparsid", "plant.csv", "--latex", "notes.txt"),
    ("structure", "model.sparsid", "--figures", "links"),
    ("study", "run", "lundby2022", "--out", "study"),
    ("study", "show", "study", "--markdown", "notes.txt"),
    ("study", "show", "study"),
]


def files() -> dict[str, bytes]:
    return {str(p): p.read_bytes() for p in Path().rglob("*") if p.is_file()}


@pytest.mark.parametrize("more", [(), ("--force",)])
@pytest.mark.parametrize("call", INPUTS)
def test_an_input_is_never_overwritten(folder, capsys, call, more):
    before = files()
    assert "may not replace an input" in refused(capsys, *call, *more)
    assert files() == before


def test_a_study_goes_on_over_no_input(folder, capsys):
    data = '[data]\nfiles = ["study/truth.nc"]\nstates = ["T1"]\n'
    phase = "{epochs = 1, rate = {rate = 0.1}}"
    one = f'[[configuration]]\nname = "one"\nphases = [{phase}]\n'
    Path("own_study.toml").write_text('name = "own"\n' + data + one)
    before = files()
    content = refused(capsys, "study", "run", "own_study.toml", "--out", "study", "--force")
    assert "may not replace an input" in content
    assert files() == before


@pytest.mark.parametrize("call", FOREIGN)
def test_a_file_of_somebody_else_is_not_overwritten(folder, capsys, call):
    before = files()
    content = refused(capsys, *call)
    assert "did not write" in content
    assert "--force" in content
    assert files() == before


@pytest.mark.parametrize("name", ["index.html", "long_exits.csv"])
def test_the_markdown_of_a_study_is_not_replaced_by_its_page(folder, capsys, name):
    before = files()
    content = refused(capsys, "study", "show", "study", "--markdown", f"study/{name}", "--force")
    assert "two outputs have this name" in content
    assert files() == before


def test_a_page_of_an_older_version_is_known(tmp_path):
    head = '<!DOCTYPE html>\n<html lang="en">\n<title>t</title>\n<style>\n:root {\n'
    style = "  --paper: #ffffff; --ink: #222222; --muted: #666666; --line: #dddddd;"
    (tmp_path / "old.html").write_text(head + style)
    (tmp_path / "foreign.html").write_text(head)
    assert written_by_sparsid(tmp_path / "old.html")
    assert not written_by_sparsid(tmp_path / "foreign.html")


def test_force_replaces_and_our_own_files_need_none(folder):
    simulate = ("simulate", "duffing", "--trajectories", "1", "--samples", "9", "--out")
    assert run(*simulate, "study/truth.nc", "--force") == 0
    first = Path("study/truth.nc").read_bytes()
    assert first.startswith(b"\x89HDF")
    assert run(*simulate, "study/truth.nc", "--seed", "1") == 0
    assert Path("study/truth.nc").read_bytes() != first
