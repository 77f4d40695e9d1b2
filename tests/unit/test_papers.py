"""What belongs to a paper: its numbers as printed, its slips, its networks, and refusals."""

import csv
from importlib import resources

import pytest

from sparsid import SparsidError, papers
from sparsid.papers import NetworkErrors, paper
from sparsid.study.reading import parse_study

HORIZONS = (100, 1000, 2500, 5000)
STUDY = {
    "name": "s",
    "data": {"process": "duffing"},
    "configuration": [{"name": "a", "phases": [{"epochs": 1}]}],
}
PATHS = {
    "task": "prune",
    "name": "s",
    "data": {"process": "neutralisation"},
    "configuration": [{"name": "a", "train": [{"iterations": 1}]}],
}


def test_published_free_runs_as_printed():
    """Tables 2, 3 and 4 of haugstvedt2023."""
    rows = paper("haugstvedt2023").rows
    assert rows["Dense"].diverged == {100: 0, 1000: 3, 2500: 6.75, 5000: 12}
    assert rows["L1"].diverged[5000] == 6.25
    assert 5000 not in rows["DSR"].rfmse
    assert rows["Dense"].rfmse[5000] == (0.25, 0.15)
    assert rows["Magnitude pruning"].zeros == 33


def test_two_rows_are_slips_by_the_authors_own_counts():
    rows = paper("haugstvedt2023").rows
    assert {name: row.counted for name, row in rows.items() if row.counted is not None} == {
        "Dense + SWA": {100: 0, 1000: 4.25, 2500: 9.75, 5000: 15.5},
        "DSR + L1 + SWA": {100: 63, 1000: 99.75, 2500: 100, 5000: 100},
    }
    assert rows["Dense + SWA"].diverged[5000] == 12  # as printed
    assert rows["Dense + SWA"].corrected[5000] == 15.5
    assert rows["L1"].corrected == rows["L1"].diverged


def test_the_authors_notebook_and_the_printed_table_differ_in_two_rows():
    """Read by hand: counts of 400 runs against the printed percentages."""
    folder = resources.files("sparsid.papers") / "haugstvedt2023" / "tables"

    def read(name):
        lines = csv.reader((folder / f"{name}.csv").read_text().splitlines())
        return {name: [float(text) for text in row] for name, *row in list(lines)[1:]}

    counted, printed = read("diverged_of_400_authors_notebook"), read("divergence_percent")
    assert list(counted) != []
    assert set(counted) == set(printed)
    differ = {
        name
        for name, row in counted.items()
        if any(abs(c / 4 - p) > 0.01 for c, p in zip(row, printed[name], strict=True))
    }
    assert differ == {"Dense + SWA", "DSR + L1 + SWA"}
    assert counted["Dense + SWA"][HORIZONS.index(5000)] == 62


def test_published_pruned_networks_as_printed():
    """Tables 2, 3, 5 and 6 of chaber2018: its best network of 20 hidden nodes."""
    best, *others = paper("chaber2018").group("N20")
    assert [best.name, *(other.name for other in others)] == ["N20_1", "N20_2", "N20_3"]
    assert best.stages["full"] == NetworkErrors(121, 0.1785, 1.0763)
    assert best.stages["best_pruned"] == NetworkErrors(40, 0.2748, 1.6894)
    assert best.path[80] == NetworkErrors(None, 0.2720, 1.7519)
    assert others[0].path[80] == NetworkErrors()  # it ends before


def test_every_paper_says_where_it_is_published():
    assert set(papers.papers()) == {"haugstvedt2023", "chaber2018", "lundby2022", "qin2018"}
    for name in papers.papers():
        assert paper(name).doi.startswith("10.")
        assert paper(name).citation
    assert paper("lundby2022").rows == {}


def test_rows_that_a_paper_names_are_published():
    """Misspelt, a row of a family would never be found."""
    own = paper("haugstvedt2023")
    named = {*own.figures.free_runs, *own.demo.values()}
    named |= {row for family in own.figures.families for row in family.beside}
    named |= {row for selection in own.figures.selections for row in selection.rows}
    assert named <= set(own.rows)
    stages = paper("chaber2018").pruned
    assert {stages.full, stages.best, *stages.stages.values()} == set(
        paper("chaber2018").group("N30")[2].stages
    )


@pytest.mark.parametrize(
    ("refused", "content"),
    [
        (lambda: paper("chaber2081"), "Unknown paper 'chaber2081'.*Did you mean 'chaber2018'"),
        (lambda: paper("../study"), "Unknown paper"),
        (lambda: paper("chaber2018").group("N40"), "group of networks of chaber2018"),
        (lambda: paper("qin2018").group("N20"), "Unknown group"),
        (lambda: parse_study(STUDY | {"published": "haugstvedt"}, "here"), "here: Unknown paper"),
        (lambda: parse_study(PATHS | {"published": "chaber"}, "here"), "here: Unknown paper"),
    ],
)
def test_unknown_papers_and_groups_are_refused_in_a_sentence(refused, content):
    with pytest.raises(SparsidError, match=content) as refusal:
        refused()
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("study", "content"),
    [({}, "needs `published` of the study"), ({"published": "chaber2018"}, "known: N20, N30")],
)
def test_networks_of_a_paper_are_named_by_a_study_that_names_it(study, content):
    configuration = PATHS["configuration"][0] | {"published": "N40"}
    with pytest.raises(SparsidError, match=content):
        parse_study(PATHS | study | {"configuration": [configuration]}, "here")
