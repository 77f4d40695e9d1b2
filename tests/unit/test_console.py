"""The door for text to the terminal: shown as it is written, and no name or number cut."""

import io
import json
import os
import subprocess
import sys
import unicodedata

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console

from sparsid.cli import console
from sparsid.report.document import Document, Table
from sparsid.report.render.terminal import terminal_text


def show(title, columns, rows, *, wrap=False):
    console.show(Document("", tables=(Table(title, columns, rows),)), wrap=wrap)


ISOLATES = "\u2068\u2069"
ANY = st.text(st.characters(codec=None))  # lone surrogates too


@pytest.fixture
def terminal(monkeypatch):
    """A function that makes standard output a terminal so many columns wide, and gives its text."""

    def make(width: int) -> io.StringIO:
        screen = io.StringIO()
        look = {"highlight": False, "force_terminal": True, "color_system": None, "width": width}
        monkeypatch.setattr(console, "out", Console(file=screen, soft_wrap=True, **look))
        return screen

    return make


@given(ANY)
def test_whatever_the_text_nothing_in_it_moves_the_cursor(text):
    shown = terminal_text(text)
    shown.encode()  # a lone surrogate has no encoding
    categories = {unicodedata.category(letter) for letter in shown}
    assert not categories & {"Cc", "Cs", "Zl", "Zp"}
    marks = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI"}
    assert not marks & {unicodedata.bidirectional(letter) for letter in shown}
    # Isolates come in pairs, one after the other, and hold all letters from right to left.
    depth = 0
    for letter in shown:
        depth += (letter == "\u2068") - (letter == "\u2069")
        assert depth in (0, 1)
        assert depth or unicodedata.bidirectional(letter) not in ("R", "AL")
    assert depth == 0
    kept = "".join(letter for letter in shown if letter not in ISOLATES)
    assert len(kept) == len(text)
    assert all(a in (b, "\ufffd") for a, b in zip(kept, text, strict=True))


@given(st.text(st.characters(min_codepoint=32, max_codepoint=126)))
def test_plain_letters_are_shown_as_they_are(text):
    assert terminal_text(text) == text


def test_a_name_from_right_to_left_leaves_the_number_beside_it_in_its_place():
    assert terminal_text("חום 5, לחץ 7") == "\u2068חום\u2069 5, \u2068לחץ\u2069 7"


@settings(deadline=None)
@given(st.lists(st.tuples(ANY, ANY), min_size=1, max_size=3), st.integers(5, 60), st.booleans())
def test_any_cells_are_shown_whole_at_any_width(rows, width, wrap):
    screen = io.StringIO()
    look = {"highlight": False, "force_terminal": True, "color_system": None}
    with pytest.MonkeyPatch.context() as patch:
        own = Console(file=screen, soft_wrap=True, width=width, **look)
        patch.setattr(console, "out", own)
        show("title", ("a", "b"), rows, wrap=wrap)
    shown = screen.getvalue()
    for row in rows:
        for cell in row:
            for word in terminal_text(cell).split():
                assert word in shown


NAMES = ("T1 [degC]", "[/b]", "[red]x", ":warning:", "a" * 30, "pressure.of.the.second.stage")


@pytest.mark.parametrize("width", [40, 80, 160])
def test_a_table_cuts_no_name_and_no_number(terminal, width):
    screen = terminal(width)
    rows = [(name, "1.23456e-12", ", ".join(NAMES)) for name in NAMES]
    show("Channels", ("name", "[number]", "all"), rows)
    shown = screen.getvalue()
    for name in (*NAMES, "[number]"):
        assert name in shown
    assert shown.count("1.23456e-12") == len(NAMES)
    assert "…" not in shown
    assert "..." not in shown


@pytest.mark.parametrize("width", [80, 160])
def test_a_table_keeps_within_the_terminal(terminal, width):
    screen = terminal(width)
    rows = [("one", "1.5", "a, bb, ccc, dddd, eeeee, ffffff, ggggggg, hhhhhhhh, " * 4 + "i")]
    show("Lists", ("name", "number", "list"), rows)
    assert "┃" in screen.getvalue()
    assert max(len(line) for line in screen.getvalue().splitlines()) <= width


def test_away_from_a_terminal_a_row_stays_in_one_line(capsys):
    show("Long", ("name", "list"), [("one", ", ".join(["name"] * 100))])
    assert ", ".join(["name"] * 100) in capsys.readouterr().out


def test_sentences_are_no_markup_and_stay_in_one_line(capsys):
    console.print_line("[bold]T1 [degC][/b] :warning: " + "word " * 100 + "\nforged \x1b[2J")
    console.print_notes(["[/b]", "[/b]"])
    console.print_error("[/b]\ud800")
    content = capsys.readouterr()
    assert content.out.startswith("[bold]T1 [degC][/b] :warning: word")
    assert len(content.out.splitlines()) == 1
    assert "\x1b" not in content.out
    assert content.err == "Note: [/b]\nError: [/b]\ufffd\n"


def test_json_is_standard_and_ascii(capsys):
    console.print_json({"T1 [°C]": [1.5, np.nan, (np.inf, "[/b]\ud800")]})
    content = capsys.readouterr().out
    assert content.isascii()
    assert json.loads(content) == {"T1 [°C]": [1.5, None, [None, "[/b]\ud800"]]}


def test_letters_that_the_terminal_lacks_end_in_no_traceback():
    command = [sys.executable, "-m", "sparsid", "study", "run", "T\x1b°", "--out", "new"]
    ascii_only = os.environ | {"PYTHONIOENCODING": "ascii"}
    done = subprocess.run(command, capture_output=True, encoding="ascii", env=ascii_only)
    assert done.returncode == 2
    assert done.stderr.startswith("Error: Unknown study 'T")
    assert "Traceback" not in done.stderr
