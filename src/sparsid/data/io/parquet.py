"""Tables in Parquet files, read and written through pyarrow (an optional dependency)."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sparsid._errors import MissingExtraError, SparsidError
from sparsid.data.dataset import Dataset
from sparsid.data.io.frames import as_frame
from sparsid.data.io.headings import Heading, parse_headings

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class ParquetTable:
    """The columns of a Parquet file; only requested ones are read."""

    path: Path
    headings: tuple[Heading, ...]
    rows: int
    headed = True
    decimal_comma = False

    def __len__(self) -> int:
        return self.rows

    def place(self, row: int) -> str:
        """The position of a row, for messages."""
        return f"in row {row + 1} of {self.path}"

    def written(self, row: int, column: int) -> str:
        """The text of a cell; empty if the value is missing."""
        import pandas as pd

        value = self.frame([column])[column].iloc[row]
        return "" if pd.isna(value) else str(value)

    def frame(self, at: Sequence[int]) -> "pd.DataFrame":
        """The columns at these indices, labelled by them."""
        parquet = _pyarrow_parquet("Reading Parquet files")
        at = sorted(set(at))
        try:
            table = parquet.ParquetFile(self.path).read([self.headings[i].written for i in at])
            return table.to_pandas(ignore_metadata=True).set_axis(at, axis=1)
        except Exception as error:  # damage shows in many ways
            raise _damaged(self.path, error) from None


def open_parquet(path: Path, columns: Sequence[str] | None) -> ParquetTable:
    """Reads the column names only. Raises SparsidError if this is no Parquet file."""
    if columns is not None:
        raise SparsidError(f"{path} names its own columns; leave `columns` out.")
    parquet = _pyarrow_parquet("Reading Parquet files")
    try:
        about = parquet.read_metadata(path)
    except Exception as error:  # damage shows in many ways
        raise _damaged(path, error) from None
    names = about.schema.to_arrow_schema().names
    return ParquetTable(path, parse_headings(names), about.num_rows)


def write_parquet(dataset: Dataset, path: Path) -> None:
    """Writes the columns of `as_frame`."""
    _pyarrow_parquet("Writing Parquet files")
    as_frame(dataset).to_parquet(path, engine="pyarrow", index=False)


def _pyarrow_parquet(purpose: str):
    try:
        import pyarrow.parquet
    except ImportError:
        raise MissingExtraError("pyarrow", "parquet", purpose) from None
    return pyarrow.parquet


def _damaged(path: Path, error: Exception) -> SparsidError:
    reason = str(error).splitlines()[0] if str(error) else type(error).__name__
    return SparsidError(f"{path} is not a Parquet file, or is damaged ({reason}).")
