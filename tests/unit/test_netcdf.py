"""NetCDF files: exact round trips, files of others, and files that cannot be read."""

import re
import string
from pathlib import Path

import numpy as np
import pytest
import xarray as xr
from hypothesis import given, settings
from hypothesis import strategies as st

from sparsid._errors import SparsidError
from sparsid.data import Dataset, read

FORMAT_PAGE = Path(__file__).parents[2] / "docs" / "file-format.md"
words = st.text(string.printable + "äöü°µ²Δ", min_size=1, max_size=8)
numbers = st.floats(allow_nan=False, allow_infinity=False)


@st.composite
def datasets(draw):
    lengths = draw(st.lists(st.integers(2, 5), min_size=1, max_size=3))
    options = {}
    for letter, kind in (("x", "state"), ("y", "output"), ("u", "input")):
        width = draw(st.integers(1 if letter == "x" else 0, 3))
        if not width:
            continue
        fill = st.lists(st.lists(numbers, min_size=width, max_size=width), min_size=5, max_size=5)
        options[letter] = [np.array(draw(fill))[:n] for n in lengths]
        names = st.lists(words, min_size=width, max_size=width, unique=True)
        options[f"{kind}_names"] = draw(names)
        units = st.lists(st.none() | words, min_size=width, max_size=width)
        options[f"{kind}_units"] = draw(units)
    return Dataset.from_arrays(
        **options,
        dt=draw(st.floats(1e-6, 1e6)),
        notes=draw(st.lists(words, max_size=2)),
        attributes=draw(st.dictionaries(st.sampled_from(["seed", "source"]), words)),
    )


@settings(max_examples=60, deadline=None)
@given(data=datasets())
def test_what_is_written_is_read_to_the_bit(tmp_path_factory, data):
    path = tmp_path_factory.getbasetemp() / "round.nc"
    data.to_netcdf(path)
    again = Dataset.from_netcdf(path)
    assert again.digest() == data.digest()
    assert (again.lengths, again.notes, again.attributes) == (
        data.lengths,
        data.notes,
        data.attributes,
    )


@pytest.fixture
def data():
    x = [np.arange(8.0).reshape(4, 2), np.arange(6.0).reshape(3, 2)]
    return Dataset.from_arrays(
        x=x,
        u=[r[:, :1] + 0.5 for r in x],
        dt=10,
        state_names=["T1", "T2"],
        state_units=["degC", None],
        input_names=["Q"],
        notes=["first", "second"],
    )


def test_plain_xarray_sees_the_layout_of_the_format_page(data, tmp_path):
    data.to_netcdf(tmp_path / "d.nc")
    assert [p.name for p in tmp_path.iterdir()] == ["d.nc"]
    with xr.open_dataset(tmp_path / "d.nc", engine="h5netcdf") as file:
        assert file["x"].dims == ("trajectory", "time", "state")
        assert file["x"].sel(state="T2").isel(trajectory=0).values.tolist() == [1, 3, 5, 7]
        assert file["length"].values.tolist() == [4, 3]
        assert np.isnan(file["x"].values[1, 3]).all()
        assert list(file["x"].attrs["units"]) == ["degC", ""]
        assert file["time"].values.tolist() == [0, 10, 20, 30]
        assert "y" not in file
        assert file.attrs["dt"] == 10


def alien(**variables):
    return xr.Dataset(variables or {"x": (("time", "state"), np.eye(4))}, attrs={"dt": 2.0})


@pytest.mark.parametrize(("engine", "format"), [("h5netcdf", "NETCDF4"), ("scipy", None)])
def test_files_of_others_are_read(tmp_path, engine, format):
    values = np.arange(24.0).reshape(2, 4, 3)
    file = xr.Dataset(
        {
            "y": (("output", "trajectory", "time"), values.transpose(2, 0, 1)),
            "u": (("trajectory", "time", "input"), values[..., :1].astype("f4")),
        },
        {
            "output": ["a", "b", "c"],
            "time": ("time", [0.0, 0.5, 1.0, 1.5], {"units": "hours"}),
        },
    )
    file["y"].attrs["units"] = "K, bar, "
    file.to_netcdf(tmp_path / "o.nc", engine=engine, format=format)
    data = Dataset.from_netcdf(tmp_path / "o.nc")
    assert np.array_equal(data[1].y, values[1])
    assert np.array_equal(data[1].u, values[1, :, :1])
    assert data.outputs.names == ("a", "b", "c")
    assert data.outputs.units == ("K", "bar", None)
    assert data.dt == 1800


def test_one_record_may_lack_the_trajectory_and_the_lengths(tmp_path):
    alien().to_netcdf(tmp_path / "o.nc", engine="h5netcdf")
    data = Dataset.from_netcdf(tmp_path / "o.nc")
    assert (data.lengths, data.dt, data.states.names) == ((4,), 2.0, ("x1", "x2", "x3", "x4"))


def test_without_lengths_rows_of_nan_at_the_end_are_fill(tmp_path):
    values = np.ones((2, 5, 1))
    values[1, 3:] = np.nan
    alien(x=(("trajectory", "time", "state"), values)).to_netcdf(tmp_path / "o.nc")
    assert Dataset.from_netcdf(tmp_path / "o.nc").lengths == (5, 3)


def test_every_cut_of_a_file_is_refused_in_a_sentence(data, tmp_path):
    data.to_netcdf(tmp_path / "d.nc")
    whole = (tmp_path / "d.nc").read_bytes()
    for share in (0.0, 0.0005, 0.05, 0.3, 0.6, 0.99):
        (tmp_path / "cut.nc").write_bytes(whole[: int(share * len(whole))])
        with pytest.raises(SparsidError, match=r"cut\.nc.*(damaged|NetCDF)"):
            Dataset.from_netcdf(tmp_path / "cut.nc")


def test_a_newer_format_is_refused(data, tmp_path):
    data.to_netcdf(tmp_path / "d.nc")
    with xr.open_dataset(tmp_path / "d.nc", engine="h5netcdf") as file:
        file.load().assign_attrs(sparsid_format=2).to_netcdf(tmp_path / "n.nc")
    with pytest.raises(SparsidError, match=r"newer format 2.*up to 1.*install"):
        Dataset.from_netcdf(tmp_path / "n.nc")


def column(values):
    return (("time", "state"), np.asarray(values)[:, None])


@pytest.mark.parametrize(
    ("file", "words"),
    [
        (alien(z=("time", np.ones(4))), ["variable x", "y", "z"]),
        (alien(x=("time", np.ones(4))), ["dimensions trajectory, time, state", "has"]),
        (alien(x=column([1.0])), ["2 samples"]),
        (alien(x=column(["a", "b"])), ["must contain numbers"]),
        (alien(x=column([1, np.nan, 3.0])), ["finite", "nan", "row 1"]),
        (alien(x=column([1, 2.0]), length=("trajectory", [9])), ["length", "2 to 2", "9"]),
        (alien().assign_coords(time=[0.0, 1, 2, 4]), ["constant", "sample 4", "2 s"]),
        (alien().assign_coords(time=[0.0, 1, 2, 3]), ["step of 1 s", "2 s"]),
        (alien().assign_coords(time=[0.0, 1, 2, 0]), ["must increase", "sample 4"]),
        (alien().drop_attrs(), ["sampling time", "dt", "time"]),
        (alien().assign_attrs(dt=-1.0), ["positive", "-1"]),
        (alien().assign_attrs(dt="ten"), ["positive", "ten"]),
        (alien().assign_attrs(sparsid_format="b"), ["integer"]),
        (alien(x=(*column([1, 2.0]), {"units": ["K", "K"]})), ["units", "1 units", "got 2"]),
    ],
)
def test_other_layouts_are_refused_in_a_sentence(tmp_path, file, words):
    file.to_netcdf(tmp_path / "o.nc", engine="h5netcdf")
    with pytest.raises(SparsidError) as refusal:
        Dataset.from_netcdf(tmp_path / "o.nc")
    assert all(word in str(refusal.value) for word in [*words, "o.nc"]), str(refusal.value)


def test_what_is_no_netcdf_file_is_refused(tmp_path):
    (tmp_path / "t.nc").write_text("a,b\n1,2\n")
    with pytest.raises(SparsidError, match="not a NetCDF file"):
        Dataset.from_netcdf(tmp_path / "t.nc")
    with pytest.raises(SparsidError, match="Cannot read"):
        Dataset.from_netcdf(tmp_path / "absent.nc")


def test_a_failed_write_leaves_nothing_behind(data, tmp_path):
    with pytest.raises(SparsidError, match="Cannot write"):
        data.to_netcdf(tmp_path / "absent" / "d.nc")
    bad = Dataset.from_arrays(x=np.ones((1, 2, 1)), dt=1, attributes={"seed": "\0"})
    with pytest.raises(SparsidError, match="Cannot write"):
        bad.to_netcdf(tmp_path / "d.nc")
    mine = Dataset.from_arrays(x=np.ones((1, 2, 1)), dt=1, attributes={"dt": "3"})
    with pytest.raises(SparsidError, match="reserved by the file format"):
        mine.to_netcdf(tmp_path / "d.nc")
    assert not list(tmp_path.iterdir())


def test_read_selects_channels_and_checks_the_step(data, tmp_path):
    path = tmp_path / "d.nc"
    data.to_netcdf(path)
    assert read(path).digest() == data.digest()
    assert read(path, states=["T2"]).states.names == ("T2",)
    assert read(path, states=["T2"]).inputs.names == ("Q",)
    assert len(read([path, path])) == 4
    with pytest.raises(SparsidError, match="no state T9"):
        read(path, states=["T9"])
    with pytest.raises(SparsidError, match=r"10 s.*5 s"):
        read(path, dt=5)
    with pytest.raises(SparsidError, match=r"columns.*tables"):
        read(path, columns=["a"])


def test_the_example_of_the_format_page_runs(tmp_path, monkeypatch):
    blocks = re.findall(r"```python\n(.*?)```", FORMAT_PAGE.read_text(), re.S)
    code = next(block for block in blocks if "import xarray" in block)
    monkeypatch.chdir(tmp_path)
    exec(compile(code, str(FORMAT_PAGE), "exec"), {})
    data = Dataset.from_netcdf(tmp_path / "plant.nc")
    assert data.states.names == ("T1", "T2")
    assert data.states.units == ("degC", "degC")
    assert (data.lengths, data.dt) == ((360, 240), 10)
