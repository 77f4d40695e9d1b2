"""Figures and the page, on input that is tricky rather than typical."""

import subprocess
import sys
from html.parser import HTMLParser
from urllib.parse import unquote
from xml.etree import ElementTree

import numpy as np
import pytest

from sparsid._errors import SparsidError
from sparsid.graph import Graph, GraphLayer
from sparsid.report import figures
from sparsid.report.document import Document, Figure, File, Table
from sparsid.report.render import page
from sparsid.report.render.drawing import draw, save
from sparsid.report.render.drawing.error_growth import _quantiles
from sparsid.report.render.drawing.trajectories import _held, _left_at, _thinned

ODD = ("<b>T1</b>", "cost_$x$ of $", "Ä & ü")
TIME = 10.0 * np.arange(900)


def runs(members, states=3):
    """Smooth truth and members, some of which blow up, turn to NaN, or never were a number."""
    rng = np.random.default_rng(0)
    truth = np.sin(TIME[:, None] / 900 + np.arange(states))
    made = truth + 0.01 * rng.normal(size=(members, 1, 1)) * np.ones_like(truth)
    if members > 3:
        made[0, 300:] *= np.exp(np.minimum(np.arange(600), 700))[:, None]
        made[1, 500:] = np.nan
        made[2, 500:] = -np.inf
        made[3] = np.nan
    return truth, made


def graph(hidden=(6, 5), inputs=3, outputs=3, share=0.5, skip=True):
    rng = np.random.default_rng(1)
    sizes = [inputs, *hidden, outputs]
    layers = tuple(
        GraphLayer(
            rng.normal(size=(sizes[at + 1], sizes[at])) * (rng.random((sizes[at + 1], 1)) < share),
            rng.normal(size=(sizes[at + 1], inputs)) if skip else None,
            np.zeros(sizes[at + 1]),
        )
        for at in range(len(sizes) - 1)
    )
    return Graph(layers, "relu", ODD[:inputs], ODD[:outputs])


def trajectories(members=5, states=3):
    truth, made = runs(members, states)
    ensembles = {ODD[0]: made, "dense": made[:1]}
    return draw(
        figures.Trajectories(TIME, truth, ensembles, ODD[:states], ("kg", None, "degC")[:states])
    )


def constant_truth():
    made = np.full((2, 900, 1), np.nan)
    return draw(figures.Trajectories(TIME, np.zeros((900, 1)), {"a": made}, ["x"], None), title="T")


def error_growth(members=5):
    with np.errstate(all="ignore"):
        truth, made = runs(members)
        errors = np.abs(made - truth).mean(axis=-1)
    return draw(figures.ErrorGrowth(TIME, {ODD[1]: errors, "b": errors[:1]}, limit=(3.0, "limit")))


def nothing_finite():
    return draw(
        figures.ErrorGrowth(TIME, {"a": np.full((2, 900), np.inf), "b": np.zeros((1, 900))})
    )


def diverged_share():
    shares = {ODD[0]: [(0.0, 0.0, 0.01), (1.0, 0.99, 1.0)], "L1": [(0.1, 0.05, 0.2)] * 2}
    theirs = {"L1": [0.25, None], "Dense": [1.0, 0.0]}
    return draw(figures.DivergedShares([100, 5000], shares, published=theirs, dt=10.0))


def training_history():
    epochs = np.arange(1, 9)
    loss = np.exp(-epochs / 3) * np.ones((4, 1))
    loss[1, 3:] = np.nan
    free = np.full((4, 8), np.nan)
    free[:, 3], free[:, 7] = np.inf, [0.1, 0.2, np.inf, np.inf]
    curves = {"a": figures.Curves(epochs, loss, loss, free), "b": figures.Curves(epochs, loss[:1])}
    return draw(figures.TrainingHistory(curves))


FIGURES = {
    "trajectories": trajectories,
    "one member, one state": lambda: trajectories(1, 1),
    "constant truth, no number": constant_truth,
    "inputs": lambda: draw(figures.Inputs(TIME, runs(1)[0], ODD)),
    "error growth": error_growth,
    "nothing finite": nothing_finite,
    "diverged": diverged_share,
    "network": lambda: draw(figures.NetworkDiagram(graph()), title=ODD[0]),
    "network without hidden layer": lambda: draw(figures.NetworkDiagram(graph(()))),
    "network without live unit": lambda: draw(figures.NetworkDiagram(graph(share=0.0, skip=False))),
    "links": lambda: draw(figures.LinkMatrix(graph().links(), ODD, ODD)),
    "shares of links": lambda: draw(figures.LinkMatrix(np.full((1, 2), 0.25), ODD[:2], ODD[:1])),
    "training": training_history,
}


@pytest.mark.parametrize("name", FIGURES)
@pytest.mark.filterwarnings("error")
def test_a_figure_is_written_and_the_same_one_gives_the_same_files(name, tmp_path):
    first = save(FIGURES[name](), tmp_path, "first")
    assert first.png.read_bytes().startswith(b"\x89PNG")
    assert first.png.stat().st_size > 2000
    assert ElementTree.parse(first.svg).getroot().tag.endswith("svg")
    again = save(FIGURES[name](), tmp_path, "again")
    assert again.svg.read_bytes() == first.svg.read_bytes()
    assert again.png.read_bytes() == first.png.read_bytes()
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "again.png",
        "again.svg",
        "first.png",
        "first.svg",
    ]


def test_a_figure_that_cannot_be_written_is_refused(tmp_path):
    with pytest.raises(SparsidError, match="Cannot write"):
        save(error_growth(), tmp_path / "missing", "x")


def test_the_truth_sets_the_axes():
    axis = trajectories().axes[0]
    low, high = axis.get_ylim()
    assert -2.0 < low < -1.0
    assert 1.0 < high < 2.0


def test_quantiles_count_lost_runs_as_infinite():
    errors = np.array([[1.0], [2.0], [3.0], [np.nan], [np.inf]])
    np.testing.assert_array_equal(_quantiles(errors, (0.0, 0.5, 1.0))[:, 0], [1, 3, np.inf])


def test_the_median_drawn_is_the_one_predicted():
    """A member that left the finite numbers in any state counts no more, though it comes back."""
    runs = np.ones((4, 5, 2)) * np.array([1.0, 2.0, 6.0, 7.0])[:, None, None]
    runs[2, 2, 1] = np.inf
    runs[3, 3, 0] = np.nan
    wanted = [4.0, 4.0, 2.0, 1.5, 1.5]  # of 1, 2, 6, 7; then of 1, 2, 7; then of 1, 2: just half
    figure = draw(
        figures.Trajectories(
            np.arange(5.0), np.tile(np.linspace(0, 8, 5)[:, None], 2), {"runs": runs}, ("a", "b")
        )
    )
    for axis in figure.axes:
        (drawn,) = (line for line in axis.get_lines() if line.get_zorder() == 3)
        np.testing.assert_array_equal(drawn.get_ydata(), wanted)


@pytest.mark.parametrize(
    ("run", "left"),
    [
        ([0.0, 0.5, 0.2], None),
        ([0.0, 5.0, 0.2], None),
        ([0.0, 5.0, np.nan], (1, True)),
        ([0.0, 0.5, -np.inf], (2, False)),
        ([0.0, 0.9, np.nan], (2, True)),
        ([np.nan, np.nan, np.nan], (0, False)),
    ],
)
def test_where_a_run_leaves_the_axes(run, left):
    assert _left_at(np.array(run), -1.0, 1.0) == left


def test_thinning_keeps_ends_and_peaks():
    line = np.random.default_rng(0).normal(size=20_003)
    line[12_345], line[777] = 50.0, np.nan
    time, kept = _thinned(np.arange(20_003.0), line)
    assert len(kept) < 2000
    assert (time[0], time[-1]) == (0.0, 20_002.0)
    assert 12_345.0 in time
    assert np.nanmin(kept) == np.nanmin(line)


def test_a_held_line_keeps_every_corner():
    time, kept = _held(np.arange(5.0), np.array([0.0, 0.0, 7.0, 0.0, 0.0]))
    np.testing.assert_array_equal(time, [0, 2, 2, 3, 3, 4])
    np.testing.assert_array_equal(kept, [0, 0, 7, 7, 0, 0])


class Reader(HTMLParser):
    """Checks that tags nest and collects what a page shows, loads and links to."""

    VOID = ("meta", "img", "link", "br")

    def __init__(self):
        super().__init__()
        self.open, self.seen, self.loads, self.links, self.text = [], [], [], [], ""

    def handle_starttag(self, tag, attrs):
        self.seen.append(tag)
        given = dict(attrs)
        self.loads += [given[a] for a in ("src", "srcset", "data", "action") if a in given]
        self.links += [given["href"]] if "href" in given else []
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.text += data


def test_the_page_is_self_contained_and_says_odd_names_as_they_are(tmp_path, monkeypatch):
    home = tmp_path / "my page"
    (tmp_path / "a:b #1.nc").write_text("data")
    shares = figures.DivergedShares([5], {ODD[0]: [(0.5, 0.2, 0.9)]})
    small, large = (Figure(f"figure-{n}", 'Odd "one"', ODD[0], shares) for n in ("small", "large"))
    files = (File(tmp_path / "a:b #1.nc", "a file"),)
    table = Table("Runs", ODD, [[1, None, "<i>"], ['"', 0.5, "x"]], note="Note.")
    document = Document(ODD[0], ("First.", "<script>alert(1)</script>"), (table,), (small,), files)
    page.write_page(document, home / "index.html")
    monkeypatch.setattr(page, "SVG_UP_TO", 10)
    page.write_page(Document("t", figures=(large,)), home / "large.html")
    reader = Reader()
    written = (home / "index.html").read_text(encoding="utf-8")
    reader.feed(written)
    reader.close()
    assert reader.open == []
    assert not {"script", "b", "i", "link", "iframe", "object"} & set(reader.seen)
    assert [load.split(",")[0] for load in reader.loads] == ["data:image/svg+xml;base64"]
    assert 'src="data:image/png;base64,' in (home / "large.html").read_text(encoding="utf-8")
    assert "url(" not in written
    assert "@import" not in written
    assert all((home / unquote(link)).is_file() for link in reader.links)
    assert len(reader.links) == 3
    for shown in (ODD[0], "<script>alert(1)</script>", "<i>", "Note.", 'Odd "one"'):
        assert shown in reader.text


def test_a_row_that_does_not_fit_its_columns_is_refused():
    with pytest.raises(SparsidError, match="must have 2 cells"):
        Table("Runs", ["a", "b"], [[1, 2], [1]])


def test_what_is_no_figure_is_refused():
    with pytest.raises(SparsidError, match=r"must be one of AgainstSize, .*got str"):
        draw("a picture")


def test_importing_the_report_is_cheap_and_drawing_leaves_pyplot_alone():
    code = (
        "import sys, sparsid.report.render.page\n"
        "from sparsid.report.figures import LinkMatrix\n"
        "from sparsid.report.render.drawing import draw\n"
        "assert not {'matplotlib', 'jinja2', 'jax', 'pandas'} & set(sys.modules)\n"
        "draw(LinkMatrix([[True]], ['a'], ['b']))\n"
        "assert not {'matplotlib.pyplot', 'jax'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
