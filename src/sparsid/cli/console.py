"""Printing to the terminal: sentences, JSON and tables.

Text may contain names from files. It is never parsed as markup, and characters that would move the
cursor, end a line or reorder text are replaced or isolated (`terminal_text`).
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

WIDE = 160  # columns, if the output is not a terminal

out = Console(highlight=False, soft_wrap=True)
err = Console(stderr=True, highlight=False, soft_wrap=True)


def show_all_letters() -> None:
    """Standard output and error print "?" for characters outside their encoding."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def print_line(text: object) -> None:
    """Prints a line on standard output."""
    out.print(Text(terminal_text(text)))


def print_notes(notes: Iterable[str]) -> None:
    """Prints each distinct note once on standard error."""
    for note in dict.fromkeys(notes):
        err.print(Text(terminal_text(f"Note: {note}")))


def print_error(text: object) -> None:
    """Prints an error message on standard error."""
    err.print(Text(terminal_text(f"Error: {text}"), style="red"))


def print_json(value: Any, indent: int = 2) -> None:
    """Prints strict JSON on standard output: ASCII only, null for NaN and infinity."""
    sys.stdout.write(json.dumps(_standard(value), indent=indent, allow_nan=False) + "\n")


def _standard(value: Any) -> Any:
    """The value with None for NaN and infinity."""
    if isinstance(value, dict):
        return {key: _standard(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [_standard(inner) for inner in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def show(document: Document, *, wrap: bool = False) -> None:
    """Prints a document in the width of the terminal; with `wrap` cells may wrap at any space."""
    width = out.width if out.is_terminal else WIDE if wrap else sys.maxsize
    for part in console(document, width=width, wrap=wrap):
        out.print(part)
