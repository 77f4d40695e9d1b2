"""File formats in their registry: found by suffix, imported when used, added in a few lines."""

import importlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from tests.command_line import run

from sparsid._errors import SparsidError
from sparsid.data import Dataset, formats, read, write

# A format of a user: a file that names its channels.
DESCRIBED = """
import json

from sparsid.data import Dataset
from sparsid.data.formats import add_format
from sparsid.data.kinds import KINDS

def read_json(path):
    return Dataset.from_arrays(**json.loads(path.read_text()))

def write_json(dataset, path):
    said = {"dt": dataset.dt}
    for kind in KINDS:
        channels, values = dataset.channels(kind), [t.values(kind).tolist() for t in dataset]
        if len(channels):
            said |= kind.keywords(values, channels.names, channels.units)
    path.write_text(json.dumps(said))

add_format(".json", read="described:read_json", write="described:write_json", describes_itself=True)
"""

# Another: a table, whose columns are chosen by name.
TABLE = """
from dataclasses import dataclass

import numpy as np
import pandas as pd

from sparsid.data.formats import add_format
from sparsid.data.io.frames import as_frame
from sparsid.data.io.headings import parse_headings

@dataclass(frozen=True)
class ArrayTable:
    path: object
    headings: tuple
    values: np.ndarray
    headed, decimal_comma = True, False
    def frame(self, at):
        return pd.DataFrame({i: self.values[:, i] for i in at})
    def place(self, row):
        return f"in row {row + 1} of {self.path}"
    def written(self, row, column):
        return str(self.values[row, column])

def open_npz(path, columns):
    file = np.load(path)
    return ArrayTable(path, parse_headings(file["names"]), file["values"])

def write_npz(dataset, path):
    frame = as_frame(dataset)
    np.savez(path.open("wb"), names=list(frame), values=frame.to_numpy())

add_format(".npz", read="arrays:open_npz", write="arrays:write_npz")
"""


@pytest.fixture
def added(tmp_path, monkeypatch):
    """Imports a user's module of the given name and source; what it registered is forgotten."""
    for registry in (formats.READERS, formats.TABLES, formats.WRITERS):
        for field in ("_objects", "_import_paths"):
            monkeypatch.setattr(registry, field, dict(getattr(registry, field)))
    monkeypatch.syspath_prepend(tmp_path)

    def add(name: str, source: str) -> None:
        assert len([line for line in source.splitlines() if line]) <= 30
        (tmp_path / f"{name}.py").write_text(source)
        monkeypatch.delitem(sys.modules, name, raising=False)
        importlib.import_module(name)

    return add


@pytest.fixture
def data():
    x = [np.arange(8.0).reshape(4, 2) / 3, np.arange(6.0).reshape(3, 2)]
    return Dataset.from_arrays(
        x=x,
        u=[r[:, :1] + 0.5 for r in x],
        dt=10,
        state_names=["T1", "T2"],
        state_units=["degC", None],
        input_names=["Q"],
    )


def same(one: Dataset, other: Dataset) -> bool:
    """Whether both hold the same to the last bit: channels, sampling time, numbers."""
    return one.digest() == other.digest()


def test_a_self_describing_format_is_added_in_a_few_lines(added, data, tmp_path, capsys):
    path = tmp_path / "plant.json"
    with pytest.raises(SparsidError, match=r"'\.json'; known: \.csv, \.nc"):
        write(data, path)
    added("described", DESCRIBED)
    write(data, path)
    assert json.loads(path.read_text())["x"][1] == data[1].x.tolist()
    assert same(read(path), data)
    assert read(path, states=["T2"]).states.names == ("T2",)
    with pytest.raises(SparsidError, match=r"`columns` is for tables; .*plant\.json names"):
        read(path, columns=["a"])
    assert run("info", path) == 0
    assert "T2" in capsys.readouterr().out


def test_a_format_of_tables_is_added_in_a_few_lines(added, data, tmp_path):
    added("arrays", TABLE)
    path = tmp_path / "plant.npz"
    write(data, path)
    with np.load(path) as file:
        assert file["names"].tolist() == ["trajectory", "time [s]", "T1 [degC]", "T2", "Q"]
        np.testing.assert_array_equal(file["values"][:, 3], [1 / 3, 1, 5 / 3, 7 / 3, 1, 3, 5])
    again = read(path, states=["T1", "T2"], inputs=["Q"], time="time")
    assert same(again, data)
    with path.open("wb") as file:
        np.savez(file, names=["T"], values=[[1.0], [np.nan]])
    with pytest.raises(SparsidError, match=r"row 2 of .*plant\.npz 'nan'"):
        read(path, states=["T"], dt=1)


@pytest.mark.parametrize("suffix", list(formats.WRITERS))
def test_every_format_that_is_written_is_read_again_to_the_bit(data, tmp_path, suffix):
    path = tmp_path / f"plant{suffix.upper()}"
    write(data, path)
    assert [p.name for p in tmp_path.iterdir()] == [path.name]
    chosen = {}
    if not formats.describes_itself(path):
        chosen = {"states": ["T1", "T2"], "inputs": ["Q"], "time": "time"}
    assert same(read(path, **chosen), data)


def test_a_suffix_that_is_not_written_is_refused_before_anything_is(data, tmp_path):
    for name in ("plant.xlsx", "plant.txt", "plant"):
        with pytest.raises(SparsidError, match=r"to write.*known: \.csv, .*\.parquet"):
            write(data, tmp_path / name)
    with pytest.raises(SparsidError, match="Cannot write"):
        write(data, tmp_path / "absent" / "plant.csv")
    assert not list(tmp_path.iterdir())


def test_no_reader_is_imported_before_it_is_used():
    code = """
import sys
from sparsid.data.formats import check_written, describes_itself
assert describes_itself("a.NC") and not describes_itself("a.csv")
check_written("a.pq")
sys.exit(bool({"pandas", "xarray", "pyarrow", "h5py", "jax"} & set(sys.modules)))
"""
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_every_place_in_the_registry_is_there():
    for registry in (formats.READERS, formats.TABLES, formats.WRITERS):
        assert len(registry) >= 3
        assert all(callable(registry[suffix]) for suffix in registry)


def test_the_page_of_formats_names_every_suffix():
    page = (Path(__file__).parents[2] / "docs" / "file-format.md").read_text()
    suffixes = {*formats.READERS, *formats.TABLES, *formats.WRITERS}
    assert [suffix for suffix in sorted(suffixes) if f"`{suffix}`" not in page] == []
