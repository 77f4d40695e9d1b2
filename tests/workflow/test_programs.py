"""Compiled programs are kept between runs: the same numbers, and no trouble with the folder."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.workflow.test_cli import tank_rows, write_csv

MODEL = Path(__file__).parents[1] / "fixtures" / "schema1" / "plain.sparsid"
# Two programs of some size. What is said of the folder goes to standard error.
PROGRAM = """
import sys
import jax
from sparsid._programs import keep_programs
keep_programs(lambda notes: print(*notes, file=sys.stderr))
for n in (5, 7):
    x = jax.random.normal(jax.random.key(n), (n, n))
    print(jax.jit(lambda x: jax.numpy.tanh(x @ x) @ jax.numpy.linalg.inv(x))(x).tobytes().hex())
"""


def environment(folder: Path, **more: str) -> dict[str, str]:
    """This process's, with a cache folder of its own and nothing that says otherwise."""
    own = ("JAX_COMPILATION_CACHE", "JAX_PERSISTENT", "SPARSID_CACHE")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(own)}
    return {**kept, "XDG_CACHE_HOME": str(folder), **more}


def start(folder: Path, **more: str) -> subprocess.Popen:
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    command = [sys.executable, "-c", PROGRAM]
    return subprocess.Popen(command, env=environment(folder, **more), **pipes)


def compute(folder: Path, **more: str) -> tuple[str, str]:
    """What the program computes, and what it says of the folder."""
    process = start(folder, **more)
    out, err = process.communicate()
    assert process.returncode == 0, err
    return out, err


def programs(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.rglob("*-cache")}


@pytest.fixture(scope="module")
def kept(tmp_path_factory):
    """A folder in which a run has left its programs, and what it computed."""
    folder = tmp_path_factory.mktemp("kept")
    out, err = compute(folder)
    assert err == ""
    assert programs(folder)
    return folder, out


def test_programs_are_used_again_and_give_the_same_bits(kept):
    folder, out = kept
    before = programs(folder)
    used = {p: p.read_bytes() for p in folder.rglob("*-atime")}
    assert compute(folder) == (out, "")
    assert compute(folder, SPARSID_CACHE="off") == (out, "")
    assert programs(folder) == before
    assert all(p.read_bytes() != stamp for p, stamp in used.items())
    (own,) = (folder / "sparsid").iterdir()
    assert own.stat().st_mode & 0o077 == 0


def test_two_processes_at_once_get_along(kept, tmp_path):
    together = [start(tmp_path) for _ in range(2)]
    assert [process.communicate() for process in together] == [(kept[1], "")] * 2
    assert programs(tmp_path).keys() == programs(kept[0]).keys()


def test_damaged_programs_are_compiled_again_and_one_note_says_so(kept):
    folder, out = kept
    for path in folder.rglob("*-cache"):
        path.write_bytes(b"damage")
    content, note = compute(folder)
    assert content == out
    assert len(note.splitlines()) == 1
    assert "cannot be used and is compiled again" in note
    assert b"damage" not in programs(folder).values()
    assert compute(folder) == (out, "")


def test_a_folder_that_cannot_be_used_is_said_and_done_without(kept, tmp_path):
    out = kept[1]
    (tmp_path / "file").touch()
    content, note = compute(tmp_path, SPARSID_CACHE=str(tmp_path / "file"))
    assert (content, len(note.splitlines())) == (out, 1)
    assert "cannot be written to" in note
    for path in (kept[0] / "sparsid").iterdir():
        (tmp_path / "open" / path.name).mkdir(parents=True)
        (tmp_path / "open" / path.name).chmod(0o777)
    content, note = compute(tmp_path, SPARSID_CACHE=str(tmp_path / "open"))
    assert (content, len(note.splitlines())) == (out, 1)
    assert "not the user's own" in note
    assert not programs(tmp_path)


def test_the_user_says_where_and_how_much(kept, tmp_path):
    out, own = kept[1], tmp_path / "own"
    assert compute(tmp_path, SPARSID_CACHE="off") == (out, "")
    assert not list(tmp_path.iterdir())
    assert compute(tmp_path, JAX_COMPILATION_CACHE_DIR=str(own))[0] == out
    assert not (tmp_path / "sparsid").exists()
    size = sum(map(len, programs(kept[0]).values()))
    half = {"SPARSID_CACHE": str(own), "JAX_COMPILATION_CACHE_MAX_SIZE": str(size // 2)}
    assert compute(tmp_path, **half) == (out, "")
    assert 0 < sum(map(len, programs(own).values())) <= size // 2


def test_a_forecast_is_the_same_with_programs_kept_and_without(tmp_path):
    write_csv(tmp_path / "plant.csv", tank_rows(), header="x1,x2,u1")
    (tmp_path / "model.sparsid").write_bytes(MODEL.read_bytes())
    program = [sys.executable, "-m", "sparsid"]
    for at, more in enumerate(((), (), ("--no-cache",))):
        call = [*program, *more, "predict", "model.sparsid", "plant.csv", "--out", f"{at}.csv"]
        if at == 2:
            before = programs(tmp_path)
            for path in tmp_path.rglob("*-cache"):
                path.unlink()
        subprocess.run(call, cwd=tmp_path, env=environment(tmp_path), check=True)
    assert before
    assert not programs(tmp_path)
    first = (tmp_path / "0.csv").read_bytes()
    assert first == (tmp_path / "1.csv").read_bytes() == (tmp_path / "2.csv").read_bytes()
