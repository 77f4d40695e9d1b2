"""The frame of the project: which Python is taken, what is pinned, what an import reaches."""

import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SHELL = shutil.which("sh")


def program(path: Path, line: str) -> None:
    """An executable shell script of one line."""
    path.write_text(f"#!{SHELL}\n{line}\n")
    path.chmod(0o755)


@pytest.fixture
def find_python(tmp_path):
    """Runs tools/find-python.sh where nothing is found but what the test put into `tmp_path`."""
    environment = {"PATH": str(tmp_path), "HOME": str(tmp_path), "PYENV_ROOT": str(tmp_path)}
    command = [SHELL, ROOT / "tools/find-python.sh"]
    return lambda: subprocess.run(command, env=environment, capture_output=True, text=True)


def test_a_shim_that_fails_is_passed_over(find_python, tmp_path):
    program(tmp_path / "uv", "exit 0")
    program(tmp_path / "python3.14", "echo 'pyenv: python3.14: command not found' >&2; exit 127")
    program(tmp_path / "python3.12", f"exec '{sys.executable}' \"$@\"")
    found = find_python()
    version = subprocess.run([found.stdout.strip(), "-V"], capture_output=True, text=True)
    assert found.returncode == 0
    assert version.stdout.split()[1] == sys.version.split()[0]


def test_the_newest_is_taken_wherever_it_lies(find_python, tmp_path):
    def answers(path: Path, minor: int) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        rank = f"{(3 << 24) + (minor << 16)}"
        program(path, f"echo {rank}; echo 3.{minor}.0; echo '/python 3.{minor}'")

    answers(tmp_path / "python3", 12)
    answers(tmp_path / "versions/3.14.0/bin/python", 14)
    answers(tmp_path / ".local/share/uv/python/cpython-3.13/bin/python3", 13)
    assert find_python().stdout == "/python 3.14\n"


def test_without_any_python_one_sentence_says_what_to_do(find_python, tmp_path):
    program(tmp_path / "python3.12", "exit 127")
    program(tmp_path / "python3", "echo 0; echo 3.11.7; echo /python3.11")
    refused = find_python()
    assert refused.returncode == 1
    assert refused.stdout == ""
    assert refused.stderr == (
        "sparsid needs a Python from 3.12 to 3.14 that runs, and none was found among those on "
        "PATH, uv's and pyenv's (python3.12 (does not run), python3 (3.11.7)); install one, for "
        "example with 'uv python install 3.13' or 'pyenv install 3.13', and run make again.\n"
    )


def test_constraints_hold_names_and_versions_only():
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    pins = [line for line in lines if not line.startswith("#")]
    assert pins
    assert [pin for pin in pins if not re.fullmatch(r"[a-z0-9-]+==[\w.]+( ; [^/]+)?", pin)] == []


def test_importing_the_plain_layers_reaches_no_jax():
    layers = ["data", "graph", "report", "results"]
    there = [name for name in layers if (ROOT / "src/sparsid" / name / "__init__.py").exists()]
    code = "import importlib, sys; [importlib.import_module(m) for m in sys.argv[1:]]; "
    code += "sys.exit('jax' in sys.modules)"
    modules = ["sparsid", *(f"sparsid.{name}" for name in there)]
    assert subprocess.run([sys.executable, "-c", code, *modules]).returncode == 0


def test_packages_and_names_load_on_first_use_after_import_sparsid_alone():
    code = """
import sys
import sparsid
assert {m for m in sys.modules if m.startswith("sparsid.")} == {"sparsid._lazy"}, "nothing else"
assert sparsid.data.read.__module__.startswith("sparsid.data")
assert "jax" not in sys.modules
assert sparsid.evaluation.forecast is sparsid.forecast
for name in ("pumps", "_pumps", "data2"):
    try:
        getattr(sparsid, name)
    except AttributeError as error:
        assert name in str(error)
    else:
        raise AssertionError(name)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
