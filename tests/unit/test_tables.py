"""CSV and Parquet tables: many small files as people write them, and the refusals they earn."""

import builtins
import warnings

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sparsid._errors import MissingExtraError, SparsidError
from sparsid.data import Dataset, read, read_tables, write_table

PLAIN = np.array([[1.5, 10], [2.5, 20], [-3.25e-3, 30]])


@pytest.fixture
def table(tmp_path):
    """Writes text (or bytes) to a file and gives its path."""

    def write(content, name="plant.csv"):
        path = tmp_path / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


def refusal(*arguments, reader=read, **options) -> str:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(SparsidError) as caught:
            reader(*arguments, **options)
    message = str(caught.value)
    assert "\n" not in message
    return message


LAYOUTS = {
    "comma": "T,Q\n1.5,10\n2.5,20\n-3.25e-3,30\n",
    "semicolon": "T;Q\n1.5;10\n2.5;20\n-3.25e-3;30\n",
    "tab": "T\tQ\n1.5\t10\n2.5\t20\n-3.25e-3\t30\n",
    "blanks": "  T   Q  \n  1.5  10 \n 2.5    20\n -3.25e-3 30  \n",
    "tabs and blanks": "T \t Q\t\n  1.5\t 10\t\n  2.5\t 20\t\n  -3.25e-3\t 30\t\n",
    "comma and blanks": "T, Q\n1.5, 10\n2.5, 20\n-3.25e-3 , 30\n",
    "comma and tab": "T,\tQ\n1.5,\t10\n2.5,\t20\n-3.25e-3,\t30\n",
    "quoted names": '"T","Q"\n1.5,10\n2.5,20\n-3.25e-3,30\n',
    "everything quoted": '"T";"Q"\n"1,5";"10"\n"2,5";"20"\n"-0,00325";"30"\n',
    "decimal comma": "T;Q\n1,5;10\n2,5;20\n-3,25e-3;30\n",
    "decimal comma, tabs": "T\tQ\n1,5\t10\n2,5\t20\n-3,25e-3\t30\n",
    "decimal comma, blanks": "T Q\n1,5 10\n2,5 20\n-3,25e-3 30\n",
    "trailing separators": '"T","Q",\n1.5,10,\n2.5,20,\n-3.25e-3,30,\n\n',
    "trailing in rows only": "T,Q\n1.5,10,\n2.5,20,\n-3.25e-3,30,\n",
    "byte order mark": b"\xef\xbb\xbfT,Q\n1.5,10\n2.5,20\n-3.25e-3,30\n",
    "utf-16": "T\tQ\n1.5\t10\n2.5\t20\n-3.25e-3\t30\n".encode("utf-16"),
    "windows line ends": b"T,Q\r\n1.5,10\r\n2.5,20\r\n-3.25e-3,30\r\n",
    "old line ends": b"T,Q\r1.5,10\r2.5,20\r-3.25e-3,30\r",
    "no last line end": "T,Q\n1.5,10\n2.5,20\n-3.25e-3,30",
    "comments": "# plant 3\n% May\n\nT,Q\n1.5,10\n# paused\n2.5,20\n\n  \n-3.25e-3,30\n",
    "other order": "n,Q,T\na,10,1.5\nb,20,2.5\nc,30,-3.25e-3\n",
    "gaps elsewhere": "T,Ts,Q\n1.5,4,10\n2.5,,20\n-3.25e-3,,30\n",
    "short rows": "T,Q,Ts\n1.5,10,4\n2.5,20\n-3.25e-3,30\n",
    "all rows short": "T,Q,Ts\n1.5,10\n2.5,20\n-3.25e-3,30\n",
    "text with commas": 'n,T,Q\n"a, b",1.5,10\n"c",2.5,20\n"d, e",-3.25e-3,30\n',
    "percent in a unit": "T,Q [%]\n1.5,10\n2.5,20\n-3.25e-3,30\n",
    "latin-1 unit": "T [°C];Q\n1.5;10\n2.5;20\n-3.25e-3;30\n".encode("latin-1"),
    "whole numbers first": "a;T;Q\n" + "1;1.5;10\n2;2.5;20\n3;-3.25e-3;30\n",
}


@pytest.mark.parametrize("content", LAYOUTS.values(), ids=LAYOUTS)
def test_layouts_that_people_write(table, content):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        data = read(table(content), states=["T"], inputs=["Q"], dt=10)
    assert np.array_equal(np.hstack([data[0].x, data[0].u]), PLAIN)
    assert (data.states.names, data.inputs.names) == (("T",), ("Q",))


def test_one_column_alone(table):
    assert read(table("y\n1\n2.5\n"), outputs=["y"], dt=1)[0].y.tolist() == [[1], [2.5]]


def test_a_late_decimal_comma_is_seen(table):
    content = "a;b\n" + "1;2\n" * 500 + "1,5;2\n"
    data = read(table(content), states=["a", "b"], dt=1)
    assert data[0].x[-1].tolist() == [1.5, 2]


def test_true_and_false_are_one_and_zero(table):
    data = read(table("y,v\n1,True\n2,False\n"), outputs=["y"], inputs=["v"], dt=1)
    assert data[0].u.tolist() == [[1], [0]]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(st.floats(allow_nan=False, allow_infinity=False), min_size=2, max_size=20),
    st.sampled_from([".", ","]),
)
def test_printed_numbers_are_read_to_the_bit(tmp_path_factory, numbers, decimal):
    path = tmp_path_factory.getbasetemp() / "bits.csv"
    rows = (f"{v!r};0".replace(".", decimal) for v in numbers)
    path.write_text("y;u\n" + "\n".join(rows))
    assert read(path, outputs=["y"], dt=1)[0].y[:, 0].tolist() == numbers


def test_columns_name_those_of_a_file_without_header(table):
    path = table("1 2\n3 4\n", "plant.dat")
    data = read(path, columns=["u [kW]", "y"], outputs=["y"], inputs=["u"], dt=1)
    assert data[0].y[:, 0].tolist() == [2, 4]
    assert data.inputs.units == ("kW",)


def test_units_stand_in_brackets_and_names_match_with_or_without(table):
    path = table("T1 [degC],T2[K],x[0],p\n1,2,3,4\n5,6,7,8\n")
    data = read(path, states=["T1", "T2 [K]", "x[0]", "p [bar]"], dt=1)
    assert data.states.names == ("T1", "T2", "x[0]", "p")
    assert data.states.units == ("degC", "K", None, "bar")
    assert "in K, not in degC" in refusal(path, states=["T2 [degC]"], dt=1)


def test_columns_that_differ_in_their_unit_keep_it_in_their_name(table):
    path = table("T [K],T [degC]\n1,2\n5,6\n")
    assert read(path, states=["T [K]"], dt=1).states.names == ("T [K]",)
    assert "occurs 2 times" in refusal(path, states=["T"], dt=1)


def test_several_files_are_several_trajectories(table):
    paths = [
        table("t,T [K],Q\n0,1,2\n5,3,4\n", "a.csv"),
        table("Q;T;t\n6;5;0\n8;7;5\n9;8;10\n", "b.csv"),
    ]
    data = read(paths, states=["T"], inputs=["Q"], time="t")
    assert (data.lengths, data.dt) == ((2, 3), 5)
    assert data[1].x[:, 0].tolist() == [5, 7, 8]
    assert data.attributes["source"] == "a.csv, b.csv"
    assert "no unit for T [K]" in " ".join(data.notes)


@pytest.mark.parametrize(
    ("heading", "times", "dt"),
    [
        ("t", ["0", "0.1", "0.2", "0.3"], 0.1),
        ("t", ["0.333", "0.667", "1.000", "1.333"], 1 / 3),
        ("t [ms]", ["0", "20", "40", "60"], 0.02),
        ("t [h]", ["1", "2", "3", "4"], 3600),
        ("t", [f"2024-05-31T12:00:{s}" for s in ("00", "10", "20", "30")], 10),
        ("t", [f"2024-05-31 23:59:{s}" for s in ("58", "58.5", "59", "59.5")], 0.5),
        ("t", ["2024-02-28", "2024-02-29", "2024-03-01", "2024-03-02"], 86400),
        ("t", ["2024-05-31T23:00Z", "2024-06-01T00:00Z", "2024-06-01T03:00+02:00"], 3600),
        ("t", [str(1.7e9 + 0.01 * k) for k in range(50)], 0.01),
    ],
)
def test_the_sampling_time_follows_from_times(table, heading, times, dt):
    content = f"{heading},y\n" + "\n".join(f"{t},{i}" for i, t in enumerate(times))
    data = read(table(content), outputs=["y"], time="t")
    assert data.dt == pytest.approx(dt, rel=1e-3 if "0.333" in times else 1e-6)


def test_a_given_step_that_agrees_counts(table):
    path = table("t,y\n0.333,1\n0.667,2\n1.000,3\n")
    assert read(path, outputs=["y"], time="t", dt=1 / 3).dt == 1 / 3


GOOD = "t,T1,T2,Q\n0,1,2,3\n1,4,5,6\n2,7,8,9\n"
CHOOSE = {"states": ["T1"], "inputs": ["Q"], "dt": 1}


@pytest.mark.parametrize(
    ("content", "options", "words"),
    [
        ("", CHOOSE, ["plant.csv is empty"]),
        ("# only\n\n", CHOOSE, ["is empty"]),
        ("T1,Q\n", CHOOSE, ["header line and no rows"]),
        ("T1,Q\n1,2\n", CHOOSE, ["at least 2 samples", "has 1"]),
        (GOOD, {**CHOOSE, "states": ["T3"]}, ["'T3'", "known: Q, T1, T2, t", "Did you mean 'T"]),
        (GOOD, {**CHOOSE, "inputs": ["T1"]}, ["only once", "'T1'", "twice"]),
        (GOOD, {**CHOOSE, "time": "Q"}, ["only once", "'Q'"]),
        (GOOD, {**CHOOSE, "inputs": ["T1 [K]"]}, ["only once", "'T1'"]),
        (GOOD, {"dt": 1}, ["states", "outputs", "neither"]),
        (GOOD, {"states": ["T1"]}, ["sampling time", "--dt", "--time"]),
        (GOOD, {**CHOOSE, "dt": 0}, ["`dt`", "positive", "got 0"]),
        (GOOD, {**CHOOSE, "dt": -1}, ["`dt`", "positive", "got -1"]),
        (GOOD, {**CHOOSE, "dt": float("nan")}, ["`dt`", "positive", "nan"]),
        (GOOD, {**CHOOSE, "time": "t", "dt": 2}, ["step of 1 s", "`dt` is 2 s"]),
        ("T1,Q\n1,2\nx3,4\n", CHOOSE, ["T1", "row 2 (line 3 of", "'x3' is not a finite number"]),
        ("T1,Q\n#\n1,2\n\n3,\n", CHOOSE, ["Q", "row 2 (line 5 of", "missing"]),
        ("T1,Q\n1,2\n3\n", CHOOSE, ["Q", "row 2 (line 3 of", "missing"]),
        ("T1,z,Q\n1,2\n3,4\n", CHOOSE, ["Q", "line 2", "missing"]),
        ("T1,Q\n1,2\nNaN,2\n", CHOOSE, ["T1", "line 3", "'NaN'"]),
        ("T1,Q\n1,2\n1e999,2\n", CHOOSE, ["T1", "line 3", "'1e999'"]),
        ("T1;Q\n1,5;2\nn.a.;2\n", CHOOSE, ["T1", "line 3", "'n.a.'"]),
        ("T1;Q\n1,5;2\n1.234,5;2\n", CHOOSE, ["T1", "line 3", "'1.234,5'"]),
        ('T1,Q\n"1,234",2\n2,3\n', CHOOSE, ["T1", "line 2", "'1,234'"]),
        ("T1,Q\n1,2\n3,4,5\n", CHOOSE, ["row 2 (line 3 of", "at most", "(2)", "there are 3"]),
        ('T1,Q\n1,2\n3,"4\n5,6\n', CHOOSE, ["quote", "not closed", "row 2 (line 3 of"]),
        ("T1,T1,Q\n1,2,3\n4,5,6\n", CHOOSE, ["'T1'", "occurs 2 times"]),
        ("1,2\n3,4\n", CHOOSE, ["no header line", "2 columns", "--columns"]),
        ("1,2\n3,4\n", {**CHOOSE, "columns": ["T1"]}, ["has 2", "got 1 names (T1)"]),
        ("1,2\n3,4\n", {**CHOOSE, "columns": ["T1", "a", "Q"]}, ["has 2", "got 3 names"]),
        (
            "a,b\n1,2\n3,4\n",
            {**CHOOSE, "columns": ["T1", "Q"]},
            ["row 1 (line 1 of", "'a'", "leave `columns` out"],
        ),
        (b"PK\x03\x04\0\0\0", CHOOSE, ["not a text file", "CSV"]),
    ],
)
def test_bad_tables_are_refused_in_a_sentence(table, content, options, words):
    message = refusal(table(content), **options)
    assert all(word in message for word in words), message


@pytest.mark.parametrize(
    ("times", "words"),
    [
        (["0", "1", "3", "4"], ["constant", "row 3 (line 4 of", "2 s instead of 1 s"]),
        (["0", "1", "1", "2"], ["increase", "row 3 (line 4 of"]),
        (["0", "1", "0", "1"], ["increase", "row 3", "several files"]),
        (["0", "1", "", "3"], ["time column t", "row 3 (line 4 of", "ISO"]),
        (["31.05.2024", "01.06.2024", "02.06.2024"], ["ISO timestamps", "row 1", "31.05.2024"]),
        (["2024-05-31", "2024-06-01", "later"], ["ISO", "row 3", "'later'"]),
    ],
)
def test_bad_times_are_refused_in_a_sentence(table, times, words):
    content = "t,y\n" + "\n".join(f"{t},{i}" for i, t in enumerate(times))
    message = refusal(table(content), outputs=["y"], time="t")
    assert all(word in message for word in words), message


def test_an_unknown_unit_of_time_is_refused(table):
    message = refusal(table("t [week],y\n0,1\n1,2\n"), outputs=["y"], time="t")
    assert "'week'" in message
    assert "min" in message


def test_files_that_are_not_there_or_of_no_known_kind(table, tmp_path):
    assert "no file" in refusal(tmp_path / "absent.csv", **CHOOSE)
    assert "is a folder" in refusal(tmp_path, **CHOOSE)
    assert "at least one" in refusal([], **CHOOSE)
    message = refusal(table(GOOD, "plant.xlsx"), **CHOOSE)
    assert ".xlsx" in message
    assert ".csv" in message
    both = [table(GOOD), table("", "d.nc")]
    assert "got both" in refusal(both, **CHOOSE)
    assert ".nc" in refusal(table("", "d.nc"), **CHOOSE, reader=read_tables)


def test_files_of_one_dataset_must_fit_together(table):
    first = table("T1 [K],Q\n1,2\n3,4\n", "a.csv")
    other = table("T1 [degC],Q\n1,2\n3,4\n", "b.csv")
    message = refusal([first, other], **CHOOSE)
    assert all(word in message for word in ("T1", "K", "degC", "a.csv"))


@pytest.fixture
def frame():
    times = pd.date_range("2024-05-31", periods=3, freq="10s", name="time")
    return pd.DataFrame({"T [K]": [1.0, 2.0, 3.5], "n": ["a", "b", "c"], "Q": [1, 2, 3]}, times)


def test_parquet_with_its_times_as_index(tmp_path, frame):
    frame.to_parquet(tmp_path / "p.parquet")
    data = read(tmp_path / "p.parquet", states=["T"], inputs=["Q"], time="time")
    assert (data.dt, data.states.units) == (10, ("K",))
    assert data[0].x[:, 0].tolist() == [1, 2, 3.5]


def test_bad_parquet_is_refused_in_a_sentence(tmp_path, frame, table):
    path = tmp_path / "p.parquet"
    frame.to_parquet(path)
    assert "row 1 of" in (message := refusal(path, states=["n"], dt=1))
    assert "'a' is not" in message
    assert "known: Q, T [K], n, time" in refusal(path, states=["z"], dt=1)
    assert "must contain numbers" in refusal(path, states=["time"], dt=1)
    assert "names its own columns" in refusal(path, states=["T"], dt=1, columns=["a"])
    frame["Q"] = [1, None, 3]
    frame.to_parquet(path)
    assert "row 2" in (message := refusal(path, states=["Q"], dt=1))
    assert "missing" in message
    assert "damaged" in refusal(table("no parquet", "q.parquet"), states=["T"], dt=1)
    assert "damaged" in refusal(table(path.read_bytes()[:-30], "r.pq"), states=["T"], dt=1)


def test_without_pyarrow_the_extra_is_named(tmp_path, frame, monkeypatch):
    frame.to_parquet(tmp_path / "p.parquet")
    real = builtins.__import__

    def without(name, *rest, **options):
        if name.startswith("pyarrow"):
            raise ImportError(name)
        return real(name, *rest, **options)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(MissingExtraError, match=r"sparsid\[parquet\]"):
        read(tmp_path / "p.parquet", states=["T"], dt=1)


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_written_tables_say_trajectory_time_and_units(tmp_path, suffix):
    rng = np.random.default_rng(0)
    data = Dataset.from_arrays(
        x=[rng.normal(size=(3, 2)), rng.normal(size=(2, 2))],
        y=[np.zeros((3, 1)), np.ones((2, 1))],
        dt=0.5,
        state_names=["T", "p"],
        state_units=["K", None],
        output_names=["T"],
    )
    path = tmp_path / f"runs{suffix}"
    write_table(data, path)
    frame = pd.read_csv(path) if suffix == ".csv" else pd.read_parquet(path)
    assert list(frame) == ["trajectory", "time [s]", "state T [K]", "p", "output T"]
    assert frame["trajectory"].tolist() == [0, 0, 0, 1, 1]
    assert frame["time [s]"].tolist() == [0, 0.5, 1, 0, 0.5]
    assert frame["p"].to_numpy() == pytest.approx(np.concatenate([t.x[:, 1] for t in data]))
    write_table(data[:1], path)
    again = read(path, states=["state T", "p"], time="time")
    assert np.array_equal(again[0].x, data[0].x)
    assert again.dt == 0.5


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_a_written_table_of_several_trajectories_comes_back_as_several(tmp_path, suffix):
    rng = np.random.default_rng(0)
    data = Dataset.from_arrays(
        x=[rng.normal(size=(n, 2)) for n in (4, 2, 3)],
        u=[rng.normal(size=(n, 1)) for n in (4, 2, 3)],
        dt=0.5,
    )
    path = tmp_path / f"runs{suffix}"
    write_table(data, path)
    again = read(path, states=["x1", "x2"], inputs=["u1"], time="time")
    assert again.lengths == (4, 2, 3)
    assert again.dt == 0.5
    for one, two in zip(data, again, strict=True):
        np.testing.assert_array_equal(one.x, two.x)
        np.testing.assert_array_equal(one.u, two.u)
    (note,) = again.notes
    assert note == f"runs{suffix} is read as 3 trajectories, which its column trajectory numbers."
    write_table(data[:1], path)
    assert read(path, states=["x1"], dt=0.5).notes == ()  # nothing to say of one


def test_the_column_of_trajectories_may_hold_text_and_may_be_a_channel(table):
    path = table("T,trajectory\n1,May\n2,May\n5,June\n6,June\n7,June\n")
    assert read(path, states=["T"], dt=1).lengths == (2, 3)
    ramp = table("T,trajectory\n1,0.1\n2,0.2\n5,0.3\n")
    assert read(ramp, states=["T"], inputs=["trajectory"], dt=1).lengths == (3,)
    assert read(table("T,Trajectory\n1,0.1\n2,0.2\n"), states=["T"], dt=1).lengths == (2,)


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ("1,0\n2,0\n3,1\n4,1\n5,0\n6,0\n", ("line 6", "0 reappears", "sort")),
        ("1,0.1\n2,0.2\n3,0.3\n", ("line 2", "at least 2 samples", "rename")),
        ("1,0\n2,0\n3,\n4,1\n", ("line 4", "missing")),
    ],
)
def test_a_column_that_numbers_no_trajectories_is_refused(table, rows, words):
    details = refusal(table("T,trajectory\n" + rows), states=["T"], dt=1)
    for word in words:
        assert word in details


def test_times_of_each_trajectory_are_checked_at_their_own_rows(table):
    path = table("t,trajectory,T\n0,0,1\n1,0,2\n2,0,3\n0,1,1\n1,1,2\n2,1,3\n4,1,3\n")
    assert "line 8" in refusal(path, states=["T"], time="t")
    path = table("t,trajectory,T\n0,0,1\n1,0,2\n0,1,1\n2,1,2\n", name="two.csv")
    assert "step of 2 s" in refusal(path, states=["T"], time="t")


def test_a_table_that_cannot_be_written_leaves_nothing(tmp_path):
    data = Dataset.from_arrays(x=np.zeros((1, 2, 1)), dt=1)
    with pytest.raises(SparsidError, match=r"\.csv, \.parquet"):
        write_table(data, tmp_path / "runs.xlsx")
    with pytest.raises(SparsidError, match="Cannot write"):
        write_table(data, tmp_path / "absent" / "runs.csv")
    assert not list(tmp_path.iterdir())
