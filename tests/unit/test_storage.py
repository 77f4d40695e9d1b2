"""Model files: whole or not at all, and one sentence for whatever is wrong with one."""

import io
import json
import os
import tracemalloc
import zipfile

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.by_hand import scaled_plant

from sparsid._errors import SparsidError
from sparsid.models import Card, DerivativeMLP, Ensemble, load


@pytest.fixture(scope="module")
def ensemble():
    train = scaled_plant(trajectories=1, samples=21)
    architecture = DerivativeMLP(widths=(3,), skip=True)
    keys = jax.random.split(jax.random.key(0), 2)
    models = jax.vmap(lambda key: architecture.build(train, key=key))(keys)
    card = Card.describing(train.physical, architecture, note="by a test")
    return Ensemble.of(models, train.normaliser, card, 2)


@pytest.fixture(scope="module")
def content(ensemble, tmp_path_factory) -> bytes:
    path = tmp_path_factory.mktemp("whole") / "plant.sparsid"
    ensemble.save(path)
    return path.read_bytes()


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("damaged") / "plant.sparsid"


def reload(place, content: bytes):
    place.write_bytes(content)
    return load(place)


def refuses(place, content: bytes) -> str:
    with pytest.raises(SparsidError) as caught:
        reload(place, content)
    details = str(caught.value)
    assert str(place) in details
    return details


def same(one: Ensemble, other: Ensemble) -> bool:
    mine, theirs = jax.tree.leaves(one.stacked), jax.tree.leaves(other.stacked)
    return (
        len(mine) == len(theirs)
        and all(np.array_equal(a, b) for a, b in zip(mine, theirs, strict=True))
        and one.card.architecture == other.card.architecture
        and (one.card.states, one.card.inputs, one.card.dt, one.card.training)
        == (other.card.states, other.card.inputs, other.card.dt, other.card.training)
    )


def parts(content: bytes) -> dict[str, bytes]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def packed(files: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return buffer.getvalue()


def array_file(array, **options) -> bytes:
    buffer = io.BytesIO()
    np.save(buffer, array, **options)
    return buffer.getvalue()


def with_header(content: bytes, change) -> bytes:
    files = parts(content)
    header = json.loads(files["header.json"])
    change(header)
    return packed(files | {"header.json": json.dumps(header).encode()})


WEIGHT = "layers.0.weight.npy"


def test_a_whole_file_repacked_by_others_is_the_same_model(place, content, ensemble):
    assert same(reload(place, packed(parts(content))), ensemble)
    assert same(reload(place, with_header(content, lambda h: h.update(remark="mine"))), ensemble)


def test_the_same_model_gives_the_same_bytes(tmp_path, content, ensemble):
    ensemble.save(tmp_path / "a")
    load(tmp_path / "a").save(tmp_path / "b")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes() == content


def test_arrays_are_compressed_and_readable_with_numpy_alone(content, ensemble):
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert {info.compress_type for info in archive.infolist()} == {zipfile.ZIP_DEFLATED}
        weight = np.load(io.BytesIO(archive.read(WEIGHT)), allow_pickle=False)
    assert np.array_equal(weight, ensemble.weights()[0][1])


# ---------------------------------------------------------------- damage


def test_truncated_anywhere_is_refused(place, content):
    ends = {0, 1, 3, 4, 30, len(content) - 1, len(content) - 22, len(content) - 23}
    ends |= set(range(5, len(content), max(1, len(content) // 25)))
    for end in sorted(ends):
        refuses(place, content[:end])


@settings(max_examples=400, deadline=None)
@given(data=st.data())
def test_flipped_bits_are_refused_or_harmless(data, place, content, ensemble):
    """Dates and the like may change; a number never does unnoticed."""
    damaged = bytearray(content)
    for at in data.draw(st.lists(st.integers(0, len(content) - 1), min_size=1, max_size=3)):
        damaged[at] ^= 1 << data.draw(st.integers(0, 7))
    try:
        loaded = reload(place, bytes(damaged))
    except SparsidError:
        return
    assert same(loaded, ensemble)


@settings(max_examples=200, deadline=None)
@given(data=st.data())
def test_the_directory_of_the_archive_may_be_damaged_too(data, place, content, ensemble):
    """The last few hundred bytes: names, sizes, methods, flags, which no checksum covers."""
    damaged = bytearray(content)
    at = data.draw(st.integers(content.index(b"PK\x01\x02"), len(content) - 1))
    damaged[at] = data.draw(st.integers(0, 255))
    try:
        loaded = reload(place, bytes(damaged))
    except SparsidError:
        return
    assert same(loaded, ensemble)


@settings(max_examples=50, deadline=None)
@given(st.binary(max_size=200))
def test_noise_is_refused(place, noise):
    refuses(place, noise)


def test_it_says_so_when_a_file_is_something_else(place, content):
    assert "not a complete sparsid model file" in refuses(place, b"a,b\n1,2\n")
    assert "not a complete sparsid model file" in refuses(place, packed({"other": b""}))
    for header in (b"{}", b"[]", b'"x"', b'{"format": "something"}'):
        assert "not a sparsid model file" in refuses(place, packed({"header.json": header}))
    for header in (b"", b"{", b"\xff\xfe", b"[" * 100_000):
        refuses(place, packed({"header.json": header}))


def test_a_missing_file_or_a_folder_is_refused(tmp_path):
    for path in (tmp_path / "none.sparsid", tmp_path):
        with pytest.raises(SparsidError, match="There is no model file"):
            load(path)


def test_a_newer_schema_asks_for_a_newer_sparsid(place, content):
    details = refuses(place, with_header(content, lambda h: h.update(schema=3)))
    assert "schema 3" in details
    assert "newer" in details
    for odd in ("1", None, 1.5):
        refuses(place, with_header(content, lambda h, odd=odd: h.update(schema=odd)))


HEADERS = {
    "no members": {"members": 0},
    "fewer than none": {"members": -3},
    "another number of members": {"members": 3},
    "very many members": {"members": 10**9},
    "unthinkably many": {"members": 10**30},
    "members in words": {"members": "two"},
    "a state more": {"states": {"names": ["a", "b", "c"], "units": [None] * 3}},
    "schema zero": {"schema": 0},
    "a negative schema": {"schema": -1},
    "no kind of model": {"architecture": {"kind": None}},
    "a number for a kind": {"architecture": {"kind": 3}},
    "no states": {"states": {"names": [], "units": []}},
    "a unit missing": {"states": {"names": ["a", "b"], "units": [None]}},
    "a name twice": {"states": {"names": ["a", "a"], "units": [None, None]}},
    "no time": {"dt": 0.0},
    "time backwards": {"dt": -1.0},
    "time without end": {"dt": float("inf")},
    "no number of time": {"dt": float("nan")},
    "other widths": {"architecture": {"widths": [4]}},
    "impossible widths": {"architecture": {"widths": [-1]}},
    "vast widths": {"architecture": {"widths": [10**7, 10**7]}},
    "unknown activation": {"architecture": {"widths": [3], "skip": True, "activation": "exec"}},
    "unknown option": {"architecture": {"widths": [3], "skip": True, "colour": "red"}},
    "box of one row": {"box": {"states": [[1.0, 2.0]], "inputs": [[0.0], [1.0]]}},
    "a box upside down": {"box": {"states": [[1.0, 9.0], [3.0, 4.0]], "inputs": [[0.0], [1.0]]}},
    "a box of no numbers": {
        "box": {"states": [[1.0, float("nan")], [3.0, 4.0]], "inputs": [[0.0], [1.0]]}
    },
    "an infinite box": {
        "box": {"states": [[1.0, 2.0], [3.0, float("inf")]], "inputs": [[0.0], [1.0]]}
    },
    "thousands of layers": {"architecture": {"widths": [3] * 5000}},
    "no types": {"dtypes": None},
    "other types": {"dtypes": {"layers.0.weight": "float32"}},
    "ragged box": {"box": {"states": [[1.0, 2.0], [1.0]], "inputs": [[0.0], [1.0]]}},
    "box without inputs": {"box": {"states": [[1.0, 2.0], [3.0, 4.0]]}},
    "no training": {"training": None},
}


@pytest.mark.parametrize("change", HEADERS.values(), ids=HEADERS)
def test_headers_that_lie_are_refused(place, content, change):
    refuses(place, with_header(content, lambda h: h.update(change)))


@pytest.mark.parametrize("key", ["members", "architecture", "dt", "states", "box", "versions"])
def test_a_header_that_lacks_something_says_what(place, content, key):
    assert f"`{key}`" in refuses(place, with_header(content, lambda h: h.pop(key)))


def test_arrays_that_are_missing_too_many_or_odd_are_refused(place, content):
    files = parts(content)
    weight = np.load(io.BytesIO(files[WEIGHT]))
    assert WEIGHT.removesuffix(".npy") in refuses(
        place, packed({name: data for name, data in files.items() if name != WEIGHT})
    )
    assert "extra" in refuses(place, packed(files | {"extra.npy": array_file(weight)}))
    odd = (weight[:1], weight[..., :1], weight.astype(int), weight.astype(str), weight + 0j)
    for array in odd:
        refuses(place, packed(files | {WEIGHT: array_file(array)}))
    for data in (b"", b"\x93NUMPY", packed({"a.npy": array_file(weight)})):
        refuses(place, packed(files | {WEIGHT: data}))


@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("name", [WEIGHT, "gain.npy", "scaling.offset.npy"])
def test_numbers_that_are_not_finite_are_refused(place, content, name, number):
    files = parts(content)
    array = np.load(io.BytesIO(files[name])).copy()
    array.flat[0] = number
    details = refuses(place, packed(files | {name: array_file(array)}))
    assert f"{name.removesuffix('.npy')} has NaN or infinite values" in details


@pytest.mark.parametrize("number", [0.0, -1.0])
@pytest.mark.parametrize("name", ["scaling.scale.npy", "scaling.input_scale.npy"])
def test_scales_that_are_not_positive_are_refused(place, content, name, number):
    files = parts(content)
    array = np.load(io.BytesIO(files[name])).copy()
    array.flat[0] = number
    assert "must be positive" in refuses(place, packed(files | {name: array_file(array)}))


def test_an_entry_that_stands_twice_is_refused(place, content):
    buffer = io.BytesIO(content)
    with zipfile.ZipFile(buffer, "a") as archive, pytest.warns(UserWarning, match="Duplicate"):
        archive.writestr(WEIGHT, parts(content)[WEIGHT])
    assert "duplicate entries" in refuses(place, buffer.getvalue())


def test_a_small_archive_that_unpacks_to_gigabytes_is_refused_before_it_is(place, content):
    """Nothing is allocated for what does not fit the header, nor for more than a model may have."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts(content).items():
            if name != WEIGHT:
                archive.writestr(name, data)
        with archive.open(WEIGHT, "w") as file:
            for _ in range(300):
                file.write(bytes(2**20))
    tracemalloc.start()
    try:
        assert "layers.0.weight does not match" in refuses(place, buffer.getvalue())
        many = with_header(content, lambda h: h.update(members=10**9))
        assert "more than 256 MB" in refuses(place, many)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 20 * 2**20


def test_a_header_of_very_many_names_is_refused_by_its_arrays(place, content):
    names = [f"state {i}" for i in range(60_000)]

    def grown(header):
        header["states"] = {"names": names, "units": [None] * len(names)}
        header["box"]["states"] = [[0.0] * len(names), [1.0] * len(names)]

    assert "more than 256 MB" in refuses(place, with_header(content, grown))


def test_a_model_without_channels_is_refused(place, content):
    """Nothing but its header would be compared with, however large the lags are."""
    nothing = {"names": [], "units": []}
    header = {"states": nothing, "inputs": nothing, "box": {"states": [[], []], "inputs": [[], []]}}
    assert "no valid `states`" in refuses(place, with_header(content, lambda h: h.update(header)))


def test_a_kind_of_a_later_sparsid_is_named(place, content):
    details = refuses(
        place, with_header(content, lambda h: h["architecture"].update(kind="hidden"))
    )
    assert "Unknown kind of model 'hidden'" in details


class Trap:
    """Pickled into a file, it would leave a trace where it is unpickled."""

    def __init__(self, path):
        self.path = path

    def __reduce__(self):
        return os.mkdir, (str(self.path),)


def test_loading_runs_no_code(place, content, tmp_path):
    trace = tmp_path / "trace"
    trap = np.empty(1, object)
    trap[0] = Trap(trace)
    buffer = io.BytesIO()
    np.save(buffer, trap, allow_pickle=True)
    refuses(place, packed(parts(content) | {WEIGHT: buffer.getvalue()}))
    refuses(place, packed(parts(content) | {"extra.npy": buffer.getvalue()}))
    assert not trace.exists()
    np.load(io.BytesIO(buffer.getvalue()), allow_pickle=True)
    assert trace.exists()  # the trap works


# ---------------------------------------------------------------- writing


def test_no_part_files_are_left(ensemble, tmp_path):
    ensemble.save(tmp_path / "plant.sparsid")
    ensemble.save(tmp_path / "plant.sparsid")
    assert [path.name for path in tmp_path.iterdir()] == ["plant.sparsid"]


def test_a_write_that_fails_leaves_the_old_file(ensemble, tmp_path, monkeypatch, content):
    path = tmp_path / "plant.sparsid"
    ensemble.save(path)
    usual, calls = np.save, []

    def full_disk(*args, **options):
        calls.append(1)
        if len(calls) == 3:
            raise OSError(28, "No space left on device")
        usual(*args, **options)

    monkeypatch.setattr(np, "save", full_disk)
    with pytest.raises(SparsidError, match="No space left"):
        ensemble.save(path)
    assert [p.name for p in tmp_path.iterdir()] == ["plant.sparsid"]
    assert path.read_bytes() == content


def test_an_unwritable_place_is_refused(ensemble, tmp_path):
    file = tmp_path / "file"
    file.write_text("x")
    for path in (tmp_path / "no" / "plant.sparsid", tmp_path, file / "plant.sparsid"):
        with pytest.raises(SparsidError, match="Cannot write"):
            ensemble.save(path)
    assert [p.name for p in tmp_path.iterdir()] == ["file"]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write all")
def test_a_folder_without_permission_is_refused(ensemble, tmp_path):
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(SparsidError, match="permission"):
            ensemble.save(tmp_path / "plant.sparsid")
    finally:
        tmp_path.chmod(0o700)
