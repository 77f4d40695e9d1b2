"""What people look at, as data: notes, tables of typed cells, figures and files.

Whoever makes a document formats nothing; a renderer computes nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Quantity:
    """A number, shown with so many significant digits."""

    value: float | None
    digits: int = 3
    signed: bool = False


@dataclass(frozen=True)
class Interval:
    """A value with the ends of its interval; `signed` for differences."""

    value: float
    low: float
    high: float
    digits: int = 3
    signed: bool = False


@dataclass(frozen=True)
class Share:
    """A share in 0..1, shown in %; with the ends of its interval where there is one.

    A difference of shares is `signed`, and shown in percentage points.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    digits: int = 3
    signed: bool = False


@dataclass(frozen=True)
class Spread:
    """Mean and standard deviation."""

    mean: float | None
    deviation: float | None
    digits: int = 3


@dataclass(frozen=True)
class Count:
    """So many of so many."""

    number: int
    of: int


type Cell = str | int | float | Quantity | Interval | Share | Spread | Count | None


@dataclass(frozen=True)
class Table:
    """Rows of cells under the names of their columns; None and NaN are shown as a dash.

    A column's name may have several lines.
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    note: str = ""


@dataclass(frozen=True)
class Figure:
    """What is to be drawn (`report.figures`), the name of its files, and what is said about it."""

    name: str
    title: str
    caption: str
    drawing: Any


@dataclass(frozen=True)
class File:
    """A file that belongs to the document, and what it is."""

    path: Path
    text: str


@dataclass(frozen=True)
class Document:
    """Title, paragraphs, then tables, figures and files, in the order in which they are shown."""

    title: str
    notes: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()
    figures: tuple[Figure, ...] = ()
    files: tuple[File, ...] = ()
