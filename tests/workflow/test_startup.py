"""What a call does not use it does not import: help, refusals and what is read from a header."""

import subprocess
import sys
from pathlib import Path

import pytest
from tests.workflow.test_cli import tank_rows, write_csv

MODEL = next(Path(__file__).parents[1].glob("fixtures/schema1/plain.sparsid"))
HEAVY = ("jax", "scipy", "pandas", "xarray", "h5py", "matplotlib", "pyarrow", "optax", "equinox")
ASKED = """
import sys
from sparsid.cli import main
try:
    main(sys.argv[1:])
except SystemExit as end:
    print("code", end.code, file=sys.stderr)
print("imported", *(name for name in {heavy} if name in sys.modules), file=sys.stderr)
"""


def call(*arguments, folder) -> tuple[int, set[str], str]:
    """Exit code, heavy packages imported, and what standard error says."""
    command = [sys.executable, "-c", ASKED.format(heavy=HEAVY), *map(str, arguments)]
    content = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True).stderr
    *errors, code, imported = content.splitlines()
    return int(code.split()[1]), set(imported.split()[1:]), "\n".join(errors)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    home = tmp_path_factory.mktemp("plant")
    write_csv(home / "plant.csv", tank_rows())
    (home / "model.sparsid").write_bytes(MODEL.read_bytes())
    (home / "notes.txt").write_text("mine")
    spec = '[data]\nfiles = ["plant.csv"]\nstates = ["Tx"]\ndt = 10\n'
    (home / "column.toml").write_text(spec + "[[phase]]\nepochs = 1\n[[phase]]\niterations = 1\n")
    phase = "[[phase]]\nepochs = 1\naverage = true\nloss = 'free-run'\nl1 = { weight = 1e-4 }\n"
    (home / "phase.toml").write_text(spec + phase + "threshold = 1e-3\nunit_sphere = {}\n")
    (home / "key.toml").write_text(spec + "[training]\nmember = 3\n")
    (home / "process.toml").write_text(
        'name = "own"\n[data]\nprocess = "aluminum"\n[[configuration]]\nname = "one"\n'
        "phases = [{epochs = 1, rate = {rate = 0.1}}]\n"
    )
    return home


FIT = ("fit", "plant.csv", "--inputs", "Q", "--dt", "10")


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("--help",), 0),
        (("--version",), 0),
        *(((verb, "--help"), 0) for verb in ("fit", "predict", "prune", "demo", "structure")),
        (("study", "run", "--help"), 0),
        (("info", "model.sparsid"), 0),
        (("processes",), 0),
        (("--no-such",), 2),
        (("fit", "plant.csv", "--members", "many"), 2),
        ((*FIT, "--states", "Tx", "--out", "new"), 2),
        ((*FIT, "--states", "T1", "--out", "notes.txt"), 2),
        ((*FIT, "--states", "T1", "--out", "nowhere/new"), 2),
        (("fit", "nowhere.csv", "--states", "T1", "--dt", "1", "--out", "new"), 2),
        (("fit", "plant.xyz", "--states", "T1", "--dt", "1", "--out", "new"), 2),
        (("fit", "column.toml", "--out", "new"), 2),
        (("fit", "key.toml", "--out", "new"), 2),
        (("fit", "phase.toml", "--out", "new"), 2),
        (("score", "model.sparsid", "plant.csv"), 2),  # other columns than the model's
        (("score", "nowhere.sparsid", "plant.csv"), 2),
        (("predict", "model.sparsid", "plant.csv", "--out", "new.csv"), 2),
        (("predict", "model.sparsid", "plant.csv", "--out", "new.xyz"), 2),
        (("predict", "model.sparsid", "nowhere.csv", "--out", "new.csv"), 2),
        (("prune", "model.sparsid", "plant.csv", "--out", "new"), 2),
        (("equations", "model.sparsid", "plant.csv"), 2),
        (("structure", "model.sparsid", "--data", "plant.csv"), 2),
        (("simulate", "aluminum", "--out", "new.nc"), 2),
        (("replay", "aluminum", "plant.nc", "--out", "new.nc"), 2),
        (("structure", "model.sparsid", "--truth", "aluminum"), 2),
        (("equations", "model.sparsid", "plant.csv", "--truth", "aluminum"), 2),
        (("simulate", "duffing", "--noise", "x", "--out", "new.nc"), 2),
        (("simulate", "duffing", "--noise", "bad=1", "--out", "new.nc"), 2),
        (("study", "list"), 0),
        (("study", "run", "nosuch", "--out", "new"), 2),
        (("study", "run", "process.toml", "--out", "new"), 2),
        (("study", "run", "haugstvedt2023-quick", "--out", "notes.txt"), 2),  # a file, no folder
        (("study", "show", "nosuch"), 2),
        (("study", "compare", "nosuch", "A", "B"), 2),
    ],
)
def test_a_start_waits_for_nothing_that_it_does_not_use(folder, arguments, code):
    got, imported, content = call(*arguments, folder=folder)
    assert (got, imported) == (code, set()), content
    assert "Traceback" not in content


def test_completion_waits_for_nothing(folder):
    program = "import sys; from sparsid.cli import main; sys.argv = ['sparsid']\n"
    program += "try:\n    main()\n"
    program += f"finally:\n    print(*({set(HEAVY)!r} & sys.modules.keys()), file=sys.stderr)\n"
    words = {"COMP_WORDS": "sparsid pr", "COMP_CWORD": "1", "_SPARSID_COMPLETE": "complete_bash"}
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, env=words, cwd=folder
    )
    assert set(done.stdout.split()) == {"processes", "predict", "prune"}
    assert done.stderr.strip() == ""


def test_importing_the_data_needs_numpy_alone():
    program = f"import sys, sparsid.data; print(*(set({HEAVY!r}) & sys.modules.keys()))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True)
    assert (done.stdout.strip(), done.stderr) == ("", "")
