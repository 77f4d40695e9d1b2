"""What a study refuses to read, and the options that must leave every older cell's key alone."""

import tomllib
from pathlib import Path

import jax
import numpy as np
import pytest

from sparsid import SparsidError
from sparsid._tables import parse
from sparsid.data import Normaliser
from sparsid.identify.phase_spec import PhaseSpec
from sparsid.identify.rates import RateSpec
from sparsid.identify.second_order_spec import SecondOrderSpec
from sparsid.models import NARX, DerivativeMLP, load
from sparsid.models.least_squares import linear_map
from sparsid.processes import named, simulate
from sparsid.sparsify import METHODS, chain, weight_average
from sparsid.study.cells import hashed_options
from sparsid.study.reading import parse_study, presets, read_study
from sparsid.study.results import load_results
from sparsid.study.running import run_study
from sparsid.study.spec import StudyTrainingSpec
from sparsid.study.tasks.map.spec import MapConfigurationSpec, MapStudySpec, ProblemSpec
from sparsid.study.tasks.prune.spec import (
    PathConfigurationSpec,
    PathDataSpec,
    PathStudySpec,
    PruneSpec,
)
from sparsid.study.tasks.simulate.cells import cells_of
from sparsid.study.tasks.simulate.plan import groups_of
from sparsid.study.tasks.simulate.results import configuration
from sparsid.study.tasks.simulate.spec import (
    BaselineSpec,
    ClaimSpec,
    ConfigurationSpec,
    EvaluateSpec,
    StudyDataSpec,
    StudySpec,
)
from sparsid.training.linear import linear_start

KEY = jax.random.key(0)

TABLES = [
    *(StudySpec, StudyDataSpec, EvaluateSpec, StudyTrainingSpec, ConfigurationSpec, ClaimSpec),
    *(BaselineSpec, DerivativeMLP, PhaseSpec, RateSpec, *(METHODS[name] for name in METHODS)),
    *(PathStudySpec, PathDataSpec, PathConfigurationSpec, NARX, SecondOrderSpec, PruneSpec),
    *(MapStudySpec, ProblemSpec, MapConfigurationSpec),
]

DATA = {"process": "duffing", "train": 4, "samples": 50}
ONE = {"name": "a", "phases": [{"epochs": 10}]}
WHOLE = {
    "name": "s",
    "data": DATA,
    "evaluate": {"horizons": [50]},
    "training": {"seeds": 2},
    "configuration": [ONE],
}


def phase(**tables):
    return {"configuration": [{"name": "a", "phases": [{"epochs": 10, **tables}]}]}


def linear(**model):
    return {"training": {"start": "linear"}, "configuration": [ONE | {"model": model}]}


@pytest.mark.parametrize(
    ("change", "content"),
    [
        ({"base": ["x"]}, "`base` must be the name of a study; got ['x']"),
        ({"base": 3}, "`base` must be the name of a study; got 3"),
        ({"training": {"seeds": 10_000_000_000}}, "at most 10000); got 10000000000"),
        (phase(magnitude={"at": [5, 11]}), "`at` of magnitude must be at most"),
        (phase(magnitude={"at_epoch": 11}), "its own phase, 10; got 11"),
        (phase(average={"from_fractoin": 0.5}), "Did you mean 'from_fraction'?"),
        (phase(average={"from_fraction": 1.0}), "from_fraction` is invalid"),
        ({"data": {"files": ["a.csv"], "samples": 50}}, "`files` takes no `samples`"),
        ({"data": {"files": ["a.csv"], "seed": 1}}, "`files` takes no `seed`"),
        ({"data": DATA | {"test_share": 0.3}}, "`process` takes no `test_share`"),
        ({"data": DATA | {"states": ["x"]}}, "`process` takes no `states`"),
        ({"data": DATA | {"test_files": ["b.csv"]}}, "`process` takes no `test_files`"),
        ({"phases": {"idle": {"epochs": 1}}}, "no configuration uses the phases 'idle'"),
        (linear(widths=[3]), "'a': A linear start needs a path"),
        (linear(widths=[3], skip=True, bias=False), "leave `bias` on"),
        (linear(widths=[], bias=False), "leave `bias` on"),
        ({"training": {"start": "zero"}}, "training.start"),
    ],
)
def test_it_is_said_in_one_sentence(change, content):
    with pytest.raises(SparsidError) as refused:
        parse_study(WHOLE | change, "test")
    assert content in str(refused.value)
    assert "\n" not in str(refused.value)
    assert str(refused.value).startswith("test: ")


def test_a_study_of_pruning_takes_no_start_for_all():
    tables = {"base": "chaber2018", "name": "s", "training": {"start": "linear"}}
    with pytest.raises(SparsidError, match="takes only `seeds`; got `start`"):
        parse_study(tables, "test")


def test_what_is_just_allowed():
    assert parse_study(WHOLE | phase(magnitude={"at": [5, 10]}), "test").size == 2
    assert parse_study(WHOLE | {"training": {"seeds": 10_000}}, "test").size == 10_000
    assert parse_study(WHOLE | linear(widths=[3], skip=True), "test").training.start == "linear"
    assert parse_study(WHOLE | linear(widths=[]), "test").training.start == "linear"
    # `dt` belongs to both kinds of data; phases of the base need no use.
    parse_study(WHOLE | {"data": DATA | {"dt": 0.1}}, "test")
    parse_study(WHOLE | {"data": {"files": ["a.csv"], "dt": 0.1}}, "test")
    parse_study(WHOLE | {"base": "haugstvedt2023", "claim": []}, "test")


@pytest.mark.parametrize("effort", [0.01, 0.3, 3.0])
def test_pruning_stays_within_its_phase_whatever_the_effort(effort):
    study = parse_study(WHOLE | phase(magnitude={"at": [5, 10]}) | {"effort": effort}, "test")
    for each in study.configuration[0].phases:
        each.build()


def test_every_preset_reads():
    for name in presets():
        assert read_study(name).name == name


def test_a_study_written_out_reads_as_it_was():
    for name in presets():
        study = read_study(name)
        if isinstance(study, StudySpec):
            assert parse_study(study.model_dump(mode="json"), name) == study


def test_new_options_rename_no_cell():
    study = parse_study(WHOLE | phase(average=True), "test")
    (cell, _) = cells_of(study, {"process": "duffing"}, {4: 4})
    assert "start" not in cell.specification
    assert cell.specification["phases"] == [{"epochs": 10, "average": True}]
    # Written down before there were these options: another key would mean another cell.
    assert cell.key.startswith("30b9a8b48008")


def test_a_start_is_in_the_key():
    random = WHOLE | {"configuration": [ONE | {"model": {"widths": []}}]}
    keys = [
        {cell.key for cell in cells_of(parse_study(tables, "test"), {}, {4: 4})}
        for tables in (random, WHOLE | linear(widths=[]))
    ]
    assert not keys[0] & keys[1]


def test_an_average_may_leave_the_first_epochs_out():
    given = PhaseSpec.model_validate({"epochs": 4, "average": {"from_fraction": 0.75}})
    (built,) = jax.tree.leaves(given.build().sparsifier.init((), key=KEY))[-1:]
    (expected,) = jax.tree.leaves(chain(weight_average(from_fraction=0.75)).init((), key=KEY))[-1:]
    assert float(built) == float(expected) == 0.75
    assert hashed_options(given) == {"epochs": 4, "average": {"from_fraction": 0.75}}
    assert PhaseSpec.model_validate_json(given.model_dump_json()) == given
    halved = given.with_effort(0.5)
    assert (halved.epochs, halved.average) == (2, given.average)


@pytest.mark.parametrize("bound", [8.0, (8.0, 20.0), "data"])
def test_bounds_of_the_unit_sphere_are_numbers_or_the_data(bound):
    given = PhaseSpec.model_validate({"epochs": 4, "unit_sphere": {"bound": bound}})
    assert PhaseSpec.model_validate_json(given.model_dump_json()) == given
    assert given.build().sparsifier.sees_data == (bound == "data")


@pytest.mark.parametrize("bound", ["date", -1.0, [1.0, -2.0], []])
def test_other_bounds_are_refused_in_one_sentence(bound):
    with pytest.raises(SparsidError, match=r"^fit: `bound` of unit_sphere must be positive .*\.$"):
        parse(PhaseSpec, {"epochs": 4, "unit_sphere": {"bound": bound}}, "fit")


def test_averages_of_several_shares_train_in_one_stack():
    phases = [{"epochs": 2, "average": {"from_fraction": share}} for share in (0.5, 0.75)]
    configurations = [{"name": str(at), "phases": [p]} for at, p in enumerate(phases)]
    study = parse_study(WHOLE | {"configuration": configurations}, "test")
    (group,) = groups_of(cells_of(study, {}, {4: 4}))
    assert len(group.node.members) == 4


def test_a_network_starts_as_the_linear_model_and_from_its_seed_alone(tmp_path):
    """At a vanishing rate nothing is learnt: what is stored is what was planted."""
    model = DerivativeMLP(widths=(3,), skip=True)
    still = {"model": model.model_dump(), "phases": [{"epochs": 1, "rate": {"rate": 1e-12}}]}
    tables = {
        "data": DATA | {"validation": 1, "test": 1},
        "training": {"start": "linear", "seeds": 2},
        "configuration": [{"name": "a"} | still],
    }
    study = parse_study(WHOLE | tables, "test")
    run_study(study, tmp_path)
    data = simulate(
        named("duffing"),
        trajectories=4,
        samples=50,
        key=jax.random.split(jax.random.key(0), 4)[0],
    )
    train = Normaliser.fit(data).apply(data)
    weight, bias = linear_map(train)
    for row in configuration(load_results(tmp_path), "a").rows:
        (network,) = load(tmp_path / "models" / f"{row.key}.sparsid")
        first, last = network.model.network.layers
        np.testing.assert_allclose(last.skip.raw, weight, rtol=1e-5, atol=1e-9)
        np.testing.assert_allclose(last.bias, bias, rtol=1e-5, atol=1e-9)
        key = jax.random.fold_in(jax.random.key(0), row.seed)
        alone = linear_start(model, train, size=1, key=key).network.layers[0]
        np.testing.assert_allclose(first.weight.raw, alone.weight.raw[0], rtol=1e-5, atol=1e-9)


PAGE = (Path(__file__).parents[2] / "docs" / "studies.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.__name__)
def test_the_page_names_every_key(table):
    missing = [key for key in table.fields() if f"`{key}`" not in PAGE and f"[{key}" not in PAGE]
    assert not missing


@pytest.mark.parametrize(("at", "size"), [(1, 6), (2, 4), (3, 10)])
def test_the_examples_of_the_page_read(at, size):
    example = PAGE.split("```toml\n")[at].split("```")[0]
    assert parse_study(tomllib.loads(example), "page").size == size
