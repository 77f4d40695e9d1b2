"""Rendering documents for a terminal: sentences, and tables that fit its width.

Cells are never truncated. In a narrow terminal they are wrapped: at ", ", or with `wrap` at any
space. If that is not enough, each row becomes a list of its cells.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, RenderableType, RenderResult
from rich.text import Text

from sparsid.report.document import Document, Table
from sparsid.report.render.terminal import terminal_text
from sparsid.report.render.text import text

BORDER = 3  # terminal columns of a table's column in addition to its text


def console(document: Document, *, width: int, wrap: bool = False) -> Iterator[RenderableType]:
    """The printed parts of a document: its notes, then its tables, each with its note.

    `width` is the number of terminal columns. The title, figures and files are not shown.
    """
    for note in document.notes:
        yield from _lines(note)
    for table in document.tables:
        yield from table_for_console(table, width=width, wrap=wrap)


def table_for_console(table: Table, *, width: int, wrap: bool = False) -> Iterator[RenderableType]:
    """The printed parts of a table: title, rows, note. Only the first column is left-aligned."""
    heads = [[terminal_text(line) for line in name.split("\n")] for name in table.columns]
    cells = [[terminal_text(text(cell)) for cell in row] for row in table.rows]
    widths = _widths(heads, cells, width, wrap)
    yield Text(terminal_text(table.title), style="bold")
    if widths is None:
        yield from _list(heads, cells)
    else:
        yield _grid(heads, cells, widths, wrap)
    yield from _lines(table.note)


@dataclass(frozen=True)
class _Fixed:
    """A renderable with a fixed width, independent of the terminal's."""

    content: RenderableType
    width: int

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield from console.render(self.content, options.update_width(self.width))


def _lines(note: str) -> Iterator[Text]:
    for line in note.split("\n") if note else ():
        yield Text(terminal_text(line))


def _grid(
    heads: list[list[str]], cells: list[list[str]], widths: list[int], wrap: bool
) -> RenderableType:
    from rich.table import Table as Grid

    grid = Grid()
    for at, (head, width) in enumerate(zip(heads, widths, strict=True)):
        lines = [folded for line in head for folded in _folded(line, width, wrap=True)]
        grid.add_column(
            Text("\n".join(lines)),
            justify="left" if at == 0 else "right",
            width=width,
            no_wrap=True,
        )
    for row in cells:
        folded = (_folded(cell, width, wrap) for cell, width in zip(row, widths, strict=True))
        grid.add_row(*(Text("\n".join(lines)) for lines in folded))
    return _Fixed(grid, sum(widths) + BORDER * len(widths) + 1)


def _list(heads: list[list[str]], cells: list[list[str]]) -> Iterator[Text]:
    """Each row as lines `head: cell`, for terminals too narrow for a table."""
    for row in cells:
        for head, cell in zip(heads, row, strict=True):
            yield Text(f"{' '.join(head)}: {cell}")
        yield Text()


def _widths(
    heads: list[list[str]], cells: list[list[str]], available: int, wrap: bool
) -> list[int] | None:
    """Widths of the columns, or None if their longest pieces do not fit next to each other."""
    natural, least = [], []
    for at, head in enumerate(heads):
        column = [row[at] for row in cells]
        words = [word for line in head for word in _pieces(line, wrap=True)]
        pieces = [piece for cell in column for piece in _pieces(cell, wrap)]
        natural.append(max((cell_len(text) for text in (*head, *column)), default=0))
        least.append(max((cell_len(text) for text in (*words, *pieces)), default=0))
    spare = available - BORDER * len(heads) - 1 - sum(least)
    if spare < 0:
        return None
    return _shared(natural, least, spare)


def _shared(natural: list[int], least: list[int], spare: int) -> list[int]:
    """The least widths plus a share of the spare width in proportion to what is missing."""
    widths = list(least)
    missing = sum(natural) - sum(least)
    if missing <= spare:
        return natural
    for at, (most, width) in enumerate(zip(natural, least, strict=True)):
        widths[at] += spare * (most - width) // missing
    return widths


def _pieces(text: str, wrap: bool) -> list[str]:
    """The parts of a text that are not broken."""
    if wrap:
        return text.split()
    *before, last = text.split(", ")
    return [*(f"{part}," for part in before), last]


def _folded(text: str, width: int, wrap: bool) -> list[str]:
    """The text in lines of at most `width`, without breaking its pieces."""
    if cell_len(text) <= width:
        return [text]
    lines: list[str] = []
    for piece in _pieces(text, wrap):
        if lines and cell_len(f"{lines[-1]} {piece}") <= width:
            lines[-1] += f" {piece}"
        else:
            lines.append(piece)
    return lines
