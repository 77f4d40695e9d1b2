"""What the verbs show: documents, LaTeX and JSON of hand-made results, and options in groups."""

from dataclasses import dataclass
from types import SimpleNamespace
from typing import Annotated

import numpy as np
import pytest
import typer
from tests.command_line import refused
from typer.testing import CliRunner

from sparsid._errors import SparsidError
from sparsid.cli.options import grouped
from sparsid.data import Dataset
from sparsid.evaluation import HorizonScore, Piece, StateEquation, Structure
from sparsid.evaluation.equations_document import equation_data, equation_document, equations_latex
from sparsid.evaluation.score_document import score_data, score_document
from sparsid.evaluation.structure_document import structure_data, structure_document
from sparsid.evaluation.truth import TrueLinks, true_coefficients
from sparsid.graph.sparsity import sparsity_of
from sparsid.identify.documents import fit_document, processes_document, prune_document
from sparsid.report.render.text import text


def shown(table):
    return [[text(cell) for cell in row] for row in table.rows]


def equation(state, refit, pieces):
    return StateEquation(
        state,
        ("T1", "Q", "x"),
        np.array([True, True, False]),
        tuple(Piece(np.array(slopes), constant, share) for slopes, constant, share in pieces),
        1.0,
        np.ones(3),
        refit,
        0.0123 if refit else np.nan,
    )


AFFINE = equation("T1", Piece(np.array([-0.5, 2.125, 0.0]), 3.0), [([1.0, 2.0, 0.0], 0.0, 1.0)])
PIECES = [([0.0, 2.0, 0.0], 0.0, 0.6), ([1.0, 0.0, 0.0], 0.5, 0.3), ([0.0, 0.0, 0.0], 1.0, 0.1)]
BROKEN = equation("T2", None, PIECES)
TRUE = np.array([-0.4, np.nan, 0.0])


def test_an_affine_law_beside_the_truth():
    document = equation_document(AFFINE, pieces=1, true=TRUE)
    assert document.notes == (
        "d T1/dt = 2.125 Q - 0.5 T1 + 3",
        "  affine; refitted, RMS error 0.0123 standard deviations",
    )
    (table,) = document.tables
    assert table.title == "Coefficients of d T1/dt"
    assert shown(table) == [
        ["T1", "-0.5", "-0.4", "+25 %"],
        ["Q", "2.125", "not constant", "-"],
    ]


def test_a_law_in_pieces_has_no_coefficients_to_compare():
    document = equation_document(BROKEN, pieces=2, true=TRUE)
    assert document.notes == (
        "d T2/dt = 2 Q",
        "  on 60.0 % of the data",
        "d T2/dt = 1 T1 + 0.5",
        "  on 30.0 % of the data",
        "  and 1 further pieces, on 10.0 %",
    )
    assert document.tables == ()


def test_laws_as_latex():
    left = r"\frac{{\mathrm{{d}}\,\mathrm{{{}}}}}{{\mathrm{{d}}t}} &= "
    assert equations_latex([AFFINE, BROKEN], pieces=1).splitlines() == [
        r"\begin{align*}",
        left.format("T1") + r"2.125\,\mathrm{Q} - 0.5\,\mathrm{T1} + 3 \\",
        left.format("T2") + r"2\,\mathrm{Q} && \text{(60.0\,\%)} \\",
        r"& && \text{and 2 further pieces (40.0\,\%)}",
        r"\end{align*}",
    ]


def test_laws_as_data():
    first, second = equation_data(AFFINE, TRUE), equation_data(BROKEN, TRUE)
    assert first["refit"] == {
        "coefficients": {"T1": -0.5, "Q": 2.125},
        "constant": 3.0,
        "share": 1.0,
    }
    assert list(first["true"]) == ["T1", "Q"]
    assert first["true"]["T1"] == -0.4
    assert np.isnan(first["true"]["Q"])
    assert second["links"] == ["T1", "Q"]
    assert {"refit", "residual", "text", "true"}.isdisjoint(second)
    assert [piece["share"] for piece in second["pieces"]] == [0.6, 0.3, 0.1]


def test_the_true_slopes_of_a_duffing_oscillator():
    """x' = v, v' = -delta v - alpha x - beta x^3 + force: the slope of v' in x changes with x."""
    names = ("displacement", "velocity"), ("force",)
    rng = np.random.default_rng(0)
    data = Dataset.from_arrays(
        x=rng.normal(size=(1, 50, 2)),
        u=rng.normal(size=(1, 50, 1)),
        dt=0.05,
        state_names=names[0],
        input_names=names[1],
    )
    inputs = (*names[0], *names[1])
    found = tuple(SimpleNamespace(state=state, inputs=inputs) for state in names[0])
    slopes = true_coefficients("duffing", found, data)
    np.testing.assert_array_equal(slopes[0], [0.0, 1.0, 0.0])
    assert np.isnan(slopes[1, 0])
    assert slopes[1, 2] == 1.0
    with pytest.raises(SparsidError, match="use its own channels"):
        true_coefficients("duffing", found[:1], data)


LINKS = np.array([[[1, 1], [0, 0]], [[1, 0], [0, 0]], [[1, 0], [0, 1]], [[1, 0], [0, 1]]], bool)
FOUND = Structure(("a", "b"), ("x", "y"), LINKS, np.array([3, 4, 5, 6]), np.array([7, 8, 9, 10]))
KNOWN = TrueLinks(np.array([[True, False], [True, True]]), np.array([[0.5, 0.0], [0.001, 0.25]]))


def test_links_in_a_table_those_of_most_members_first():
    (table,) = structure_document(FOUND).tables
    assert table.title == "Links of 4 networks"
    assert table.columns == ["output", "input", "members"]
    assert shown(table) == [["x", "a", "100 %"], ["x", "b", "25 %"], ["y", "b", "50 %"]]
    # Jaccard by hand: 1/2, 1/3, 1/3, 1/2, 1/2 and 1 of the six pairs.
    assert table.note == "live units, median: 4.5; live weights: 8.5; agreement (Jaccard): 0.528"


def test_links_beside_true_ones():
    (table,) = structure_document(FOUND, KNOWN).tables
    assert table.columns == ["output", "input", "members", "link is", "true sensitivity"]
    assert shown(table) == [
        ["x", "a", "100 %", "true", "0.5"],
        ["x", "b", "25 %", "false", "0"],
        ["y", "b", "50 %", "true", "0.25"],
        ["y", "a", "0 %", "true", "0.001"],
    ]
    # Precision 1/2, 1, 1, 1; recall 1/3, 1/3, 2/3, 2/3; F1 0.4, 0.5, 0.8, 0.8.
    assert table.note.split("\n")[1:] == [
        "against 3 true links, medians: precision 1, recall 0.5, f1 0.65",
        "1 of them are weak (sensitivity below 0.01), found by 0 % of the networks or more; the "
        "others by 50 % or more, false ones by at most 25 %",
    ]


def test_links_as_data_and_figures():
    data = structure_data(FOUND, KNOWN)
    assert data["true_links"] == 3
    assert data["frequency"] == [[1.0, 0.25], [0.0, 0.5]]
    assert [r["found"] for r in data["recovery"]] == [2, 1, 2, 2]
    assert data["recovery"][0]["precision"] == 0.5
    (figure,) = structure_document(FOUND).figures
    assert (figure.name, figure.title) == ("links", "Share of 4 networks with each link, %")


SCORES = {
    10: HorizonScore(10, np.full((2, 5), 0.25), np.zeros((2, 5), bool), np.ones((2, 5), bool)),
    20: HorizonScore(20, np.full((2, 5), 9.0), np.ones((2, 5), bool), np.ones((2, 5), bool)),
}
ZEROS = sparsity_of([("first", np.array([[[1.0, 0.0]], [[0.5, 1e-4]]]))])


def test_scores_as_document_and_data():
    (table,) = score_document(SCORES, ZEROS, members=2, trajectories=5).tables
    assert table.title == "Free runs of 2 members over 5 trajectories"
    rows = shown(table)
    assert [row[:3] + row[4:] for row in rows] == [
        ["10", "10", "0", "0.25", "0"],
        ["20", "10", "10", "-", "-"],
    ]
    assert rows[0][3].startswith("0.0% to ")
    assert rows[1][3].endswith("% to 100.0%")
    assert table.note == (
        "exactly zero: 25.0% of weights; non-zero, median of members: 1.5; smaller than 0.001: "
        "50.0%"
    )
    data = score_data(SCORES, ZEROS, members=2, trajectories=5)
    assert data["nonzero_by_member"] == [1, 2]
    assert data["horizons"]["10"] == {
        "runs": 10,
        "diverged": 0,
        "rfmse_mean": 0.25,
        "rfmse_std": 0.0,
    }
    assert data["horizons"]["20"]["rfmse_mean"] is None


def test_a_fit_beside_other_models():
    def judged(name, validation, errors, chosen=False):
        candidate = SimpleNamespace(name=name, validation=validation)
        mean = float(np.mean(errors))
        return SimpleNamespace(
            candidate=candidate, chosen=chosen, errors=np.array(errors), mean=mean, nonzero=12.5
        )

    models = (judged("one-step", 0.5, [0.25, 0.75], True), judged("linear", np.inf, [1.0, np.nan]))
    found = SimpleNamespace(part="test", chose="validation", channels=("T1", "T2"), models=models)
    (table,) = fit_document(found).tables
    assert table.columns == ("model", "validation, mean", "T1", "T2", "mean", "non-zero weights")
    assert shown(table) == [
        ["one-step (chosen)", "0.5", "0.25", "0.75", "0.5", "12.5"],
        ["linear", "inf", "1", "-", "-", "12.5"],
    ]
    (table,) = fit_document(SimpleNamespace(**vars(found) | {"chose": None})).tables
    assert shown(table)[0] == ["one-step (chosen)", "0.25", "0.75", "0.5", "12.5"]


def test_a_pruning_member_by_member():
    def judged(validation, test):
        return SimpleNamespace(validation=validation, test=test)

    steps = [SimpleNamespace(left=left) for left in (50, 20, 10)]
    member = SimpleNamespace(
        path=SimpleNamespace(steps=steps),
        chosen=1,
        full=judged(1.0, None),
        control=judged(np.nan, None),
        pruned=judged(0.5, None),
    )
    (table,) = prune_document(SimpleNamespace(members=(member,))).tables
    assert table.columns[4:] == (
        *("validation full", "validation control", "validation pruned"),
        *("test full", "test control", "test pruned"),
    )
    assert shown(table) == [["0", "50", "20", "10", "1", "-", "0.5", "-", "-", "-"]]


def test_processes_are_listed_with_their_sources():
    (table,) = processes_document().tables
    rows = {row[0]: row[1:] for row in shown(table)}
    assert rows["duffing"] == ["displacement, velocity", "force", "0.05 s"]
    assert "lotka_volterra: J. D. Murray" in table.note


@dataclass(frozen=True)
class Pair:
    first: Annotated[int, typer.Option(help="One.")] = 1
    second: Annotated[str | None, typer.Option("--other", help="Two.")] = None


def test_a_group_is_an_option_for_each_of_its_fields():
    seen = []

    def command(name: str, flag: bool = False, *, pair: Pair, last: int = 0) -> None:
        """Says nothing."""
        seen.append((name, flag, pair, last))

    app = typer.Typer()
    app.command()(grouped(command))
    call = CliRunner().invoke
    assert call(app, ["a"]).exit_code == 0
    assert call(app, ["a", "--first", "5", "--other", "x", "--flag", "--last", "2"]).exit_code == 0
    assert seen == [("a", False, Pair(), 0), ("a", True, Pair(5, "x"), 2)]
    options = call(app, ["--help"]).output
    places = [options.index(name) for name in ("--flag", "--first", "--other", "--last")]
    assert places == sorted(places)
    assert "Says nothing." in options


@pytest.mark.parametrize("verb", ["score", "structure", "equations", "prune", "predict", "fit"])
def test_options_of_tables_are_the_same_for_every_verb(verb, capsys):
    """Each verb knows them and refuses a sampling time that is no number."""
    assert "Invalid value for '--dt'" in refused(capsys, verb, "a", "b", "--dt", "x")
