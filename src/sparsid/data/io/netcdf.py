"""Datasets as NetCDF files, in the layout of docs/file-format.md."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from sparsid._errors import SparsidError
from sparsid._types import Record
from sparsid.data.dataset import Channels, Dataset
from sparsid.data.kinds import KINDS, OUTPUTS, STATES, Kind
from sparsid.data.sampling import check_step, constant_step, in_seconds

if TYPE_CHECKING:
    import xarray as xr

#: Version of the layout; newer files are rejected.
FORMAT = 1

_RESERVED = ("sparsid_format", "Conventions", "dt", "notes")
_ENGINES = {b"\x89HDF": "h5netcdf", b"CDF\x01": "scipy", b"CDF\x02": "scipy"}


def write_netcdf(dataset: Dataset, path: Path) -> None:
    """Writes a NetCDF-4 file. Raises SparsidError for names or units that NetCDF rejects."""
    if clash := [name for name in dataset.attributes if name in _RESERVED]:
        raise SparsidError(
            f"The attribute name {clash[0]!r} is reserved by the file format; choose another."
        )
    file = _as_xarray(dataset)
    encoding = {kind.letter: {"_FillValue": np.nan} for kind in KINDS if kind.letter in file}
    try:
        file.to_netcdf(path, engine="h5netcdf", format="NETCDF4", encoding=encoding)
    except (ValueError, TypeError, UnicodeError) as error:
        raise SparsidError(
            "Cannot write the dataset: NetCDF rejects its names, units or attributes "
            f"({error}); change them."
        ) from None


def read_netcdf(path: Path) -> Dataset:
    """Reads a file written by `write_netcdf` or of the same layout; values are checked.

    Raises SparsidError for a file that is missing, damaged, of a newer format, or of another
    layout.
    """
    file = _load(path)
    _check_format(file, path)
    kinds = [kind for kind in KINDS if kind.letter in file.data_vars]
    if STATES not in kinds and OUTPUTS not in kinds:
        known = ", ".join(map(str, file.data_vars)) or "none"
        raise SparsidError(
            f"{path} needs a variable x (states) or y (outputs); its variables are: {known}."
        )
    arrays = {kind: _array(file[kind.letter], kind.singular, path) for kind in kinds}
    _check_shapes(arrays, path)
    lengths = _lengths(file, arrays, path)
    channels: dict[str, Any] = {}
    for kind, array in arrays.items():
        own = _channels(file, kind, path)
        channels |= kind.keywords(_cut(array, lengths), own.names, own.units)
    try:
        return Dataset.from_arrays(
            **channels,
            dt=_step(file, max(lengths), path),
            notes=_texts(file.attrs.get("notes", ())),
            attributes={str(k): _text(v) for k, v in file.attrs.items() if k not in _RESERVED},
        )
    except SparsidError as error:
        raise SparsidError(f"{path} cannot be used: {error}") from None


def _as_xarray(dataset: Dataset) -> "xr.Dataset":
    import xarray as xr

    longest = max(dataset.lengths)
    seconds = {"units": "s", "long_name": "time since the first sample"}
    variables: dict[str, Any] = {
        "length": ("trajectory", np.array(dataset.lengths), {"long_name": "samples recorded"})
    }
    coordinates: dict[str, Any] = {
        "trajectory": np.arange(len(dataset)),
        "time": ("time", np.arange(longest) * dataset.dt, seconds),
    }
    for kind in KINDS:
        if len(channels := dataset.channels(kind)):
            values = _padded([t.values(kind) for t in dataset], longest)
            about = {"units": [unit or "" for unit in channels.units], "long_name": kind.plural}
            variables[kind.letter] = (("trajectory", "time", kind.singular), values, about)
            coordinates[kind.singular] = np.array(channels.names, dtype=object)
    own: dict[str, Any] = {"sparsid_format": FORMAT, "Conventions": "CF-1.8", "dt": dataset.dt}
    if dataset.notes:
        own["notes"] = list(dataset.notes)
    return xr.Dataset(variables, coordinates, {**own, **dataset.attributes})


def _padded(records: list[Record], longest: int) -> np.ndarray:
    """(trajectory, time, channel), NaN past the end of a record."""
    values = np.full((len(records), longest, records[0].shape[1]), np.nan)
    for row, record in zip(values, records, strict=True):
        row[: len(record)] = record
    return values


def _load(path: Path) -> "xr.Dataset":
    """The file read into memory, so that it is closed and damage is detected here."""
    import xarray as xr

    try:
        with path.open("rb") as start:
            magic = start.read(4)
    except OSError as error:
        raise SparsidError(f"Cannot read {path}: {error.strerror}.") from None
    if magic not in _ENGINES:
        raise SparsidError(f"{path} is not a NetCDF file, or its first bytes are damaged.")
    try:
        if _ENGINES[magic] == "h5netcdf":
            _probe(path)
        with xr.open_dataset(path, engine=_ENGINES[magic], decode_times=False) as file:
            return file.load()
    except Exception as error:  # the libraries raise arbitrary exceptions for a damaged file
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise SparsidError(
            f"{path} cannot be read: it is damaged, truncated or not NetCDF ({reason}); "
            "create or copy it again."
        ) from None


def _probe(path: Path) -> None:
    """Reads what h5netcdf reads first: a failure inside h5netcdf would print a traceback."""
    import h5py

    with h5py.File(path, "r") as file:
        file.attrs.get("_nc3_strict")


def _check_format(file: "xr.Dataset", path: Path) -> None:
    version = file.attrs.get("sparsid_format", FORMAT)
    if not isinstance(version, int | np.integer):
        raise SparsidError(f"`sparsid_format` of {path} must be an integer; got {version!r}.")
    if version > FORMAT:
        raise SparsidError(
            f"{path} has the newer format {version}; this sparsid reads up to {FORMAT}: "
            "install a newer sparsid."
        )


def _array(variable: "xr.DataArray", kind: str, path: Path) -> np.ndarray:
    """Float64 (trajectory, time, channel), for any order of dimensions in the file.

    The dimension trajectory is optional in a file of one record.
    """
    if "trajectory" not in variable.dims:
        variable = variable.expand_dims("trajectory")
    wanted = ("trajectory", "time", kind)
    if set(variable.dims) != set(wanted):
        got = ", ".join(map(str, variable.dims))
        raise SparsidError(
            f"Variable {variable.name} of {path} needs the dimensions {', '.join(wanted)}; "
            f"it has {got}."
        )
    values = variable.transpose(*wanted).to_numpy()
    if values.dtype.kind not in "fiu":
        raise SparsidError(f"Variable {variable.name} of {path} must contain numbers.")
    return values.astype(np.float64)


def _check_shapes(arrays: Mapping[Kind, np.ndarray], path: Path) -> None:
    trajectories, samples = next(iter(arrays.values())).shape[:2]
    if not trajectories or samples < 2:
        raise SparsidError(
            f"{path} needs at least one trajectory of 2 samples; it has {trajectories} "
            f"trajectories and {samples} times."
        )


def _lengths(file: "xr.Dataset", arrays: Mapping[Kind, np.ndarray], path: Path) -> list[int]:
    """Samples of each trajectory: from `length`, else up to the last row with a number."""
    samples = next(iter(arrays.values())).shape[1]
    if "length" not in file.variables:
        present = np.any([~np.isnan(array).all(axis=2) for array in arrays.values()], axis=0)
        return [int(np.flatnonzero(row)[-1]) + 1 if row.any() else 0 for row in present]
    lengths = np.atleast_1d(file["length"].to_numpy())
    count = len(next(iter(arrays.values())))
    valid = lengths.shape == (count,) and lengths.dtype.kind in "fiu"
    if not valid or not np.all((lengths >= 2) & (lengths <= samples) & (lengths % 1 == 0)):
        raise SparsidError(
            f"Variable length of {path} must give each of the {count} trajectories 2 to {samples} "
            f"samples; got {lengths.tolist()}."
        )
    return [int(length) for length in lengths]


def _cut(array: np.ndarray, lengths: list[int]) -> list[Record]:
    return [record[:length] for record, length in zip(array, lengths, strict=True)]


def _channels(file: "xr.Dataset", kind: Kind, path: Path) -> Channels:
    """Names from the coordinate, units from the attribute; both are optional."""
    variable = file[kind.letter]
    width = variable.sizes[kind.singular]
    names = [f"{kind.letter}{i + 1}" for i in range(width)]
    if kind.singular in file.coords:
        names = [_text(name) for name in file[kind.singular].to_numpy()]
    units = _texts(variable.attrs.get("units", ()))
    if len(units) == 1 < width:
        units = [unit.strip() for unit in units[0].split(",")]
    if len(units) not in (0, width):
        raise SparsidError(
            f"The attribute `units` of {kind.letter} in {path} must list {width} units, one per "
            f"{kind.singular}; got {len(units)}."
        )
    return Channels(tuple(names), tuple(unit or None for unit in units))


def _step(file: "xr.Dataset", samples: int, path: Path) -> float:
    """The sampling time in s, from the attribute `dt` or the coordinate `time`; they must agree."""
    dt = file.attrs.get("dt")
    if dt is not None:
        check_step(dt, str(path))
        dt = float(dt)
    if "time" not in file.coords:
        if dt is None:
            raise SparsidError(
                f"{path} has no sampling time: add an attribute `dt` in s, or a coordinate `time`."
            )
        return dt
    where = f"The coordinate time of {path}"
    times = file["time"].to_numpy()[:samples]
    if times.dtype.kind not in "fiu":
        raise SparsidError(f"{where} must contain numbers.")
    unit = _text(file["time"].attrs.get("units", "s")).split(" since ")[0]
    times = times * in_seconds(unit, where[0].lower() + where[1:])
    return constant_step(times, where, lambda k: f"at sample {k + 1}", dt)


def _texts(value: Any) -> list[str]:
    """An attribute of one string or several, as a list."""
    return [_text(item) for item in np.atleast_1d(np.asarray(value, dtype=object)).ravel()]


def _text(value: Any) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)
