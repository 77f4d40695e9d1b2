"""One document on three targets: what a cell says, tables however wide, figures of any kind."""

from dataclasses import FrozenInstanceError, fields, is_dataclass
from html.parser import HTMLParser
from typing import get_args

import numpy as np
import pytest
from matplotlib.figure import Figure as MatplotlibFigure
from rich.console import Console

from sparsid.graph import Graph, GraphLayer
from sparsid.report import figures
from sparsid.report.document import (
    Count,
    Document,
    Figure,
    File,
    Interval,
    Quantity,
    Range,
    Several,
    Share,
    Spread,
    Table,
)
from sparsid.report.render.console import console
from sparsid.report.render.drawing import draw
from sparsid.report.render.markdown import markdown
from sparsid.report.render.page import write_page
from sparsid.report.render.text import text

NAN, INF = float("nan"), float("inf")
CELLS = [
    ("words", "words"),
    (None, "-"),
    (12345, "12345"),
    (0.123456, "0.123"),
    (np.float64(2.0), "2"),
    (NAN, "-"),
    (INF, "inf"),
    (Quantity(1234567.0), "1.23e+06"),
    (Quantity(0.00001234, 2), "1.2e-05"),
    (Quantity(12.5, 6), "12.5"),
    (Quantity(3.0, signed=True), "+3"),
    (Quantity(-0.5, signed=True), "-0.5"),
    (Quantity(49.6, decimals=0, unit=" %"), "50 %"),
    (Quantity(12.345, decimals=1, unit="%"), "12.3%"),
    (Quantity(10.0, unit=" s"), "10 s"),
    (Quantity(None, unit=" s"), "-"),
    (Quantity(NAN), "-"),
    (Range(0.0, 12.34, decimals=1, unit="%"), "0.0% to 12.3%"),
    (Range(1.0, 2.5), "1 to 2.5"),
    (Interval(12.34, 10.0, 15.06), "12.3 [10, 15.1]"),
    (Interval(1.2, 0.3, 2.0, signed=True), "+1.2 [+0.3, +2]"),
    (Interval(5.0, 1.0, INF), "5 [1, inf]"),
    (Interval(NAN, NAN, NAN), "-"),
    (Share(0.1234, 0.1, 0.15), "12.3 [10, 15]"),
    (Share(0.0675), "6.75"),
    (Share(0.0675, digits=2), "6.8"),
    (Share(-0.012, -0.03, 0.005, signed=True), "-1.2 [-3, +0.5]"),
    (Share(None), "-"),
    (Spread(0.1234, 0.0342), "0.123 ± 0.034"),
    (Spread(0.12, 0.03), "0.12 ± 0.03"),
    (Spread(None, None), "-"),
    (Count(3, 40), "3 of 40"),
    (Several((0.5, 12.0, NAN)), "0.5, 12, -"),
]


@pytest.mark.parametrize(("cell", "shown"), CELLS, ids=[shown for _, shown in CELLS])
def test_the_text_of_a_cell(cell, shown):
    assert text(cell) == shown


TABLE = Table(
    "Diverged",
    ("configuration", "share\n[95 %]", "networks"),
    [("a | b", Share(0.1234, 0.1, 0.15), 10), ("c", Share(None), Count(9, 10))],
    "A note.\nAnother line.",
)
DOCUMENT = Document("Study", ("One.", "Two."), (TABLE,))


def lines(document, **layout):
    screen = Console(width=10_000)
    with screen.capture() as capture:
        for part in console(document, **layout):
            screen.print(part, soft_wrap=True)
    return capture.get().splitlines()


def test_a_document_on_the_console():
    assert lines(DOCUMENT, width=200) == [
        "One.",
        "Two.",
        "Diverged",
        "┏━━━━━━━━━━━━━━━┳━━━━━━━━━━━━━━━┳━━━━━━━━━━┓",
        "┃               ┃         share ┃          ┃",
        "┃ configuration ┃        [95 %] ┃ networks ┃",
        "┡━━━━━━━━━━━━━━━╇━━━━━━━━━━━━━━━╇━━━━━━━━━━┩",
        "│ a | b         │ 12.3 [10, 15] │       10 │",
        "│ c             │             - │  9 of 10 │",
        "└───────────────┴───────────────┴──────────┘",
        "A note.",
        "Another line.",
    ]


def test_a_terminal_too_narrow_for_a_table_gets_a_list():
    assert lines(DOCUMENT, width=20)[3:7] == [
        "configuration: a | b",
        "share [95 %]: 12.3 [10, 15]",
        "networks: 10",
        "",
    ]


def test_the_same_document_as_markdown():
    assert markdown(DOCUMENT) == (
        "# Study\n\nOne.\n\nTwo.\n\n## Diverged\n\n"
        "| configuration | share [95 %] | networks |\n"
        "| --- | ---: | ---: |\n"
        "| a \\| b | 12.3 [10, 15] | 10 |\n"
        "| c | - | 9 of 10 |\n\n"
        "A note.\nAnother line.\n"
    )


class Tree(HTMLParser):
    """Where each table stands (classes of what is around it), its cells by row, and all text."""

    def __init__(self):
        super().__init__()
        self.open, self.around, self.rows, self.text = [], [], [], []

    def handle_starttag(self, tag, attrs):
        if tag in ("meta", "img"):
            return
        self.open.append((tag, dict(attrs).get("class")))
        if tag == "table":
            self.around.append([name for _, name in self.open if name])
        if tag == "tr":
            self.rows.append([])

    def handle_endtag(self, tag):
        assert self.open.pop()[0] == tag

    def handle_data(self, data):
        self.text.append(data)
        if self.open and self.open[-1][0] in ("td", "th"):
            self.rows[-1].append(data)


def read(page):
    tree = Tree()
    tree.feed(page.read_text(encoding="utf-8"))
    assert tree.open == []
    return tree


def test_the_same_document_as_a_page(tmp_path):
    tree = read(write_page(DOCUMENT, tmp_path / "index.html"))
    assert tree.rows == [
        ["configuration", "share\n[95 %]", "networks"],
        ["a | b", "12.3 [10, 15]", "10"],
        ["c", "-", "9 of 10"],
    ]
    for shown in ("Study", "One.", "Two.", "Diverged", "A note.\nAnother line."):
        assert shown in tree.text


def test_thirty_columns_scroll_within_the_page_and_are_printed_whole(tmp_path):
    columns = [f"column {k}" for k in range(30)]
    row = [f"cell {k}, a few words long" if k % 3 == 0 else 1000.0 * k for k in range(30)]
    wide = Document("Wide", tables=(Table("Thirty", columns, [row]),))
    page = write_page(wide, tmp_path / "index.html")
    tree = read(page)
    assert tree.around == [["wide"]]
    assert tree.rows == [columns, [text(cell) for cell in row]]
    style = page.read_text(encoding="utf-8").split("<style>")[1].split("</style>")[0]
    screen, printed = style.split("@media print {")
    assert ".wide { overflow-x: auto; max-width: 100%; }" in screen
    assert ".wide { overflow-x: visible; }" in printed
    assert "white-space: normal; overflow-wrap: anywhere;" in printed
    assert page.read_text(encoding="utf-8").count('class="words"') == 10


def test_files_and_figures_stand_on_the_page_alone(tmp_path):
    drawing = figures.LinkMatrix(np.eye(2, dtype=bool), ("a", "b"), ("c", "d"))
    figure = Figure("links", "Links", "Which input feeds which output.", drawing)
    document = Document("t", figures=(figure,), files=(File(tmp_path / "x.nc", "data"),))
    tree = read(write_page(document, tmp_path / "index.html"))
    for shown in ("Links", "Which input feeds which output. ", "x.nc", ": data"):
        assert shown in tree.text
    assert lines(document, width=100) == []
    assert markdown(document) == "# t\n"


TIME, ONE = np.arange(4.0), (0.1, 0.0, 0.2)
GRAPH = Graph((GraphLayer(np.eye(2), None, np.zeros(2)),), "relu", ("a", "b"), ("c", "d"))
PATH = figures.PathCurve(np.array([3.0, 2.0]), np.ones(2), np.ones(2), np.ones(2), 0)
EXAMPLES = {
    type(example): example
    for example in (
        figures.AgainstSize([5, 10], [figures.SizePanel("p", "l", {"a": [ONE, ONE]})]),
        figures.Differences(["a"], {"5 samples": [ONE]}),
        figures.DivergedShares([5], {"a": [ONE]}),
        figures.ErrorDistributions({"p": {"a": np.ones(3)}}, label="error"),
        figures.ErrorGrowth(TIME, {"a": np.ones((2, 4))}),
        figures.ErrorViolins([5], {"a": {5: np.ones(3)}}),
        figures.Inputs(TIME, np.ones((4, 1)), ["u"]),
        figures.LinkMatrix(np.eye(2, dtype=bool), ["a", "b"], ["c", "d"]),
        figures.NetworkDiagram(GRAPH),
        figures.PruningPaths({"a": [PATH]}),
        figures.PublishedComparison({"a": ONE}, {"a": 0.1}),
        figures.Saliencies(np.array([[1.0, -1.0]]), np.array([2.0])),
        figures.SparsityAgainstError({"a": figures.Seeds(np.ones(2), np.ones(2), np.ones(2))}),
        figures.TrainingHistory({"a": figures.Curves(TIME, np.ones((1, 4)))}),
        figures.Trajectories(TIME, np.ones((4, 1)), {"a": np.ones((1, 4, 1))}, ["x"]),
    )
}


def test_every_kind_of_figure_has_an_example_here():
    assert set(EXAMPLES) == set(get_args(figures.Drawing.__value__))
    made = {
        k for k in vars(figures).values() if is_dataclass(k) and k.__module__ == figures.__name__
    }
    parts = {figures.Curves, figures.PathCurve, figures.Seeds, figures.SizePanel}
    assert set(EXAMPLES) == made - parts


@pytest.mark.parametrize("kind", EXAMPLES, ids=lambda kind: kind.__name__)
def test_a_figure_of_every_kind_is_frozen_and_can_be_drawn(kind):
    example = EXAMPLES[kind]
    with pytest.raises(FrozenInstanceError):
        setattr(example, fields(example)[0].name, None)
    drawn = draw(example, title="A title")
    assert isinstance(drawn, MatplotlibFigure)
    assert drawn.get_suptitle() == "A title"
    assert drawn.axes
