"""The file formats of datasets by suffix; readers and writers are imported on first use.

A format is a module of `sparsid.data.io` and a line below; other packages can add formats, too.
"""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from sparsid._errors import SparsidError
from sparsid._files import atomic_write
from sparsid._registry import Registry, unknown

#: Self-describing files, which name their channels: `read(path) -> Dataset`.
READERS: Registry[Callable[[Path], Any]] = Registry("suffix of a self-describing file:")

#: Tables, of which the user selects columns: `open(path, columns) -> sparsid.data.io.tables.Table`.
TABLES: Registry[Callable[[Path, Sequence[str] | None], Any]] = Registry("suffix of a table:")

#: `write(dataset, path)`, where `path` is a part file that is renamed once it is complete.
WRITERS: Registry[Callable[[Any, Path], None]] = Registry("suffix of a file to write:")


def add_format(
    *suffixes: str, read: str, write: str | None = None, describes_itself: bool = False
) -> None:
    """Registers a reader for these suffixes, and a writer if `write` is given.

    `read` and `write` are import paths ("package.module:attribute") of functions as described at
    `TABLES` (or `READERS`, for self-describing files) and at `WRITERS`.
    """
    for suffix in suffixes:
        (READERS if describes_itself else TABLES).add(suffix, read)
        if write is not None:
            WRITERS.add(suffix, write)


_NETCDF, _TEXT, _PARQUET = (f"sparsid.data.io.{name}" for name in ("netcdf", "text", "parquet"))

add_format(
    *(".nc", ".nc4", ".netcdf"),
    read=f"{_NETCDF}:read_netcdf",
    write=f"{_NETCDF}:write_netcdf",
    describes_itself=True,
)
add_format(".csv", read=f"{_TEXT}:open_text", write=f"{_TEXT}:write_csv")
add_format(".txt", ".dat", ".tsv", read=f"{_TEXT}:open_text")
add_format(".parquet", ".pq", read=f"{_PARQUET}:open_parquet", write=f"{_PARQUET}:write_parquet")


def suffix_of(path: str | Path) -> str:
    """The suffix in lower case, the key of the registries."""
    return Path(path).suffix.lower()


def describes_itself(path: str | Path) -> bool:
    """Whether files of this suffix name their channels; for tables the user selects columns.

    Raises SparsidError for an unknown suffix.
    """
    suffix = suffix_of(path)
    if suffix not in READERS and suffix not in TABLES:
        raise SparsidError(unknown(f"suffix of {path}:", suffix, [*READERS, *TABLES]))
    return suffix in READERS


def check_written(path: str | Path) -> None:
    """Raises SparsidError unless there is a writer for this suffix; imports nothing."""
    if suffix_of(path) not in WRITERS:
        raise SparsidError(unknown(f"suffix of {path} to write:", suffix_of(path), WRITERS))


def write_as(suffix: str, dataset: Any, path: str | Path) -> None:
    """Writes the dataset in the format of `suffix`; a failure leaves no partial file.

    Raises SparsidError if `path` cannot be written, or the format cannot represent the dataset.
    """
    with atomic_write(path) as part:
        WRITERS[suffix](dataset, part)
