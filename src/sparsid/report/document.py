"""What people look at, as data: notes, tables of typed cells, figures and files.

Whoever makes a document formats nothing; a renderer computes nothing.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from sparsid._errors import SparsidError

if TYPE_CHECKING:
    from sparsid.report.figures import Drawing


@dataclass(frozen=True)
class Quantity:
    """A number, shown with so many significant digits, or with `decimals` after the point.

    `unit` follows the number as it is written, with its space: " s", "%".
    """

    value: float | None
    digits: int = 3
    signed: bool = False
    decimals: int | None = None
    unit: str = ""


@dataclass(frozen=True)
class Range:
    """From one number to another, each shown as a `Quantity` is."""

    low: float
    high: float
    digits: int = 3
    decimals: int | None = None
    unit: str = ""


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
    """A share in 0..1, shown in % without the sign, with the ends of its interval if it has one.

    A difference of shares is `signed`, and shown in percentage points.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    digits: int = 3
    signed: bool = False


@dataclass(frozen=True)
class Spread:
    """Mean and standard deviation; the deviation is shown with one digit less."""

    mean: float | None
    deviation: float | None
    digits: int = 3


@dataclass(frozen=True)
class Several:
    """Numbers side by side."""

    values: tuple[float, ...]
    digits: int = 3


@dataclass(frozen=True)
class Count:
    """So many of so many."""

    number: int
    of: int


type Cell = (
    str | int | float | Quantity | Range | Interval | Share | Spread | Several | Count | None
)


@dataclass(frozen=True)
class Table:
    """Rows of cells under the names of their columns; None and NaN are shown as a dash.

    A column's name and the note may have several lines. A plain float is shown with three
    significant digits. Raises SparsidError for a row that has not one cell for each column.
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    note: str = ""

    def __post_init__(self) -> None:
        for i, row in enumerate(self.rows):
            if len(row) != len(self.columns):
                raise SparsidError(
                    f"Every row of the table {self.title!r} needs {len(self.columns)} cells, as it "
                    f"has columns; row {i} has {len(row)}."
                )


@dataclass(frozen=True)
class Figure:
    """What is to be drawn, the name of its files without their ending, and what is said about it.

    A figure without `title` is headed by its name.
    """

    name: str
    title: str
    caption: str
    drawing: "Drawing"


@dataclass(frozen=True)
class File:
    """A file that belongs to the document, and what it is.

    With `content` the document brings it along: it is written where the document is.
    """

    path: Path
    text: str
    content: str | None = None


@dataclass(frozen=True)
class Document:
    """Title, paragraphs, then tables, figures and files, in the order in which they are shown."""

    title: str
    notes: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()
    figures: tuple[Figure, ...] = ()
    files: tuple[File, ...] = ()
