"""One door for text to the terminal: sentences, JSON and tables.

What is shown may hold names from somebody's file. It is never read as markup, and what would move
the cursor, end a line or reorder the text around it is replaced or isolated (`terminal_text`).
"""

import io
import json
import math
import sys
from collections.abc import Iterable
from typing import Any

from rich.console import Console
from rich.text import Text

from sparsid.report.document import Document
from sparsid.report.render.console import console
from sparsid.report.render.terminal import terminal_text

WIDE = 160  # columns, away from a terminal

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)


def show_all_letters() -> None:
    """Standard output and error show "?" for what their encoding has no letter for."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def print_line(text: object) -> None:
    """A line on standard output."""
    out.print(Text(terminal_text(text)))


def print_notes(notes: Iterable[str]) -> None:
    """Sentences somebody should hear, once each, on standard error."""
    for note in dict.fromkeys(notes):
        err.print(Text(terminal_text(f"Note: {note}")))


def print_error(text: object) -> None:
    """A line on standard error that says what went wrong."""
    err.print(Text(terminal_text(f"Error: {text}"), style="red"))


def print_json(value: Any, indent: int = 2) -> None:
    """Standard JSON on standard output: letters beyond ASCII escaped, null for NaN."""
    sys.stdout.write(json.dumps(_standard(value), indent=indent, allow_nan=False) + "\n")


def _standard(value: Any) -> Any:
    """The value with null for what JSON has no number for."""
    if isinstance(value, dict):
        return {key: _standard(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_standard(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def show(document: Document, *, wrap: bool = False) -> None:
    """A document laid out for the terminal; with `wrap` its cells may break at any blank."""
    width = out.width if out.is_terminal else WIDE if wrap else sys.maxsize
    for part in console(document, width=width, wrap=wrap):
        out.print(part)
