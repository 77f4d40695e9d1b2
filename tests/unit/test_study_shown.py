"""What is shown of a study: tables, families, names of files, the file of long exits."""

import csv
import re
from dataclasses import replace

import jax
import numpy as np
import pytest

from sparsid import SparsidError
from sparsid.cli.progress import remaining
from sparsid.cli.study import write_document
from sparsid.papers import paper
from sparsid.papers.paper import Figures
from sparsid.processes import named, simulate
from sparsid.report.render.page import write_page
from sparsid.report.render.text import text
from sparsid.results import Row
from sparsid.study.documents import file_name, unique_names
from sparsid.study.reading import parse_study, read_study
from sparsid.study.results import StudyResults
from sparsid.study.tasks.simulate.exits import EXITS
from sparsid.study.tasks.simulate.figures import families, figures, worth_drawing
from sparsid.study.tasks.simulate.report import report
from sparsid.study.tasks.simulate.results import (
    ConfigurationResults,
    at_largest,
    configuration,
)
from sparsid.study.tasks.simulate.tables import comparison, tables
from sparsid.study.tasks.simulate.task import SIMULATE
from sparsid.study.tasks.simulate.verdicts import compare

RUNS = 20
PHASES = [{"epochs": 1}]


def row(name, seed, horizons, lost, error):
    """A network of which `lost` runs of 20 diverge, and the others err by `error`."""
    happened = np.arange(RUNS) < lost
    series = {
        "shown_runs": np.zeros((2, 5, 2)),
        "shown_index": np.arange(0, 50, 10.0),
        "long_rfmse": np.array([0.5, np.nan]),
        "long_diverged": np.array([0.0, 1.0]),
        "long_exit_sample": np.array([-1.0, 7.0]),
        "long_exit_state": np.array([-1.0, 1.0]),
    }
    for horizon in horizons:
        series |= {
            f"diverged_{horizon}": happened.astype(float),
            f"rfmse_{horizon}": np.full(RUNS, error),
        }
    numbers = dict.fromkeys(("zero_share", "small_share"), 0.0) | {"nonzero": 9.0, "weights": 9.0}
    long = {"long_runs": 2.0, "long_diverged": 1.0, "long_nonfinite": 1.0, "long_left_box": 1.0}
    return Row({"seed": seed, "name": name}, name, numbers | long, series)


def results_of(folder, names, *, horizons=(100, 1000), lost=0, error=0.06, seeds=2, **more):
    """The study of these configurations as if it had been run; `more` is beside them."""
    given = [n if isinstance(n, dict) else {"name": n} for n in names]
    study = parse_study(
        {
            "name": "s",
            "data": {"process": "duffing"},
            "evaluate": {"horizons": list(horizons), "shown": 2},
            "configuration": [{"phases": PHASES} | table for table in given],
        }
        | more,
        "test",
    )
    found = tuple(
        ConfigurationResults(
            spec,
            40,
            tuple(horizons),
            tuple(row(spec.name, spec.first_seed + s, horizons, lost, error) for s in range(seeds)),
            0,
        )
        for spec in study.configuration
    )
    return StudyResults(folder, SIMULATE, study, found, 0, 0.1, ("x", "v"), (None, None))


def results_by_size(folder, sizes=(2, 40), **claims):
    """Two configurations at two sizes: more data errs less, and L1 errs by 0.1 less than that."""
    study = parse_study(
        {
            "name": "s",
            "data": {"process": "duffing", "sizes": list(sizes)},
            "evaluate": {"horizons": [100], "shown": 2},
            "configuration": [{"name": n, "phases": PHASES} for n in ("Dense", "L1")],
        }
        | claims,
        "test",
    )

    def rows(name, size):
        found = []
        for seed in range(3):
            error = 0.6 - 0.01 * size + 0.001 * seed - 0.1 * (name == "L1")
            made = row(name, seed, (100,), 0, error)
            made.series["train_loss"] = np.array([1.0, error, np.nan])
            made.series["validation_loss"] = np.array([1.0, 2 * error, np.nan])
            made.series["links"] = np.array([[1.0, seed == 0], [1.0, 1.0]])
            made.numbers["live_weights"] = 10.0 + seed
            found.append(made)
        return tuple(found)

    found = tuple(
        ConfigurationResults(spec, size, (100,), rows(spec.name, size), 0)
        for spec in study.configuration
        for size in sizes
    )
    return StudyResults(folder, SIMULATE, study, found, 0, 0.1, ("x", "v"), (None, None))


def test_claims_are_judged_at_the_sizes_they_name(tmp_path):
    claim = {"better": "L1", "than": "Dense", "measure": "rfmse", "horizon": 100}
    claims = [
        claim | {"text": "at 2", "size": 2},
        claim | {"text": "at 40"},
        claim | {"text": "2 against 40", "size": 2, "than_size": 40},
    ]
    lines = shown(table(results_by_size(tmp_path, claim=claims), "Claims"))
    assert [line[4] for line in lines] == ["holds", "holds", "does not hold"]
    assert [float(line[3].split()[0]) for line in lines] == pytest.approx([-0.1, -0.1, 0.28])
    assert lines[2][1] == "rfmse: L1, 2 trajectories minus Dense, 40 trajectories"
    with pytest.raises(SparsidError, match="`size`"):
        results_by_size(tmp_path, claim=[claim | {"text": "no", "size": 3}])


def test_the_spread_over_starts_is_shown(tmp_path):
    lines = {line[0]: line[1:] for line in shown(table(results_by_size(tmp_path), "Spread"))}
    training, validation, error, live, agrees = lines["L1, 2 trajectories"]
    assert training == "0.481 [0.48, 0.482]"
    assert validation == "0.962 [0.96, 0.964]"
    assert error == training
    assert live == "11 [10, 12]"
    assert float(agrees) == pytest.approx((0.75 + 0.75 + 1) / 3, abs=1e-3)  # 3 of 4, and equal


def test_studies_of_several_sizes_draw_them_against_each_other(tmp_path):
    results = results_by_size(tmp_path)
    data = simulate(named("duffing"), trajectories=2, samples=50, key=jax.random.key(0))
    data.to_netcdf(results.truth_path)
    for found in results.configurations:  # a baseline has no losses
        if found.name == "Dense":
            for made in found.rows:
                del made.series["train_loss"], made.series["validation_loss"]
    drawn = {name for name, _, _ in figures(results)}
    assert {"by_size", "by_size_networks", "errors_2_trajectories"} <= drawn
    assert "errors" not in drawn


def table(results, title):
    (found,) = [t for t in tables(results) if t.title.startswith(title)]
    return found


def shown(found):
    """The rows of a table as they are written."""
    return [[text(cell) for cell in line] for line in found.rows]


def test_a_row_that_disagrees_without_a_reason_is_unexplained(tmp_path):
    names = ["L1", {"name": "DSR", "departure": "another width"}, "Dense"]
    results = results_of(tmp_path, names, published="haugstvedt2023", lost=20)
    content = {line[0]: line[-1] for line in shown(table(results, "Agreement"))}
    assert content == {"L1": "unexplained", "DSR": "another width", "Dense": "unexplained"}
    # Dense: 0 % at 100 samples, 3 % at 1000, an RFMSE of 0.06 and 0.13, no zeros.
    fair = results_of(tmp_path, ["Dense"], horizons=(100,), published="haugstvedt2023")
    ((*judged, departure),) = shown(table(fair, "Agreement"))
    assert judged == ["Dense", "agrees", "agrees", "agrees"]
    assert departure == "-"


def test_slips_are_judged_by_the_authors_counts_and_printed_as_they_stand(tmp_path):
    names = ["DSR + L1", "DSR + L1 + SWA"]
    every = results_of(tmp_path, names, horizons=(2500,), lost=20, published="haugstvedt2023")
    printed = table(every, "Diverged")
    assert [line[-1] for line in shown(printed)] == ["100", "75"]
    assert "the authors counted DSR + L1 + SWA (100 %)" in printed.note
    judged = table(every, "Agreement")
    assert [line[1] for line in judged.rows] == ["agrees", "agrees"]
    assert "DSR + L1 + SWA (100 %)" in judged.note
    assert "Dense + SWA" not in judged.note  # it is not in this study
    none = results_of(tmp_path, names, horizons=(2500,), published="haugstvedt2023")
    assert "published 100 %" in table(none, "Agreement").rows[0][1]
    assert "counted 100 %" in table(none, "Agreement").rows[1][1]
    alone = results_of(tmp_path, ["DSR + L1"], horizons=(2500,), published="haugstvedt2023")
    assert "counts" not in table(alone, "Agreement").note


def test_what_nobody_published_takes_no_room(tmp_path):
    own = results_of(tmp_path, ["Ours"], published="haugstvedt2023")
    assert not [t for t in tables(own) if t.title.startswith("Agreement")]
    assert not [name for t in tables(own) for name in t.columns if "published" in name]
    # One horizon of two is published, and DSR has no errors at 5000 samples.
    results = results_of(tmp_path, ["DSR"], horizons=(77, 5000), published="haugstvedt2023")
    shares, errors = table(results, "Diverged"), table(results, "RFMSE")
    assert shares.columns == ["configuration", "networks", "77", "5000", "published\n5000"]
    assert errors.columns == ["configuration", "77", "5000"]
    assert table(results, "Weights").columns[-1] == "published zero %"


def test_differences_say_whether_networks_are_paired(tmp_path):
    names = ["a", {"name": "b", "pair": "a"}, {"name": "c", "pair": "a", "first_seed": 100}]
    results = results_of(tmp_path, names)
    differences = table(results, "Differences")
    assert differences.columns == ("pair", "paired", "measure", "100", "1000")
    content = {line[0]: line[1] for line in differences.rows}
    assert content == {"b minus a": "yes", "c minus a": "no"}
    alone = comparison([compare(configuration(results, "b"), configuration(results, "c"))])
    assert {line[1] for line in alone.rows} == {"no"}


def test_families_hold_their_reference_rows(tmp_path):
    names = [c.name for c in read_study("haugstvedt2023").configuration]
    whole = at_largest(results_of(tmp_path, names, seeds=1))
    named = paper("haugstvedt2023").figures
    found = {family: set(members) for family, members in families(whole, named).items()}
    methods = {"Soft thresholding", "Magnitude pruning", "DSR"}
    assert found == {
        "alone": {"Dense", "L1"} | methods,
        "with L1": {"Dense", "L1"} | {f"{m} + L1" for m in methods},
        "with SWA": {"Dense", "L1", "Dense + SWA", "L1 + SWA"} | {f"{m} + SWA" for m in methods},
        "with L1 and SWA": {"L1", "L1 + SWA"} | {f"{m} + L1 + SWA" for m in methods},
        "L1 and magnitude pruning": {
            "L1",
            "L1 + SWA",
            "Magnitude pruning + L1",
            "Magnitude pruning + L1 + SWA",
        },
    }
    assert (
        families(at_largest(results_of(tmp_path, ["L1", "L1 + input skip", "Dense"])), named) == {}
    )
    assert families(whole, Figures()) == {}


def test_the_published_pictures_come_first_whatever_is_claimed(tmp_path):
    claim = {"text": "t", "better": "b", "than": "a", "horizon": 100}
    names = ["a", "b", "c", "d", "e", "f", "Soft thresholding", "L1"]
    results = results_of(tmp_path, names, claim=[claim], published="haugstvedt2023")
    assert worth_drawing(results) == ["L1", "Soft thresholding", "b", "a", "c", "d"]
    own = results_of(tmp_path, names, claim=[claim])
    assert worth_drawing(own) == ["b", "a", "c", "d", "e", "f"]
    assert worth_drawing(results_of(tmp_path, ["b", "a"], claim=[claim])) == ["b", "a"]


NAMES = ["Größe 1", "Gr??e-1", "GR__E 1", "模型", "x" * 300, "x" * 301, "L1 + SWA"]


def test_names_of_files_are_plain_and_differ():
    drawn = list(unique_names((f"runs_{file_name(n)}", "", None) for n in NAMES))
    content = [figure.name for figure in drawn]
    assert len({name.lower() for name in content}) == len(NAMES)
    assert all(re.fullmatch(r"[a-z0-9_]{1,80}", name) for name in content)
    assert content[:3] == ["runs_gr__e_1", "runs_gr__e_1_2", "runs_gr__e_1_3"]
    taken = [figure.name for figure in unique_names((n, "", None) for n in ("a", "a_2", "a"))]
    assert taken == ["a", "a_2", "a_3"]


@pytest.fixture
def drawable(tmp_path):
    truth = simulate(named("duffing"), trajectories=2, samples=50, key=jax.random.key(0))
    truth.to_netcdf(tmp_path / "truth.nc")
    return results_of(tmp_path, ['a, "b"', "Größe", "Gr__e"])


def test_every_trajectory_is_drawn_and_every_figure_can_be_saved(drawable, tmp_path):
    document = report(drawable)
    names = [figure.name for figure in document.figures]
    assert names[:4] == ["states", "inputs", "states_2", "inputs_2"]
    assert {"runs_a___b_", "runs_gr__e", "runs_gr__e_2"} <= set(names)
    page = write_page(document, tmp_path / "page" / "index.html")
    assert page.is_file()
    assert all((page.parent / "figures" / f"{name}.svg").is_file() for name in names)


def test_a_figure_of_somebody_else_is_not_replaced(drawable):
    document = replace(report(drawable), figures=report(drawable).figures[:1])
    shelf = drawable.folder / "figures"
    shelf.mkdir()
    (shelf / "states.png").write_text("mine")
    with pytest.raises(SparsidError, match="did not write"):
        write_document(document, drawable.folder)
    assert [path.name for path in shelf.iterdir()] == ["states.png"]
    assert (shelf / "states.png").read_text() == "mine"
    write_document(document, drawable.folder, force=True)
    (shelf / "states.png").write_bytes(b"\x89PNG, not marked, as older versions did")
    write_document(document, drawable.folder)
    assert b"sparsid" in (shelf / "states.png").read_bytes()


def test_long_exits_are_proper_csv(drawable):
    write_document(replace(report(drawable), figures=()), drawable.folder)
    with (drawable.folder / EXITS).open(encoding="utf-8", newline="") as file:
        header, *lines = csv.reader(file)
    assert header[:3] == ["configuration", "size", "seed"]
    expected = [[name, "40", str(seed)] for name in at_largest(drawable) for seed in range(2)]
    assert [line[:3] for line in lines] == expected
    assert lines[0][3:] == ["1", "7", "0.7", "v", "1"]


@pytest.mark.parametrize(
    ("seconds", "done", "content"),
    [
        (60, 0.0, ""),
        (60, 0.5, ", about 1 min left"),
        (3600, 0.25, ", about 3 h 00 min left"),
        (600, 1.0, ", about 0 min left"),
        (600, 1.0001, ", about 0 min left"),
    ],
)
def test_the_time_that_is_left(seconds, done, content):
    assert remaining(seconds, done) == content
