"""Digests, rows and the store: what is written comes back, what is odd is refused in a sentence."""

import hashlib
import json
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from sparsid import SparsidError
from sparsid.results import ResultStore, Row, canonical, digest

leaves = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.text()
    | st.floats(allow_nan=False).filter(np.isfinite)
)
trees = st.recursive(leaves, lambda t: st.lists(t) | st.dictionaries(st.text(), t), max_leaves=12)
tables = st.dictionaries(st.text(), trees, max_size=5)


def turned(value):
    """The same with the keys of every table in the opposite order."""
    if isinstance(value, dict):
        return {key: turned(value[key]) for key in reversed(list(value))}
    return [turned(inner) for inner in value] if isinstance(value, list) else value


@given(tables)
def test_a_digest_knows_no_order_and_survives_json(table):
    assert digest(turned(table)) == digest(table)
    assert digest(json.loads(json.dumps(table))) == digest(table)


@given(tables, tables)
def test_digests_agree_where_specifications_do(a, b):
    assert (digest(a) == digest(b)) == (canonical(a) == canonical(b))


def test_a_digest_is_the_sha256_of_plain_json():
    text = b'{"a":[1,2.5,null],"b":{"c":"x","d":true}}'
    found = digest({"b": {"d": True, "c": "x"}, "a": [1, 2.5, None]})
    assert found == hashlib.sha256(text).hexdigest()


@pytest.mark.parametrize("odd", [np.nan, np.inf, {1, 2}, {1: 2}, [{"a": {2: 1}}], b"x"])
def test_what_json_does_not_hold_has_no_digest(odd):
    with pytest.raises(SparsidError, match="specification"):
        digest({"a": odd})


def a_row(seed=0, **more) -> Row:
    numbers = {"diverged_10": 3, "rfmse_mean_10": 0.25, "rfmse_std_10": None}
    series = {"rfmse_10": np.array([0.1, np.nan, np.inf, -np.inf]), **more}
    return Row({"seed": seed, "size": 2}, "Dense", numbers, series, {"training_s": 1.5}, {"a": "1"})


def folder_of(tmp_path, *rows: Row, name="s") -> ResultStore:
    store = ResultStore.begin(tmp_path / "study", name, {"cells": []})
    for row in rows:
        store.write(row)
    return store


arrays = hnp.arrays(np.float64, hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4))


@given(arrays)
def test_series_come_back_to_the_last_bit_through_strict_json(array):
    def print_error(text):
        raise AssertionError(text)

    text = a_row(x=array).to_json()
    json.loads(text, parse_constant=print_error)
    back = Row.from_json(text)
    assert back.series["x"].shape == array.shape
    assert np.array_equal(back.series["x"], array, equal_nan=True)
    assert np.array_equal(np.signbit(back.series["x"]), np.signbit(array) & ~np.isnan(array))
    assert back.to_json() == text


def test_a_store_gives_back_what_it_was_given(tmp_path):
    first, second = a_row(0), a_row(1)
    store = folder_of(tmp_path, first, second)
    assert store.keys() == {first.key, second.key}
    assert [row.key for row in store.rows()] == sorted(store.keys())
    back = ResultStore.open(store.folder).read(second.key)
    assert (back.name, back.seed, back.numbers) == ("Dense", 1, second.numbers)
    assert (back.timings, back.versions) == (second.timings, second.versions)
    assert store.study()["name"] == "s"


def test_numbers_that_are_not_finite_are_refused(tmp_path):
    with pytest.raises(SparsidError, match="finite"):
        folder_of(tmp_path, Row({"seed": 0}, "x", {"rfmse": np.inf}))


def test_every_truncation_of_a_row_is_refused_in_a_sentence(tmp_path):
    row = a_row()
    store, text = folder_of(tmp_path, row), row.to_json().rstrip()
    path = store.rows_folder / f"{row.key}.json"
    for length in range(0, len(text), 7):
        path.write_text(text[:length])
        with pytest.raises(SparsidError, match="delete it and run the study again"):
            store.read(row.key)


@pytest.mark.parametrize(
    ("change", "content"),
    [
        ({"schema": 2}, "upgrade it"),
        ({"schema": "x"}, "delete it"),
        ({"format": "other"}, "delete it"),
        ({"key": "0" * 64}, "key does not match"),
        ({"specification": {"seed": 5}}, "key does not match"),
        ({"numbers": {"x": "1"}}, "delete it"),
        ({"numbers": [1]}, "delete it"),
        ({"series": {"x": {"shape": [3], "values": [1.0]}}}, "delete it"),
        ({"series": {"x": {"shape": [1], "values": ["nan"]}}}, "delete it"),
        ({"series": {"x": [1.0]}}, "delete it"),
        ({"timings": {"x": []}}, "delete it"),
    ],
)
def test_a_damaged_or_newer_row_is_refused(tmp_path, change, content):
    row = a_row()
    store = folder_of(tmp_path, row)
    path = store.rows_folder / f"{row.key}.json"
    path.write_text(json.dumps(json.loads(row.to_json()) | change))
    with pytest.raises(SparsidError, match=content) as refused:
        store.read(row.key)
    assert str(path) in str(refused.value)


def test_a_row_under_another_name_and_one_that_is_not_there(tmp_path):
    row = a_row()
    store = folder_of(tmp_path, row)
    (store.rows_folder / "0.json").write_text(row.to_json())
    (store.rows_folder / "1.json").write_bytes(b"\xff\xfe\x00")
    for name in ("0", "1"):
        with pytest.raises(SparsidError, match="delete it"):
            store.read(name)
    with pytest.raises(SparsidError, match="There is no row"):
        store.read("2")


def test_a_folder_belongs_to_one_study(tmp_path):
    store = folder_of(tmp_path, a_row())
    ResultStore.begin(store.folder, "s", {"cells": [1]})
    assert store.study()["cells"] == [1]
    with pytest.raises(SparsidError, match="holds the study 's', not 'other'"):
        ResultStore.begin(store.folder, "other", {})
    with pytest.raises(SparsidError, match="holds no study"):
        ResultStore.open(tmp_path)


@pytest.mark.parametrize("text", ["", "{", "[]", '{"format": "sparsid-study"}'])
def test_a_damaged_or_newer_study_file_is_refused(tmp_path, text):
    store = folder_of(tmp_path)
    path = store.folder / "study.json"
    content = json.loads(path.read_text())
    path.write_text(text)
    with pytest.raises(SparsidError, match="delete it"):
        ResultStore.open(store.folder)
    path.write_text(json.dumps(content | {"schema": 2}))
    with pytest.raises(SparsidError, match="upgrade it"):
        ResultStore.open(store.folder)


WRITER = """
import sys, time
from sparsid._files import atomic_write
with atomic_write(sys.argv[1]) as part:
    part.write_text("half")
    print("begun", flush=True)
    time.sleep(60)
"""


def test_part_files_of_dead_processes_go_and_those_of_living_ones_stay(tmp_path):
    row = a_row()
    store = folder_of(tmp_path, row)
    places = store.rows_folder / "a.json", store.models_folder / "a.sparsid", store.folder / "b"
    writers = [
        subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE)
        for path in places
    ]
    for writer in writers:
        assert writer.stdout is not None
        assert writer.stdout.readline() == b"begun\n"
    for writer in writers[:2]:
        writer.kill()
        writer.wait()
    assert len(list(store.folder.rglob(".*.part"))) == 3
    assert store.keys() == {row.key}
    ResultStore.begin(store.folder, "s", {})
    (active,) = store.folder.rglob(".*.part")
    assert active.name.startswith(".b.")
    assert store.keys() == {row.key}
    writers[2].kill()
    writers[2].wait()


def test_a_folder_that_cannot_be_made_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(SparsidError, match="Cannot create the folder"):
        ResultStore.begin(tmp_path / "file" / "study", "s", {})
