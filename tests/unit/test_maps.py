"""Studies of fitting functions: known values, equal starts in every space, rows that resume."""

import jax
import numpy as np
import pytest

from sparsid import SparsidError
from sparsid.models.parameters import resolve
from sparsid.report.render.page import write_page
from sparsid.sparsify import unit_sphere
from sparsid.sparsify.base import prepare
from sparsid.study.reading import parse_study, read_study
from sparsid.study.results import load_results
from sparsid.study.running import run_study
from sparsid.study.tasks.map.cells import cells as map_cells
from sparsid.study.tasks.map.functions import FUNCTIONS, franke_at
from sparsid.study.tasks.map.groups import starts
from sparsid.study.tasks.map.report import report

SINE = {"name": "a", "function": "sine", "widths": [5], "train": 40, "epochs": 3, "batch": 10}
SINE |= {"rates": [1e-2], "below": 0.5}
FREE, SPHERE = {"name": "Free"}, {"name": "Sphere", "space": "reparameterisation", "pair": "Free"}


def study(*, problems=(SINE,), configurations=(FREE, SPHERE), seeds=3):
    tables = {"task": "map", "name": "s", "training": {"seeds": seeds}}
    tables |= {"problem": list(problems), "configuration": list(configurations)}
    return parse_study(tables, "test")


def test_frankes_function_by_hand():
    """Term by term at the corners and at the centre of a hill."""
    x = np.array([[0.0, 0.0], [1.0, 1.0], [2 / 9, 2 / 9]])
    e = np.exp
    by_hand = [
        0.75 * e(-2.0) + 0.75 * e(-1 / 49 - 0.1) + 0.5 * e(-14.5) - 0.2 * e(-65.0),
        0.75 * e(-24.5) + 0.75 * e(-100 / 49 - 1) + 0.5 * e(-10.0) - 0.2 * e(-29.0),
        0.75 + 0.75 * e(-9 / 49 - 0.3) + 0.5 * e(-6.5) - 0.2 * e(-29.0),
    ]
    np.testing.assert_allclose(franke_at(x), by_hand, rtol=1e-12)


@pytest.mark.parametrize("name", ["sine", "franke", "aluminium"])
def test_points_are_scaled_and_lie_within_their_reach(name):
    points = FUNCTIONS[name](300, 500, 1)
    assert points.inputs.shape[0] == 300
    assert points.test_inputs.shape[0] == 500
    assert np.linalg.norm(points.inputs, axis=1).max() <= points.reach + 1e-12
    if name != "aluminium":
        np.testing.assert_allclose(points.outputs.mean(axis=0), 0, atol=1e-9)
        np.testing.assert_allclose(points.outputs.std(axis=0), 1, rtol=1e-9)
        both = FUNCTIONS[name](300, 500, 2)
        assert not np.array_equal(points.inputs, both.inputs)
    if name == "sine":  # affine in sin(4 pi x) with x from [-1, 1] back to [0, 1]
        wave = np.sin(2 * np.pi * (points.test_inputs[:, 0] + 1))
        slope, shift = np.polyfit(wave, points.test_outputs[:, 0], 1)
        np.testing.assert_allclose(slope * wave + shift, points.test_outputs[:, 0], atol=1e-9)


@pytest.mark.parametrize("start", ["standard", "spread"])
@pytest.mark.parametrize("widths", [(5,), (4, 3)])
def test_a_start_is_the_same_function_in_every_space(start, widths):
    given = study(
        problems=[SINE | {"widths": widths}], configurations=[{"name": "a", "start": start}]
    )
    points = FUNCTIONS["sine"](40, 40, 0)
    with jax.enable_x64(True):
        keys = jax.random.split(jax.random.key(1), 2)
        many = starts(given.problem[0], given.configuration[0], points, keys)
        for at in range(2):
            network = jax.tree.map(lambda leaf, at=at: leaf[at], many)
            free = np.asarray(network_at(network, points.inputs))
            for by in ("reparameterisation", "projection"):
                method = unit_sphere(points.reach, by=by)
                there = prepare(method, network, key=keys[0])
                np.testing.assert_allclose(network_at(there, points.inputs), free, atol=1e-9)
            if start == "spread":
                first = network.layers[0]
                np.testing.assert_allclose(np.linalg.norm(first.weight.raw, axis=1), 1)
                assert np.abs(first.bias).max() <= points.reach


def network_at(network, inputs):
    return resolve(network)(jax.numpy.asarray(inputs).T)


def test_a_study_goes_on_where_it_was(tmp_path):
    given = study()
    part = run_study(given, tmp_path / "a", only="Free")
    assert (part.asked, part.stored) == (3, 3)
    work = []
    whole = run_study(given, tmp_path / "a", callback=lambda p: work.append(p.work))
    assert (whole.asked, whole.stored) == (6, 6)
    run_study(given, tmp_path / "b")
    one, other = (load_results(tmp_path / name) for name in "ab")
    for a, b in zip(one.configurations, other.configurations, strict=True):
        assert np.array_equal(a.test, b.test)
    assert not one.missing
    again = []
    run_study(given, tmp_path / "a", callback=lambda p: again.append(p.work))
    assert set(again) == {0.0}
    # A start depends on its seed alone.
    run_study(study(seeds=[1]), tmp_path / "c")
    alone = load_results(tmp_path / "c").configurations[0].test
    np.testing.assert_array_equal(alone, one.configurations[0].test[1:2])


def test_names_and_limits_rename_no_cell():
    before = [cell.key for cell in map_cells(study())]
    renamed = study(problems=[SINE | {"name": "b", "below": 0.1, "rates": [1e-2, 1e-3]}])
    after = [cell.key for cell in map_cells(renamed)]
    assert set(before) <= set(after)
    assert len(set(after)) == len(after) == 12


def test_shares_and_pairs_are_shown(tmp_path):
    run_study(study(), tmp_path / "a")
    results = load_results(tmp_path / "a")
    document = report(results)
    problem, pairs = document.tables
    errors = results.configurations[0].test
    share = problem.rows[0][3]
    assert share.value == (errors <= 0.5).mean()
    assert share.low < share.value < share.high or share.value in (0, 1)
    assert problem.rows[0][4].value == errors.min()
    both = [found.test for found in results.configurations]
    assert pairs.rows[0][4].value == np.median(both[1] / both[0])
    page = write_page(document, results.folder / "index.html")
    assert (page.parent / "figures" / "errors-0-a.png").is_file()


@pytest.mark.parametrize(
    ("problems", "configurations", "content"),
    [
        ([SINE | {"function": "cosine"}], [FREE], "function"),
        ([SINE | {"activation": "tanh"}], [FREE], "relu or binary"),
        ([SINE | {"widths": [0]}], [FREE], "widths"),
        ([SINE, SINE], [FREE], "occurs twice"),
        ([SINE], [SPHERE], "`pair`"),
        ([SINE], [FREE | {"space": "cube"}], "space"),
        ([SINE | {"rates": [0.0]}], [FREE], "rates"),
    ],
)
def test_what_is_wrong_is_said_in_a_sentence(problems, configurations, content):
    with pytest.raises(SparsidError, match=content) as refusal:
        study(problems=problems, configurations=configurations)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("training", "content"),
    [
        ({"seeds": [1, 1]}, "increase"),
        ({"seeds": [-1]}, "increase"),
        ({"seeds": [2**32]}, "at most"),
        ({"seeds": 2, "dtype": "float64"}, "only `seeds`; got `dtype`"),
    ],
)
def test_training_of_a_map_study_is_checked(training, content):
    tables = {"task": "map", "name": "s", "problem": [SINE], "configuration": [FREE]}
    with pytest.raises(SparsidError, match=content):
        parse_study(tables | {"training": training}, "test")


def test_more_points_than_there_are_is_refused():
    with pytest.raises(SparsidError, match="at most 15992"):
        FUNCTIONS["aluminium"](16000, 10, 0)


def test_the_preset_compares_each_space_with_the_same_start():
    preset = read_study("qin2018")
    by_name = {c.name: c for c in preset.configuration}
    for c in preset.configuration:
        if c.space != "free":
            assert by_name[c.pair].space == "free"
            assert by_name[c.pair].start == c.start
    assert "not the paper's own" in preset.note
    assert {p.function for p in preset.problem} == {"sine", "franke", "aluminium"}
    assert {p.activation for p in preset.problem} == {"relu", "binary"}
