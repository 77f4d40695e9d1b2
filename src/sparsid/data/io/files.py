"""Reads and writes data files in the format given by their suffix."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from sparsid._errors import SparsidError
from sparsid._registry import unknown
from sparsid.data.dataset import Dataset
from sparsid.data.formats import (
    READERS,
    TABLES,
    WRITERS,
    check_written,
    describes_itself,
    suffix_of,
    write_as,
)
from sparsid.data.io.tables import Paths, as_paths, read_tables
from sparsid.data.matching import joined
from sparsid.data.sampling import check_step, same_step


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

    Columns of tables must be selected (`read_tables`). Self-describing files (NetCDF) name their
    channels: without `states` and `outputs` all are kept, else the named ones; without `inputs`,
    all inputs. Raises SparsidError for files that cannot be read.
    """
    listed = as_paths(paths)
    described = [describes_itself(path) for path in listed]
    if not any(described):
        return read_tables(
            listed,
            states=states or (),
            outputs=outputs or (),
            inputs=inputs or (),
            columns=columns,
            time=time,
            dt=dt,
        )
    if not all(described):
        raise SparsidError(
            "Files read together must all be self-describing (NetCDF) or all be tables; got both."
        )
    for option, value in (("columns", columns), ("time", time)):
        if value is not None:
            raise SparsidError(
                f"`{option}` is for tables; {listed[0]} names its own channels: leave it out."
            )
    return joined([_read_described(path, states, outputs, inputs, dt) for path in listed])


def write(dataset: Dataset, path: str | Path) -> None:
    """Writes a dataset in the format of the file's suffix: .nc, .csv, .parquet.

    Tables have the columns described at `write_table`. Raises SparsidError for a suffix without a
    writer, or if the file cannot be written.
    """
    check_written(path)
    write_as(suffix_of(path), dataset, path)


def write_table(dataset: Dataset, path: str | Path) -> None:
    """Writes CSV or Parquet, by suffix: trajectory, time, then states, outputs and inputs.

    Headings are `name [unit]`. Raises SparsidError if the file cannot be written.
    """
    tables = [suffix for suffix in WRITERS if suffix in TABLES]
    if suffix_of(path) not in tables:
        raise SparsidError(unknown("suffix for a table:", suffix_of(path), tables))
    write_as(suffix_of(path), dataset, path)


def _read_described(
    path: Path,
    states: Sequence[str] | None,
    outputs: Sequence[str] | None,
    inputs: Sequence[str] | None,
    dt: float | None,
) -> Dataset:
    dataset = READERS[suffix_of(path)](path)
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
