"""What is shown, added from outside in at most 30 lines each: a figure, a renderer, a paper.

A paper is a folder of data, with its presets.
"""

import csv
import inspect
import io
import sys
from dataclasses import dataclass
from importlib import resources
from types import MappingProxyType, SimpleNamespace
from xml.etree import ElementTree

import numpy as np
import pytest
from tests import command_line

from sparsid import papers
from sparsid.report.document import Count, Document, Figure, Quantity, Share, Table
from sparsid.report.render import drawing
from sparsid.report.render.drawing.style import blank, literal
from sparsid.report.render.page import write_page
from sparsid.report.render.text import text
from sparsid.study import read_study


@dataclass(frozen=True, eq=False)
class Spectrum:
    """Power by frequency in Hz."""

    frequency: np.ndarray
    power: np.ndarray
    name: str


def spectrum(data, title):
    figure = blank(5, 3, title=title)
    axis = figure.subplots()
    axis.plot(data.frequency, data.power)
    axis.set(xlabel="frequency [Hz]", ylabel=literal(data.name), yscale="log")
    return figure


def as_csv(document):
    """Every table, below its title."""
    written = io.StringIO()
    for table in document.tables:
        rows = [[text(cell) for cell in row] for row in table.rows]
        csv.writer(written).writerows([[table.title], table.columns, *rows])
    return written.getvalue()


PAPER = {
    "paper.toml": """
citation = "A. Author, On circles, 1999"
doi = "10.1000/1"
""",
    "presets/circles.toml": """
name = "circles"
title = "Two networks"
published = "author1999"
[data]
process = "duffing"
[[configuration]]
name = "Dense"
phases = [{ epochs = 1 }]
""",
}


@pytest.mark.parametrize("added", [(Spectrum, spectrum), (as_csv,)])
def test_they_are_short(added):
    """At most 30 lines, blank ones not counted."""
    lines = "".join(map(inspect.getsource, added)).splitlines()
    assert sum(bool(line.strip()) for line in lines) <= 30


def test_a_figure_is_drawn_and_stands_on_the_page(tmp_path, monkeypatch):
    known = MappingProxyType({**drawing.DRAWN, Spectrum: spectrum})
    monkeypatch.setattr(drawing, "DRAWN", known)
    data = Spectrum(np.array([1.0, 2.0]), np.array([0.1, 10.0]), "power of pH_1")
    (axis,) = drawing.draw(data, title="Power").axes
    np.testing.assert_array_equal(axis.lines[0].get_xydata(), [[1, 0.1], [2, 10]])
    document = Document("D", figures=(Figure("spectrum", "Power", "of one record", data),))
    write_page(document, tmp_path / "index.html")
    assert "of one record" in (tmp_path / "index.html").read_text()
    drawing.save_figures(document, tmp_path)
    ElementTree.parse(tmp_path / "spectrum.svg")


def test_a_renderer_takes_any_document():
    rows = [("Dense", Share(0.25), Count(1, 4)), ("L1", Quantity(0.123456), None)]
    document = Document("D", tables=(Table("Runs", ("name", "share, %", "count"), rows),))
    expected = ["Runs", 'name,"share, %",count', "Dense,25,1 of 4", "L1,0.123,-"]
    assert as_csv(document).splitlines() == expected


def test_a_paper_is_a_folder_of_data(tmp_path, monkeypatch, capsys):
    assert sum(bool(line.strip()) for line in "".join(PAPER.values()).splitlines()) <= 30
    for name, content in PAPER.items():
        file = tmp_path / "author1999" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(content)
    found = SimpleNamespace(files=lambda package: tmp_path, as_file=resources.as_file)
    monkeypatch.setattr(sys.modules["sparsid.papers.paper"], "resources", found)
    assert papers.papers() == ("author1999",)
    assert papers.paper("author1999").doi == "10.1000/1"
    papers.paper.cache_clear()
    study = read_study("circles")
    assert (study.published, study.configuration[0].name) == ("author1999", "Dense")
    assert command_line.run("study", "list") == 0
    assert "circles │ Two networks │ 1 │ 10" in " ".join(capsys.readouterr().out.split())
