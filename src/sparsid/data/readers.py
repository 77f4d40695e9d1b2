"""One door for data files: the suffix says how they are read."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from sparsid._errors import SparsidError
from sparsid._registry import unknown
from sparsid.data.dataset import Dataset
from sparsid.data.matching import joined
from sparsid.data.netcdf import read_netcdf
from sparsid.data.sampling import check_step, same_step
from sparsid.data.tables import OPENERS, Paths, as_paths, read_tables

NETCDF = (".nc", ".nc4", ".netcdf")


def read(
    paths: Paths,
    *,
    states: Sequence[str] | None = None,
    outputs: Sequence[str] | None = None,
    inputs: Sequence[str] | None = None,
    columns: Sequence[str] | None = None,
    time: str | None = None,
    dt: float | None = None,
) -> Dataset:
    """A dataset from one file or several: NetCDF (.nc), tables (.csv, .txt, .dat, .tsv, .parquet).

    Tables need their columns chosen (`read_tables`). A NetCDF file knows its channels: without
    `states` and `outputs` all are kept, else the named ones; without `inputs`, all inputs. Raises
    SparsidError for whatever cannot be read.
    """
    listed = as_paths(paths)
    netcdf = [is_netcdf(path) for path in listed]
    if not any(netcdf):
        return read_tables(
            listed,
            states=states or (),
            outputs=outputs or (),
            inputs=inputs or (),
            columns=columns,
            time=time,
            dt=dt,
        )
    if not all(netcdf):
        raise SparsidError("Files read together must be all NetCDF or all tables; got both.")
    for option, value in (("columns", columns), ("time", time)):
        if value is not None:
            raise SparsidError(
                f"`{option}` is for tables; a NetCDF file names its channels itself."
            )
    return joined([_read_netcdf(path, states, outputs, inputs, dt) for path in listed])


def is_netcdf(path: Path) -> bool:
    suffix = path.suffix.lower()
    if suffix not in NETCDF and suffix not in OPENERS:
        raise SparsidError(unknown(f"suffix of {path}:", suffix, [*NETCDF, *OPENERS]))
    return suffix in NETCDF


def _read_netcdf(
    path: Path,
    states: Sequence[str] | None,
    outputs: Sequence[str] | None,
    inputs: Sequence[str] | None,
    dt: float | None,
) -> Dataset:
    dataset = read_netcdf(path)
    if dt is not None:
        check_step(dt)
        if not same_step(dataset.dt, dt):
            raise SparsidError(
                f"{path} has a sampling time of {dataset.dt:g} s, but `dt` is {dt:g} s; "
                "leave `dt` out."
            )
    if states or outputs:
        states, outputs = states or (), outputs or ()
    selected = dataset.select(states=states, outputs=outputs, inputs=inputs)
    return replace(selected, attributes={"source": path.name, **dataset.attributes})
