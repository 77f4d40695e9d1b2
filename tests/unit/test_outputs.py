"""Outputs destroy nothing: no input, and without --force no file that sparsid did not write."""

import json
import os
from pathlib import Path

import numpy as np
import pytest

from sparsid._errors import SparsidError
from sparsid.cli.outputs import LATEX, MARKDOWN, check_outputs, written_by_sparsid
from sparsid.data import Dataset, write_table
from sparsid.report.document import Document, Figure
from sparsid.report.figures import Trajectories
from sparsid.report.render.page import write_page

MODEL = next(Path(__file__).parents[1].glob("fixtures/schema1/**/*.sparsid"))


@pytest.fixture
def dataset():
    return Dataset.from_arrays(x=np.arange(12.0).reshape(1, 6, 2), dt=1.0, state_names=["a", "b"])


def test_what_sparsid_writes_is_recognised(tmp_path, dataset):
    dataset.to_netcdf(tmp_path / "a.nc")
    write_table(dataset, tmp_path / "a.csv")
    drawing = Trajectories(np.arange(6.0), dataset[0].x, {}, ("a", "b"), (None, None))
    document = Document("t", ("i",), figures=(Figure("figure", "Figure", "", drawing),))
    write_page(document, tmp_path / "a.html")
    for file in (tmp_path / "figures").iterdir():
        file.rename(tmp_path / file.name)
    (tmp_path / "figures").rmdir()
    (tmp_path / "a.tex").write_text(LATEX + "x")
    (tmp_path / "a.md").write_text(MARKDOWN + "x")
    paths = {"format": "sparsid-pruning-paths", "schema": 1}
    (tmp_path / "a.json").write_text(json.dumps(paths, indent=1))
    (tmp_path / "empty").touch()
    for path in (MODEL, *tmp_path.iterdir()):
        assert written_by_sparsid(path), path
    check_outputs(tmp_path.iterdir())


def test_tables_in_parquet_are_recognised(tmp_path, dataset):
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    write_table(dataset, tmp_path / "a.parquet")
    assert written_by_sparsid(tmp_path / "a.parquet")
    pandas.DataFrame({"a": [1.0]}).to_parquet(tmp_path / "b.parquet")
    assert not written_by_sparsid(tmp_path / "b.parquet")


FOREIGN = {
    "plant.csv": b"time,T1\n0,1\n",
    "plant.zip": b"PK\x03\x04 and no archive",
    "plant.nc": b"\x89HDF\r\n\x1a\n and damage",
    "classic.nc": b"CDF\x01",
    "plant.parquet": b"PAR1 and damage",
    "page.html": b"<!DOCTYPE html><title>mine</title>",
    "paper.tex": b"\\begin{align*}\nx\n\\end{align*}\n",
    "notes.md": b"# Notes\n",
    "any.json": b'{"format": "other"}',
    "photo.png": b"\x89PNG\r\n\x1a\n",
    "text": b"sparsid",
}


@pytest.mark.parametrize("name", FOREIGN)
def test_a_file_of_somebody_else_takes_force(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(FOREIGN[name])
    with pytest.raises(SparsidError, match=rf"Cannot write .*{name}: .*did not write.* --force"):
        check_outputs([path])
    check_outputs([path], force=True)
    assert path.read_bytes() == FOREIGN[name]


def test_an_input_is_never_an_output(tmp_path, dataset, monkeypatch):
    """Whatever the spelling, through links of both kinds, ours or not, with force or without."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "sub").mkdir()
    write_table(dataset, "data.csv")
    os.link("data.csv", "hard.csv")
    Path("soft.csv").symlink_to("data.csv")
    Path("loop.csv").symlink_to("loop.csv")
    for output in ("data.csv", "./sub/../data.csv", tmp_path / "data.csv", "hard.csv", "soft.csv"):
        for force in (False, True):
            with pytest.raises(SparsidError, match=r"may not replace an input.*another name"):
                check_outputs([output], inputs=["data.csv"], force=force)
            with pytest.raises(SparsidError, match="may not replace an input"):
                check_outputs(["data.csv"], inputs=["other.csv", output], force=force)
    check_outputs(["new.csv"], inputs=["data.csv", "nowhere.csv"])


def test_two_outputs_do_not_meet(tmp_path):
    with pytest.raises(SparsidError, match="two outputs"):
        check_outputs([tmp_path / "a", tmp_path / "b", tmp_path / "." / "a"], force=True)
