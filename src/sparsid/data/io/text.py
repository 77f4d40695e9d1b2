"""Tables in text files: separator, decimal mark, header, comments and blank lines are detected."""

import csv
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from io import BytesIO
from itertools import compress
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from sparsid._errors import SparsidError
from sparsid.data.dataset import Dataset
from sparsid.data.io.frames import as_frame
from sparsid.data.io.headings import Heading, parse_headings

if TYPE_CHECKING:
    import pandas as pd

BLANKS = " "
_HEAD = 200
_NUMBER = {
    ".": re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?|[+-]?(nan|inf|infinity)", re.I),
    ",": re.compile(r"[+-]?(\d+|\d*,\d+)([eE][+-]?\d+)?|[+-]?(nan|inf|infinity)", re.I),
}
_TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\d([T ].*)?")
_WORDS = re.compile(r'"[^"]*"|\S+')


class Style(NamedTuple):
    """The separator of fields and the decimal mark."""

    separator: str
    decimal: str

    def fields(self, line: str) -> list[str]:
        """The fields of one line, without the blanks and quotes around them."""
        if self.separator == BLANKS:
            return [word.strip('"') for word in _WORDS.findall(line)]
        row = next(csv.reader([line], delimiter=self.separator, skipinitialspace=True), [])
        return [field.strip() for field in row]

    def is_number(self, field: str) -> bool:
        """Whether a field is a number in this style."""
        return _NUMBER[self.decimal].fullmatch(field) is not None


#: In the order of preference if several match a file equally well.
STYLES = tuple(Style(s, d) for s in (";", "\t", ",", BLANKS) for d in ".," if (s, d) != (",", ","))


@dataclass(frozen=True)
class TextTable:
    """The rows of a text file. `numbers[k]` is the line number of row k, from 1."""

    path: Path
    headings: tuple[Heading, ...]
    style: Style
    rows: list[bytes]
    numbers: np.ndarray
    headed: bool

    def __len__(self) -> int:
        return len(self.rows)

    @property
    def decimal_comma(self) -> bool:
        """Whether 1,5 may be a number; if commas separate, it is a quoted 15 or two columns."""
        return self.style.separator != ","

    def place(self, row: int) -> str:
        """The position of a row, for messages."""
        return f"in row {row + 1} (line {self.numbers[row]} of {self.path})"

    def written(self, row: int, column: int) -> str:
        """The text of a cell; empty if the row ends before it."""
        fields = self.style.fields(_decoded(self.rows[row]))
        return fields[column] if column < len(fields) else ""

    def frame(self, at: Sequence[int]) -> "pd.DataFrame":
        """The columns at these indices, labelled by them. Raises SparsidError for too long rows."""
        import pandas as pd

        self._check_widths()
        try:
            frame = pd.read_csv(
                BytesIO(b"\n".join(self.rows)),
                sep=r"\s+" if self.style.separator == BLANKS else self.style.separator,
                decimal=self.style.decimal,
                header=None,
                names=range(max(self._widths)),
                usecols=[i for i in sorted(set(at)) if i < max(self._widths)],
                index_col=False,
                skipinitialspace=True,
                low_memory=False,
                encoding_errors="replace",
            )
        except (ValueError, pd.errors.ParserError) as error:
            raise self._unreadable(str(error)) from None
        if len(frame) != len(self.rows):
            raise self._unreadable(f"{len(frame)} rows in {len(self.rows)} lines")
        return frame.reindex(columns=sorted(set(at)))

    @cached_property
    def _widths(self) -> list[int]:
        """Fields in each row; without quotes, counting separators is enough."""
        if any(b'"' in row for row in self.rows):
            return [len(self.style.fields(_decoded(row))) for row in self.rows]
        if self.style.separator == BLANKS:
            return [len(row.split()) for row in self.rows]
        mark = self.style.separator.encode()
        return [row.count(mark) + 1 for row in self.rows]

    def _check_widths(self) -> None:
        """Raises SparsidError for a row with more fields than headings, blank ones not counted.

        Shorter rows are accepted: they matter only if they lack a requested column.
        """
        allowed = len(self.headings)
        for k in np.flatnonzero(np.array(self._widths) > allowed).tolist():
            got = len(_trimmed(self.style.fields(_decoded(self.rows[k]))))
            if got > allowed:
                raise SparsidError(
                    f"Every row needs at most as many fields as there are column names "
                    f"({allowed}); {self.place(k)} there are {got}."
                )

    def _unreadable(self, reason: str) -> SparsidError:
        unclosed = [k for k, row in enumerate(self.rows) if row.count(b'"') % 2]
        if unclosed:
            return SparsidError(f"A quote is not closed {self.place(unclosed[0])}; close it.")
        return SparsidError(f"{self.path} cannot be read as a table ({reason}).")


def open_text(path: Path, columns: Sequence[str] | None) -> TextTable:
    """Reads the lines and headings. Raises SparsidError if there is no table."""
    lines, numbers = _lines(path)
    head = [_decoded(line) for line in lines[:_HEAD]]
    style = _detect(head)
    width = max(len(_trimmed(style.fields(line))) for line in head)
    first = style.fields(head[0])
    if columns is not None:
        _check_count(path, columns, width, max(len(style.fields(line)) for line in head))
        return TextTable(path, parse_headings(columns), style, lines, numbers, headed=False)
    if all(style.is_number(field) for field in _trimmed(first)):
        raise SparsidError(
            f"{path} has no header line (its first row has numbers only); name its {width} "
            "columns in their order with `columns` (--columns a,b,...)."
        )
    if len(lines) == 1:
        raise SparsidError(f"{path} has a header line and no rows below it.")
    return TextTable(path, parse_headings(_trimmed(first)), style, lines[1:], numbers[1:], True)


def write_csv(dataset: Dataset, path: Path) -> None:
    """Writes the columns of `as_frame`, separated by commas."""
    as_frame(dataset).to_csv(path, index=False)


def _lines(path: Path) -> tuple[list[bytes], np.ndarray]:
    """Lines with data or headings, and their numbers; blank lines and comments are skipped."""
    try:
        raw = path.read_bytes()
    except OSError as error:
        raise SparsidError(f"Cannot read {path}: {error.strerror}.") from None
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raw = raw.decode("utf-16", errors="replace").encode()
    if b"\0" in raw[:100_000]:
        raise SparsidError(f"{path} is not a text file; save the table as CSV.")
    lines = raw.removeprefix(b"\xef\xbb\xbf").splitlines()
    kept = [_is_content(line) for line in lines]
    if not any(kept):
        raise SparsidError(f"{path} is empty; it needs a header line and rows of numbers.")
    return list(compress(lines, kept)), np.flatnonzero(kept) + 1


def _is_content(line: bytes) -> bool:
    bare = line.lstrip()
    return bare != b"" and bare[0] not in b"#%"


def _decoded(line: bytes) -> str:
    try:
        return line.decode()
    except UnicodeDecodeError:
        return line.decode("latin-1")


def _trimmed(fields: list[str]) -> list[str]:
    """Without empty trailing fields: many programs end every row with a separator."""
    while fields and not fields[-1]:
        fields = fields[:-1]
    return fields


def _detect(head: list[str]) -> Style:
    """The style with the most numeric fields, among those that find several columns."""
    rows = head[1:] or head
    scores = [_fit(style, rows) for style in STYLES]
    best = max(scores)
    return STYLES[scores.index(best)] if best > 0 else Style(",", ".")


def _fit(style: Style, rows: list[str]) -> float:
    """Share of the fields that are numbers or timestamps; 0 if there is only one column."""
    split = [_trimmed(style.fields(row)) for row in rows]
    if sum(len(fields) > 1 for fields in split) <= len(rows) / 2:
        return 0.0
    filled = [field for fields in split for field in fields if field]
    good = sum(style.is_number(f) or _TIMESTAMP.fullmatch(f) is not None for f in filled)
    return good / len(filled) + 1e-9


def _check_count(path: Path, columns: Sequence[str], width: int, widest: int) -> None:
    if not width <= len(columns) <= widest:
        raise SparsidError(
            f"`columns` must name every column of {path}: it has {width}, "
            f"got {len(columns)} names ({', '.join(columns)})."
        )
