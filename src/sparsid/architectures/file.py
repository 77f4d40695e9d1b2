"""Model files: one ZIP archive with a JSON header and one NumPy file per array.

The format is described in docs/file-format.md. Reading executes no code from the file and needs no
JAX. Names, sizes and types of the arrays are derived from the header and checked before arrays are
unpacked.
"""

import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from math import prod
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import numpy as np
from pydantic import BaseModel, ConfigDict, Field, PositiveInt, ValidationError

from sparsid._errors import SparsidError
from sparsid._files import atomic_write
from sparsid.architectures.base import AbstractArchitecture, AnyArchitecture
from sparsid.architectures.card import Card
from sparsid.data import Channels

FORMAT = "sparsid-model"
SCHEMA = 2
EPOCH = (1980, 1, 1, 0, 0, 0)  # no time stamps: the same model gives the same bytes
HEADER = "header.json"
HEADER_BYTES = 8_000_000
ARRAY_BYTES = 2**28  # limit of all arrays together
MOST_CHANNELS = 100_000
NPY_HEADER = 4096  # limit of the header of an array file, in bytes
SCALING = ("offset", "scale", "input_offset", "input_scale")
DTYPES = ("float32", "float64")


@dataclass(frozen=True, eq=False)
class ModelFile:
    """The content of a model file. `arrays` has the documented names.

    Those of the model have a leading member axis; "scaling.offset", "scaling.scale" (observed,),
    "scaling.input_offset" and "scaling.input_scale" (inputs,) are in physical units.
    """

    card: Card
    members: int
    arrays: dict[str, np.ndarray]

    def weights(self) -> list[tuple[str, np.ndarray]]:
        """(role, array (member, ...)) of every weight matrix, without biases."""
        specs = self.card.architecture.arrays(len(self.card.states), len(self.card.inputs))
        return [
            (spec.role, self.arrays[name])
            for name, spec in specs.items()
            if spec.trained and spec.role != "bias"
        ]


class _Named(BaseModel):
    names: Annotated[tuple[str, ...], Field(max_length=MOST_CHANNELS)]
    units: tuple[str | None, ...]

    def model_post_init(self, _context) -> None:
        self.channels()

    def channels(self) -> Channels:
        return Channels(self.names, self.units)


class _Header(BaseModel):
    """The JSON header; unknown keys are ignored, so that other programs may add notes."""

    model_config = ConfigDict(extra="ignore")
    members: PositiveInt
    architecture: AnyArchitecture
    dt: Annotated[float, Field(gt=0, allow_inf_nan=False)]
    states: _Named
    inputs: _Named
    box: dict[str, list[list[float]]]
    training_data_sha256: str
    training: dict[str, Any]
    versions: dict[str, str]
    dtypes: dict[str, str] | None = None  # of schema 2


class _Declared(NamedTuple):
    """A required array: its documented name, its shape, and its allowed types."""

    name: str
    shape: tuple[int, ...]
    dtypes: tuple[str, ...]

    def bytes(self, dtype: str) -> int:
        return prod(self.shape) * np.dtype(dtype).itemsize


def write_file(file: ModelFile, path: str | Path) -> None:
    """Writes `file` to `path` atomically. Raises SparsidError on failure."""
    card = file.card
    header = _Header(
        members=file.members,
        architecture=card.architecture,
        dt=card.dt,
        states=_Named(names=card.states.names, units=card.states.units),
        inputs=_Named(names=card.inputs.names, units=card.inputs.units),
        box={name: rows.tolist() for name, rows in card.box.items()},
        training_data_sha256=card.digest,
        training=card.training,
        versions=card.versions,
        dtypes={name: str(array.dtype) for name, array in file.arrays.items()},
    )
    details = {"format": FORMAT, "schema": SCHEMA} | header.model_dump(mode="json")
    with atomic_write(path) as part, zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as archive:
        _add(archive, HEADER, json.dumps(details, indent=1).encode())
        for name, array in file.arrays.items():
            buffer = io.BytesIO()
            np.save(buffer, array, allow_pickle=False)
            _add(archive, f"{name}.npy", buffer.getvalue())


def _add(archive: zipfile.ZipFile, name: str, content: bytes) -> None:
    # A ZipInfo overrides the compression of the archive.
    archive.writestr(zipfile.ZipInfo(name, EPOCH), content, zipfile.ZIP_DEFLATED)


def read_file(path: str | Path) -> ModelFile:
    """The model file at `path`.

    Raises SparsidError for a file that is missing, damaged, truncated, larger than a model may be,
    not a model file, or of a newer schema.
    """
    path = Path(path)
    if not path.is_file():
        raise SparsidError(f"There is no model file {path}; `sparsid fit` writes one.")
    try:
        with zipfile.ZipFile(path) as archive:
            entries = _entries(archive)
            header, schema = _read_header(archive, entries)
            box = _box(header)
            declared = _declared(header, schema)
            _check_entries(entries, declared)
            arrays = {
                array.name: _read_array(archive, entries[entry], array)
                for entry, array in declared.items()
            }
        return ModelFile(_card(header, box), header.members, arrays)
    except _Damage as damage:
        raise SparsidError(f"{path} is damaged: {damage}; save it again from its source.") from None
    except SparsidError as error:
        raise SparsidError(f"{path} {error}") from None
    except (zipfile.BadZipFile, KeyError, ValueError, EOFError, OSError, NotImplementedError) as e:
        raise SparsidError(
            f"{path} is not a complete sparsid model file ({e}); save it again from its source."
        ) from None
    except Exception as error:  # zlib.error is no ValueError
        raise SparsidError(f"{path} is damaged ({error}); save it again from its source.") from None


class _Damage(Exception):  # noqa: N818
    """Invalid content of a file; the argument completes "the file is damaged: "."""


def _entries(archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """The archive's entries by name."""
    listed = archive.infolist()
    entries = {info.filename: info for info in listed}
    if len(entries) < len(listed):
        raise _Damage("it has duplicate entries")
    return entries


def _read_header(
    archive: zipfile.ZipFile, entries: Mapping[str, zipfile.ZipInfo]
) -> tuple[_Header, int]:
    details = json.loads(_content(archive, entries[HEADER], HEADER_BYTES))
    if not isinstance(details, dict) or details.get("format") != FORMAT:
        raise SparsidError("is not a sparsid model file, according to its header.")
    schema = details.get("schema")
    if type(schema) is not int or not 1 <= schema <= SCHEMA:
        raise SparsidError(
            f"has schema {schema}, this sparsid reads up to {SCHEMA}: install a newer sparsid."
        )
    try:
        return _Header.model_validate(details), schema
    except ValidationError as error:
        first = error.errors()[0]
        where = ".".join(str(part) for part in first["loc"])
        reason = first.get("ctx", {}).get("error")
        if type(reason) is SparsidError and first["loc"] == ("architecture",):
            raise SparsidError(f"has a model that this sparsid cannot build: {reason}") from None
        raise _Damage(f"its header has no valid `{where}`") from None


def _box(header: _Header) -> dict[str, np.ndarray]:
    """The box of the training data, checked to be finite with lower below upper bounds."""
    widths = {"states": len(header.states.names), "inputs": len(header.inputs.names)}
    if not widths["states"]:
        raise _Damage("its header has no valid `states`")
    try:
        box = {name: np.array(rows, np.float64) for name, rows in header.box.items()}
    except ValueError:  # rows of unlike lengths
        box = {}
    valid = {name: rows.shape for name, rows in box.items()} == {
        name: (2, width) for name, width in widths.items()
    } and all(np.isfinite(rows).all() and (rows[0] <= rows[1]).all() for rows in box.values())
    if not valid:
        raise _Damage("its header has no valid `box`")
    return box


def _card(header: _Header, box: dict[str, np.ndarray]) -> Card:
    return Card(
        header.architecture,
        header.dt,
        header.states.channels(),
        header.inputs.channels(),
        box,
        header.training_data_sha256,
        header.training,
        header.versions,
    )


def _declared(header: _Header, schema: int) -> dict[str, _Declared]:
    """The arrays required by the header, by entry name."""
    observed, inputs = len(header.states.names), len(header.inputs.names)
    architecture = header.architecture
    shapes = {
        name: (header.members, *spec.shape)
        for name, spec in architecture.arrays(observed, inputs).items()
    }
    shapes |= {
        f"scaling.{name}": (inputs if name.startswith("input") else observed,) for name in SCALING
    }
    if schema > 1 and set(header.dtypes or {}) != set(shapes):
        raise _Damage("its header has no valid `dtypes`")
    found = {}
    for name, shape in shapes.items():
        dtypes = DTYPES if schema == 1 else ((header.dtypes or {})[name],)
        if not set(dtypes) <= set(DTYPES):
            raise _Damage(f"the array {name} has the type {dtypes[0]!r}, not one of {DTYPES}")
        place = name_in_schema_1(name, architecture) if schema == 1 else name
        found[f"{place}.npy"] = _Declared(name, shape, dtypes)
    if sum(array.bytes(array.dtypes[-1]) for array in found.values()) > ARRAY_BYTES:
        raise _Damage(f"its arrays have more than {ARRAY_BYTES >> 20} MB together")
    return found


def name_in_schema_1(name: str, architecture: AbstractArchitecture) -> str:
    """The name of an array in schema 1, which used the attribute names of the model classes."""
    if name.startswith("scaling."):
        return name
    if not name.startswith("layers."):
        return f"model.{name}.raw"
    stack = "networks." if getattr(architecture, "per_state", False) else ""
    return f"model.network.{stack}{name}{'' if name.endswith('.bias') else '.raw'}"


def _check_entries(
    entries: Mapping[str, zipfile.ZipInfo], declared: Mapping[str, _Declared]
) -> None:
    """Raises _Damage unless entries and sizes are exactly those of the declared arrays."""
    if differing := sorted(set(entries) ^ {HEADER, *declared}):
        raise _Damage(f"the array {differing[0].removesuffix('.npy')} does not match the header")
    for entry, array in declared.items():
        sizes = [array.bytes(dtype) for dtype in array.dtypes]
        if not any(size < entries[entry].file_size <= size + NPY_HEADER for size in sizes):
            raise _Damage(f"the array {entry.removesuffix('.npy')} does not match the header")


def _read_array(archive: zipfile.ZipFile, info: zipfile.ZipInfo, declared: _Declared) -> np.ndarray:
    """The array; its header is checked before memory is allocated."""
    content = io.BytesIO(_content(archive, info, info.file_size))
    version = np.lib.format.read_magic(content)
    if version != (1, 0):
        raise _Damage(f"the array {declared.name} is no array file of version 1.0")
    shape, fortran, dtype = np.lib.format.read_array_header_1_0(content)
    if (shape, fortran) != (declared.shape, False) or str(dtype) not in declared.dtypes:
        raise _Damage(f"the array {declared.name} does not match the header")
    numbers = content.read()
    if len(numbers) != declared.bytes(str(dtype)):
        raise _Damage(f"the array {declared.name} does not match the header")
    array = np.frombuffer(numbers, dtype).reshape(shape).copy()
    if not np.isfinite(array).all():
        raise _Damage(f"the array {declared.name} has NaN or infinite values")
    if declared.name.endswith("scale") and not (array > 0).all():
        raise _Damage(f"the array {declared.name} must be positive")
    return array


def _content(archive: zipfile.ZipFile, info: zipfile.ZipInfo, most: int) -> bytes:
    """An entry's content, limited to `most` bytes regardless of the archive's directory."""
    if info.file_size > most:
        raise _Damage(f"{info.filename} has {info.file_size} bytes, more than {most}")
    with archive.open(info) as file:
        content = file.read(most + 1)
    if len(content) != info.file_size:
        raise _Damage(f"{info.filename} is not as long as the archive says")
    return content
