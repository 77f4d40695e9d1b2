"""Documents as data: notes, tables of typed cells, figures and files.

Documents contain no formatting; renderers compute nothing.
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
    """A number, shown with `digits` significant digits, or `decimals` after the decimal point.

    `unit` is appended to the number and includes the space: " s", "%".
    """

    value: float | None
    digits: int = 3
    signed: bool = False
    decimals: int | None = None
    unit: str = ""


@dataclass(frozen=True)
class Range:
    """A range from one number to another, each shown like a `Quantity`."""

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
    """A share in 0..1, shown in % without the % sign, with its interval if it has one.

    A difference of shares is `signed`, and shown in percentage points.
    """

    value: float | None
    low: float | None = None
    high: float | None = None
    digits: int = 3
    signed: bool = False


@dataclass(frozen=True)
class Spread:
    """Mean and standard deviation; the deviation is shown with one digit fewer."""

    mean: float | None
    deviation: float | None
    digits: int = 3


@dataclass(frozen=True)
class Several:
    """Several numbers in one cell."""

    values: tuple[float, ...]
    digits: int = 3


@dataclass(frozen=True)
class Count:
    """A count out of a total: "3 of 40"."""

    number: int
    of: int


type Cell = (
    str | int | float | Quantity | Range | Interval | Share | Spread | Several | Count | None
)


@dataclass(frozen=True)
class Table:
    """Rows of cells with named columns; None and NaN are shown as a dash.

    Column names and the note may have several lines. A float is shown with three significant
    digits. Raises SparsidError unless every row has one cell per column.
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[Cell]]
    note: str = ""

    def __post_init__(self) -> None:
        for i, row in enumerate(self.rows):
            if len(row) != len(self.columns):
                raise SparsidError(
                    f"Every row of the table {self.title!r} must have {len(self.columns)} cells, "
                    f"one per column; row {i} has {len(row)}."
                )


@dataclass(frozen=True)
class Figure:
    """The data of a figure, the name of its files without suffix, its title and caption."""

    name: str
    title: str
    caption: str
    drawing: "Drawing"


@dataclass(frozen=True)
class File:
    """A file that belongs to the document, and its description.

    A file with `content` is written together with the document.
    """

    path: Path
    text: str
    content: str | None = None


@dataclass(frozen=True)
class Document:
    """Title, paragraphs, tables, figures and files, in the order in which they are shown."""

    title: str
    notes: tuple[str, ...] = ()
    tables: tuple[Table, ...] = ()
    figures: tuple[Figure, ...] = ()
    files: tuple[File, ...] = ()
