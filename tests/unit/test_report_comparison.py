"""Figures that compare configurations: what is drawn is what was given, whatever that is."""

import subprocess
import sys
from xml.etree import ElementTree

import numpy as np
import pytest
from matplotlib.colors import to_hex

from sparsid._errors import SparsidError
from sparsid.report import figures
from sparsid.report.document import Document, Figure, Table
from sparsid.report.render.drawing import draw, save
from sparsid.report.render.drawing.comparison import _quartiles
from sparsid.report.render.drawing.style import BLUE, CYCLE, VERMILLION, colours
from sparsid.report.render.page import write_page

HORIZONS = (100, 1000, 2500, 5000)
LONG = "a <b>name</b> of $x$ and $ that goes on, and on_and_on, further than any panel is wide"
SIXTEEN = [f"Magnitude pruning + L1 + SWA {k}" for k in range(14)] + [LONG, "$"]
NOTHING = (np.nan, np.nan, np.nan)


def intervals(count, seed=0):
    share = np.random.default_rng(seed).random(count)
    return [(s, max(0.0, s - 0.1), min(1.0, s + 0.1)) for s in share.tolist()]


def bars(labels, published=(), horizons=HORIZONS, title="Diverged runs against the published"):
    count = len(horizons)
    shares = {label: intervals(count, k) for k, label in enumerate(labels)}
    theirs = {label: [0.5, None, 0.25, 1.0][:count] for label in published}
    return draw(figures.DivergedShares(horizons, shares, published=theirs, dt=10.0), title=title)


def errors(labels, horizons=HORIZONS):
    """Log-normal errors; the first of the labels loses all, in three ways, then has one run."""
    rng = np.random.default_rng(1)
    given = {n: {h: rng.lognormal(-2, 0.7, 200) for h in horizons} for n in labels}
    odd = (np.zeros(0), np.full(3, np.nan), np.full(2, np.inf), np.array([0.2]))
    given[labels[0]] = dict(zip(horizons, odd, strict=False))
    return given


def violins(labels=("odd", "b"), horizons=HORIZONS, **more):
    return draw(
        figures.ErrorViolins(horizons, errors(labels, horizons), dt=10.0, **more), title="T"
    )


def equal_errors():
    given = {"same": {5: np.full(9, 0.3)}, "zero": {5: np.zeros(9)}, "few": {5: np.ones(2)}}
    return draw(figures.ErrorViolins([5], {**given, "other": {7: np.ones(2)}}))


def seeds(count=10, lost=0):
    rng = np.random.default_rng(2)
    wrong = rng.lognormal(-1, 0.3, count)
    wrong[:lost] = np.nan
    return figures.Seeds(rng.random(count), wrong, rng.random(count))


def differences(labels=("a", LONG), columns=("5000 samples",)):
    every = [(1.0, 0.5, 2.0), (-1.0, -2.0, 0.5)] * 8
    return draw(
        figures.Differences(labels, {column: every[: len(labels)] for column in columns}), title="$"
    )


FIGURES = {
    "bars, 4": lambda: bars(SIXTEEN[-3:], SIXTEEN[-3:]),
    "bars, 16": lambda: bars(SIXTEEN, SIXTEEN),
    "bars, theirs alone": lambda: bars(["a"], list("bcdefgh")),
    "bars, no number": lambda: draw(figures.DivergedShares([5], {"a": [NOTHING]}), title=LONG),
    "bars, nothing": lambda: draw(figures.DivergedShares([], {})),
    "bars, one horizon": lambda: bars(["a"], ["a"], horizons=(10,)),
    "violins": violins,
    "violins, 16": lambda: violins(SIXTEEN, counts=dict.fromkeys(SIXTEEN, 400)),
    "violins, one horizon": lambda: violins(horizons=(5,)),
    "violins, equal": equal_errors,
    "violins, nothing": lambda: draw(figures.ErrorViolins([], {})),
    "pairs": differences,
    "pairs, 16 at four": lambda: differences(SIXTEEN, [f"{h} samples" for h in HORIZONS]),
    "pairs, no number": lambda: draw(figures.Differences(["a"], {"": [NOTHING]})),
    "pairs, no end": lambda: draw(figures.Differences(["a"], {"$": [(0.0, -np.inf, np.nan)]})),
    "pairs, nothing": lambda: draw(figures.Differences([], {})),
    "agreement, 16": lambda: draw(
        figures.PublishedComparison(
            dict(zip(SIXTEEN, intervals(16), strict=True)), dict.fromkeys([*SIXTEEN[3:], "x"], 0.5)
        )
    ),
    "agreement, no number": lambda: draw(
        figures.PublishedComparison({"a": NOTHING}, {"a": None}), title=LONG
    ),
    "sparsity, 16": lambda: draw(
        figures.SparsityAgainstError({name: seeds(lost=k % 11) for k, name in enumerate(SIXTEEN)}),
        title=LONG,
    ),
    "sparsity, one seed": lambda: draw(
        figures.SparsityAgainstError({"a": seeds(1), "b": seeds(1, 1)})
    ),
    "sparsity, none": lambda: draw(figures.SparsityAgainstError({"a": seeds(0)})),
    "ten networks": lambda: draw(
        figures.Trajectories(
            np.arange(50.0), np.zeros((50, 2)), {LONG: np.full((10, 50, 2), np.inf)}, ["a", "$b"]
        )
    ),
}


@pytest.mark.parametrize("name", FIGURES)
@pytest.mark.filterwarnings("error")
def test_a_figure_is_written(name, tmp_path):
    saved = save(FIGURES[name](), tmp_path, "figure")
    assert saved.png.stat().st_size > 2000
    assert ElementTree.parse(saved.svg).getroot().tag.endswith("svg")


@pytest.mark.parametrize("name", ["bars, 4", "violins", "pairs", "agreement", "sparsity"])
def test_the_same_figure_gives_the_same_files(name, tmp_path):
    made = next(make for known, make in FIGURES.items() if known.startswith(name))
    first, again = (save(made(), tmp_path, file) for file in ("first", "again"))
    assert again.svg.read_bytes() == first.svg.read_bytes()
    assert again.png.read_bytes() == first.png.read_bytes()


def texts(axis):
    return [text.get_text() for text in axis.texts]


def marks(axis, marker, size=None):
    """Places of the markers of a kind, in the order drawn."""
    lines = [line for line in axis.lines if line.get_marker() == marker]
    return [
        (x, y)
        for line in lines
        if size is None or line.get_markersize() == size
        for x, y in zip(line.get_xdata(), line.get_ydata(), strict=True)
    ]


@pytest.mark.parametrize("name", [name for name in FIGURES if "16" in name])
def test_with_sixteen_configurations_no_words_lie_on_each_other(name):
    figure = FIGURES[name]()
    figure.canvas.draw()
    first = figure.axes[0]
    low, high = sorted(first.get_ylim())
    ticks = [
        t
        for t, y in zip(first.get_yticklabels(), first.get_yticks(), strict=True)
        if low <= y <= high
    ]
    boxes = [text.get_window_extent() for text in [*figure.texts, *ticks]]
    boxes += [legend.get_window_extent() for legend in figure.legends]
    boxes += [axis.title.get_window_extent() for axis in figure.axes if axis.get_title()]
    boxes = [(b.x0, b.y0, b.x1, b.y1) for b in boxes]
    right, top = figure.bbox.x1, figure.bbox.y1
    assert all(min(b[:2]) >= 0 and b[2] <= right and b[3] <= top for b in boxes)
    for i, one in enumerate(boxes):
        for other in boxes[:i]:
            apart = one[2] <= other[0] or other[2] <= one[0]
            assert apart or one[3] <= other[1] + 1 or other[3] <= one[1] + 1, (one, other)


def test_sixteen_labels_have_sixteen_colours_and_the_first_eight_are_apart():
    assert len(set(colours(SIXTEEN).values())) == 16
    channels = np.array([[int(c[i : i + 2], 16) for i in (1, 3, 5)] for c in CYCLE[:8]])
    apart = np.abs(channels[:, None] - channels).sum(axis=-1) + 1000 * np.eye(8, dtype=int)
    assert apart.min() > 80
    light = np.array([[int(c[i : i + 2], 16) for i in (1, 3, 5)] for c in CYCLE[8:]])
    np.testing.assert_allclose(light, 255 - 0.45 * (255 - channels), atol=0.51)


def test_bars_have_the_heights_given_and_stand_with_theirs_beside_them():
    figure = bars(["a", "b"], ["b"])
    ours_a, ours_b, theirs_b = (c for c in figure.axes[0].containers if hasattr(c, "patches"))
    for drawn, seed in ((ours_a, 0), (ours_b, 1)):
        expected = [100 * share for share, _, _ in intervals(4, seed)]
        np.testing.assert_allclose([bar.get_height() for bar in drawn], expected)
    np.testing.assert_allclose([bar.get_height() for bar in theirs_b], [50, np.nan, 25, 100])
    assert theirs_b[0].get_hatch()
    assert to_hex(theirs_b[0].get_edgecolor()).upper() == CYCLE[1]
    assert [t.get_text() for t in figure.legends[0].get_texts()] == ["a", "b", "b, published"]


def test_many_bars_carry_what_is_published_as_marks():
    labels = list("abcdefgh")
    axis = bars(labels, [*labels[:2], "only theirs"]).axes[0]
    drawn = [c for c in axis.containers if hasattr(c, "patches")]
    assert len(drawn) == len(labels)
    assert not any(bar.get_hatch() for container in drawn for bar in container)
    found = [mark for mark in marks(axis, "D") if np.isfinite(mark[1])]
    assert len(found) == 9
    np.testing.assert_allclose([y for _, y in found[:3]], [50, 25, 100])
    middles = [bar.get_x() + bar.get_width() / 2 for bar in drawn[0]]
    np.testing.assert_allclose([x for x, _ in found[:3]], np.array(middles)[[0, 2, 3]])
    legend = [t.get_text() for t in axis.figure.legends[0].get_texts()]
    assert legend == [*labels, "only theirs, published", "published (numbers: ours)"]


def test_the_numbers_are_written_above_the_bars_and_a_dash_where_there_is_none():
    shares = {"a": [(0.125, 0.1, 0.2), NOTHING]}
    axis = draw(figures.DivergedShares([5, 6], shares, published={"b": [None, 1.0]})).axes[0]
    assert texts(axis) == ["12.5", "–", "–", "100"]


def test_whiskers_reach_over_the_interval():
    (container,) = [
        c
        for c in draw(figures.DivergedShares([5], {"a": [(0.5, 0.2, 0.9)]})).axes[0].containers
        if hasattr(c, "lines")
    ]
    np.testing.assert_allclose(container.lines[2][0].get_segments()[0][:, 1], [20, 90])


@pytest.mark.parametrize("given", [{"shares": {"a": intervals(3)}}, {"published": {"a": [0.1]}}])
def test_a_label_without_a_number_for_each_horizon_is_refused(given):
    shares = given.get("shares", {})
    with pytest.raises(SparsidError, match="must have 4 entries, one per horizon; 'a' has"):
        draw(figures.DivergedShares(HORIZONS, shares, published=given.get("published")))


def test_a_violin_spans_the_errors_and_marks_median_and_quartiles():
    given = np.random.default_rng(0).lognormal(-2, 0.7, 101)
    (axis,) = draw(figures.ErrorViolins([5], {"a": {5: given}}, counts={"a": 400})).axes
    (body,) = axis.collections
    outline = body.get_paths()[0].vertices
    np.testing.assert_allclose([outline[:, 0].min(), outline[:, 0].max()], np.sort(given)[[0, -1]])
    np.testing.assert_allclose(np.abs(outline[:, 1]).max(), 0.4)
    assert marks(axis, "o") == [(np.median(given), 0)]
    quartiles = next(line for line in axis.lines if line.get_linewidth() == 2.4)
    np.testing.assert_allclose(quartiles.get_xdata(), np.quantile(given, (0.25, 0.75)))
    assert "101/400" in texts(axis)
    assert axis.get_xscale() == "log"


def test_lost_runs_are_named_not_missing():
    axes = violins(("odd", "b")).axes
    for axis in axes[:3]:
        assert "all diverged" in texts(axis)
        assert {"0", "200"} <= set(texts(axis))
    assert "all diverged" not in texts(axes[3])
    assert (0.2, 0) in marks(axes[3], "o")
    assert "not given" in texts(equal_errors().axes[0])


def test_errors_that_are_not_finite_do_not_count():
    given = {"a": {5: np.array([0.1, np.inf, 0.3, np.nan, 0.2])}}
    (axis,) = draw(figures.ErrorViolins([5], given)).axes
    assert "3" in texts(axis)
    assert marks(axis, "o", 4)[0] == (0.2, 0)


def test_a_violin_is_a_density_by_gaussian_kernels_of_scotts_width():
    given = np.random.default_rng(0).lognormal(-2, 0.7, 50)
    (axis,) = draw(figures.ErrorViolins([5], {"a": {5: given}})).axes
    upper = axis.collections[0].get_paths()[0].vertices[1:65]  # after the corner it begins with
    values, grid = np.log10(given), np.log10(upper[:, 0])
    width = values.std(ddof=1) * len(values) ** -0.2
    heights = np.exp(-0.5 * ((grid[:, None] - values) / width) ** 2).sum(axis=1)
    np.testing.assert_allclose(np.abs(upper[:, 1]), 0.4 * heights / heights.max(), rtol=1e-9)


def test_pairs_stand_where_they_are_and_are_filled_where_zero_is_left_out():
    given = [(1.0, 0.5, 2.0), (-1.0, -2.0, 0.5), NOTHING, (np.inf, 0.0, np.inf), (3.0, -np.inf, 4)]
    (axis,) = draw(figures.Differences(list("abcde"), {"5 samples": given})).axes
    assert marks(axis, "o") == [(1.0, 0), (-1.0, 1), (3.0, 4)]
    dots = [line for line in axis.lines if line.get_marker() == "o"]
    assert [to_hex(dot.get_markerfacecolor()).upper() for dot in dots] == [
        BLUE,
        "#FFFFFF",
        "#FFFFFF",
    ]
    assert texts(axis).count("no number") == 2
    assert "+1  [+0.5, +2]" in texts(axis)
    assert "+3  [−∞, +4]" in texts(axis)
    low, high = axis.get_xlim()
    assert -3 < low < -2
    assert 4 < high < 5
    ends = [list(line.get_xdata()) for line in axis.lines if line.get_linewidth() == 1.6]
    assert ends[:2] == [[0.5, 2.0], [-2.0, 0.5]]
    assert ends[2][0] < low
    assert list(axis.lines[0].get_xdata()) == [0, 0]


def test_pairs_need_a_difference_for_each_row():
    with pytest.raises(SparsidError, match="must have 2 entries, one per row; '5 samples' has 1"):
        draw(figures.Differences(["a", "b"], {"5 samples": [(0.0, 0.0, 0.0)]}))


def test_agreement_shows_both_and_whether_the_interval_holds_the_published_number():
    ours = {"in": (0.1, 0.05, 0.2), "out": (0.5, 0.4, 0.6), "alone": (0.3, 0.2, 0.4)}
    (axis,) = draw(figures.PublishedComparison(ours, {"in": 0.15, "out": 0.7, "theirs": 1.0})).axes
    assert [x for x, _ in marks(axis, "o")] == [10, 50, 30]
    assert [x for x, _ in marks(axis, "D") if np.isfinite(x)] == pytest.approx([15, 70, 100])
    dots = [line for line in axis.lines if line.get_marker() == "o"]
    assert [dot.get_color() for dot in dots] == [BLUE, VERMILLION, BLUE]
    assert texts(axis)[:4] == ["15 | 10", "70 | 50", "– | 30", "100 | –"]
    assert [tick.get_text() for tick in axis.get_yticklabels()] == ["in", "out", "alone", "theirs"]


def test_sparsity_shows_each_network_its_medians_and_those_that_were_lost():
    given = figures.Seeds(
        np.array([0.1, 0.2, 0.3]), np.array([0.5, np.inf, np.nan]), np.array([0.0, 1.0, 1.0])
    )
    kept = figures.Seeds(np.array([0.5]), np.array([0.25]), np.array([0.1]))
    figure = draw(figures.SparsityAgainstError({"a": given, "b": kept}))
    error, share = figure.axes
    top = error.get_ylim()[1]
    assert marks(error, "o", 3.5) == [(10, 0.5), (50, 0.25)]
    np.testing.assert_allclose(marks(error, "^", 4.5), [(20, top), (30, top)])
    np.testing.assert_allclose(marks(error, "^", 6.5), [(20, top)])
    assert marks(error, "o", 6.5) == [(50, 0.25)]
    np.testing.assert_allclose(marks(share, "o", 6.5), [(20, 100), (50, 10)])
    legend = [text.get_text() for text in figure.legends[0].get_texts()]
    assert legend == ["a", "b", "all runs diverged"]


def test_quartiles_are_infinite_only_where_they_touch_infinity():
    np.testing.assert_array_equal(_quartiles(np.array([1.0, 2, 3, np.inf, np.inf])), [2, 3, np.inf])
    np.testing.assert_array_equal(_quartiles(np.array([1.0, np.inf])), np.full(3, np.inf))
    np.testing.assert_allclose(
        _quartiles(np.arange(4.0)), np.quantile(np.arange(4), (0.25, 0.5, 0.75))
    )


def bars_data():
    return figures.DivergedShares(HORIZONS, {"a": intervals(4)}, dt=10.0)


def test_a_page_holds_its_figures_and_leaves_them_as_files(tmp_path):
    folder = tmp_path / "new" / "study"
    rows = figures.Differences(["a"], {"5": [(1.0, 0.5, 2.0)]})
    document = Document(
        "A <study>",
        ("One.", "Two $."),
        tables=(Table("Runs", ["a", "b"], [[1, None]]),),
        figures=(
            Figure("diverged_share", "Diverged share", "Shares & more.", bars_data()),
            Figure("pairs", "Pairs", "", rows),
        ),
    )
    page = write_page(document, folder / "index.html")
    assert page == folder / "index.html"
    text = page.read_text(encoding="utf-8")
    assert sorted(file.name for file in (folder / "figures").iterdir()) == [
        "diverged_share.png",
        "diverged_share.svg",
        "pairs.png",
        "pairs.svg",
    ]
    assert text.count('src="data:image/svg+xml;base64,') == 2
    assert text.count("src=") == 2
    for shown in ("A &lt;study&gt;", "Two $.", "Diverged share", "Shares &amp; more.", ">-<"):
        assert shown in text
    assert 'href="./figures/pairs.svg"' in text


@pytest.mark.parametrize(
    ("names", "content"),
    [
        (["a", "A"], "Two figures are named 'A'"),
        (["../a"], "may contain letters"),
        ([""], "may contain letters"),
    ],
)
def test_a_page_refuses_a_name_that_names_no_file_of_its_own(tmp_path, names, content):
    drawn = tuple(Figure(name, "t", "", bars_data()) for name in names)
    with pytest.raises(SparsidError, match=content):
        write_page(Document("t", figures=drawn), tmp_path / "p" / "index.html")
    assert not (tmp_path / "p").exists()


def test_a_page_without_a_place_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(SparsidError, match="Cannot create the folder"):
        write_page(Document("t"), tmp_path / "file" / "p" / "index.html")


def test_drawing_leaves_pyplot_alone():
    code = (
        "import sys, numpy as np\n"
        "from sparsid.report import figures as f\n"
        "from sparsid.report.render.drawing import draw\n"
        "assert not {'matplotlib', 'jax', 'scipy'} & set(sys.modules)\n"
        "one = (0.1, 0.0, 0.2)\n"
        "draw(f.DivergedShares([5], {'a': [one]}))\n"
        "draw(f.ErrorViolins([5], {'a': {5: np.ones(9)}}))\n"
        "draw(f.Differences(['a'], {'': [one]}))\n"
        "draw(f.PublishedComparison({'a': one}, {}))\n"
        "draw(f.SparsityAgainstError({'a': f.Seeds(np.ones(2), np.ones(2), np.ones(2))}))\n"
        "assert not {'matplotlib.pyplot', 'jax', 'scipy'} & set(sys.modules)\n"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
