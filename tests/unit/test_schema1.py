"""What sparsid wrote before today still loads, runs to the same numbers, and is found again."""

import hashlib
import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from tests.command_line import run

from sparsid.data import Dataset
from sparsid.models import load
from sparsid.study import read_study
from sparsid.study.reading import presets
from sparsid.study.tasks.map.cells import cells as map_cells
from sparsid.study.tasks.prune.cells import cells as path_cells
from sparsid.study.tasks.prune.spec import PathStudySpec
from sparsid.study.tasks.simulate.cells import cells_of
from sparsid.study.tasks.simulate.spec import StudySpec

FIXTURES = Path(__file__).parents[1] / "fixtures" / "schema1"
MODELS = sorted(path.stem for path in FIXTURES.glob("*.sparsid"))
KEYS = json.loads((FIXTURES / "keys.json").read_text())


def runs_of(ensemble) -> np.ndarray:
    """Free runs (member, time, channel) over the first record of the fixtures."""
    record = Dataset.from_netcdf(FIXTURES / "plant.nc")[0]
    start = record.x[0] if ensemble.lag == 1 else record.x[: ensemble.lag]
    return np.stack([member.rollout(start, record.u) for member in ensemble])


@pytest.mark.parametrize("name", MODELS)
def test_a_model_file_loads_and_runs_to_the_same_numbers(name, tmp_path):
    with np.load(FIXTURES / "runs.npz") as runs:
        wanted = runs[name]
    ensemble = load(FIXTURES / f"{name}.sparsid")
    # Of the same code on the same machine they are equal to the bit; compilers may fuse otherwise.
    np.testing.assert_allclose(runs_of(ensemble), wanted, rtol=1e-12)
    ensemble.save(tmp_path / "again.sparsid")
    assert np.array_equal(runs_of(load(tmp_path / "again.sparsid")), runs_of(ensemble))


@pytest.mark.parametrize("task", ["simulate", "prune", "map"])
def test_a_study_folder_resumes_with_nothing_to_do_and_is_shown(task, tmp_path, capsys):
    folder = tmp_path / task
    shutil.copytree(FIXTURES / f"study_{task}", folder)
    rows = {path: path.read_bytes() for path in (folder / "rows").iterdir()}
    assert rows
    assert run("study", "run", FIXTURES / f"study_{task}.toml", "--out", folder) == 0
    assert f"{len(rows)} of {len(rows)} cells are stored" in " ".join(
        capsys.readouterr().out.split()
    )
    assert rows == {path: path.read_bytes() for path in (folder / "rows").iterdir()}
    assert run("study", "show", folder) == 0
    assert (folder / "index.html").is_file()


@pytest.mark.parametrize("name", presets())
def test_the_cells_of_a_preset_keep_their_keys(name):
    study = read_study(name)
    if isinstance(study, StudySpec):
        data = study.data
        names = ("process", "train", "validation", "test", "samples", "dt", "seed")
        sizes = data.sizes or (data.train,)
        examples = {size: size * (data.samples - 1) for size in sizes}
        cells = cells_of(study, {name: getattr(data, name) for name in names}, examples)
    else:
        cells = path_cells(study) if isinstance(study, PathStudySpec) else map_cells(study)
    keys = "\n".join(cell.key for cell in cells)
    assert KEYS[name] == {"cells": len(cells), "sha256": hashlib.sha256(keys.encode()).hexdigest()}


def test_every_preset_has_keys():
    assert set(KEYS) == set(presets())
