"""One door for text to the terminal: sentences, JSON and tables.

What is shown may hold names from somebody's file. It is never read as markup, and what would move
the cursor, end a line or reorder the text around it is replaced or isolated (`plain`).
"""

import io
import json
import math
import re
import sys
import unicodedata
from collections.abc import Iterable, Sequence
from typing import Any

from rich.cells import cell_len
from rich.console import Console
from rich.text import Text

WIDE = 160  # columns, away from a terminal
BORDER = 3  # columns that a table's column takes beside its text

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)

# C0 and C1 controls, line separators, lone surrogates, and the controls of bidirectional text.
_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]"
)
_REPLACED = "\ufffd"
_ISOLATE, _POP = "\u2068", "\u2069"
_RIGHT_TO_LEFT = ("R", "AL")
_NEUTRAL = ("NSM", "EN", "AN", "WS", "ES", "CS", "ON")  # stand within a run, not at its ends


def plain(text: object) -> str:
    """One line of text that a terminal shows as it is written.

    Control characters and lone surrogates become U+FFFD. Each run of right-to-left text stands
    between U+2068 and U+2069, so that it does not reorder what is beside it (Unicode UAX #9).
    """
    safe = _UNSAFE.sub(_REPLACED, str(text))
    return safe if safe.isascii() else _isolated(safe)


def show_all_letters() -> None:
    """Standard output and error show "?" for what their encoding has no letter for."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def say(text: object) -> None:
    """A line on standard output."""
    out.print(Text(plain(text)))


def tell(notes: Iterable[str]) -> None:
    """Sentences somebody should hear, once each, on standard error."""
    for note in dict.fromkeys(notes):
        err.print(Text(plain(f"Note: {note}")))


def refuse(text: object) -> None:
    """A line on standard error that says what went wrong."""
    err.print(Text(plain(f"Error: {text}"), style="red"))


def say_json(value: Any, indent: int = 2) -> None:
    """Standard JSON on standard output: letters beyond ASCII escaped, null for NaN."""
    sys.stdout.write(json.dumps(_standard(value), indent=indent, allow_nan=False) + "\n")


def _standard(value: Any) -> Any:
    """The value with null for what JSON has no number for."""
    if isinstance(value, dict):
        return {key: _standard(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_standard(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def number(value: float | None, digits: int = 3) -> str:
    """A figure for a table; what is not there is a dash."""
    return "-" if value is None or value != value else f"{value:.{digits}g}"


def show(
    title: str, header: Sequence[str], rows: Iterable[Sequence[str]], *, wrap: bool = False
) -> None:
    """A table: first column left, the others right.

    No cell is ever cut. Where the terminal is too narrow, cells take several lines: broken at ", ",
    or with `wrap` at any blank. Where that is not enough, each row is shown as a list of its cells.
    """
    heads = [[plain(line) for line in str(name).split("\n")] for name in header]
    cells = [[plain(cell) for cell in row] for row in rows]
    available = out.width if out.is_terminal else WIDE if wrap else sys.maxsize
    widths = _widths(heads, cells, available, wrap)
    out.print(Text(plain(title), style="bold"))
    if widths is None:
        _list(heads, cells)
    else:
        _table(heads, cells, widths, wrap)


def _table(heads: list[list[str]], cells: list[list[str]], widths: list[int], wrap: bool) -> None:
    from rich.table import Table

    table = Table()
    for at, (head, width) in enumerate(zip(heads, widths, strict=True)):
        lines = [folded for line in head for folded in _folded(line, width, wrap=True)]
        table.add_column(
            Text("\n".join(lines)),
            justify="left" if at == 0 else "right",
            width=width,
            no_wrap=True,
        )
    for row in cells:
        folded = (_folded(cell, width, wrap) for cell, width in zip(row, widths, strict=True))
        table.add_row(*(Text("\n".join(lines)) for lines in folded))
    Console(highlight=False, width=sum(widths) + BORDER * len(widths) + 1).print(table)


def _list(heads: list[list[str]], cells: list[list[str]]) -> None:
    """Each row as lines `head: cell`, for a terminal that is too narrow for a table."""
    for row in cells:
        for head, cell in zip(heads, row, strict=True):
            out.print(Text(f"{' '.join(head)}: {cell}"))
        out.print()


def _widths(
    heads: list[list[str]], cells: list[list[str]], available: int, wrap: bool
) -> list[int] | None:
    """Columns' widths, or None where their longest pieces have no room side by side."""
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
    """Every column's least width, and of the spare ones as many as it can use, by turns."""
    widths = list(least)
    missing = sum(natural) - sum(least)
    if missing <= spare:
        return natural
    for at, (most, width) in enumerate(zip(natural, least, strict=True)):
        widths[at] += spare * (most - width) // missing
    return widths


def _pieces(text: str, wrap: bool) -> list[str]:
    """The parts of a text that stay in one line each."""
    if wrap:
        return text.split()
    *before, last = text.split(", ")
    return [*(f"{part}," for part in before), last]


def _folded(text: str, width: int, wrap: bool) -> list[str]:
    """The text in lines of at most `width`, none of its pieces broken."""
    if cell_len(text) <= width:
        return [text]
    lines: list[str] = []
    for piece in _pieces(text, wrap):
        if lines and cell_len(f"{lines[-1]} {piece}") <= width:
            lines[-1] += f" {piece}"
        else:
            lines.append(piece)
    return lines


def _isolated(text: str) -> str:
    """The text with its right-to-left runs isolated."""
    kinds = [unicodedata.bidirectional(letter) for letter in text]
    parts, at = [], 0
    while at < len(text):
        if kinds[at] not in _RIGHT_TO_LEFT:
            parts.append(text[at])
            at += 1
            continue
        end = at + 1
        for after in range(at + 1, len(text)):
            if kinds[after] in _RIGHT_TO_LEFT or kinds[after] == "NSM":
                end = after + 1
            elif kinds[after] not in _NEUTRAL or text[after] in ",;":
                break
        parts.append(f"{_ISOLATE}{text[at:end]}{_POP}")
        at = end
    return "".join(parts)
