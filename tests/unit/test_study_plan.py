"""Studies as data, their cells, and the plan: sharing and grouping against brute force."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sparsid import SparsidError
from sparsid.study.cells import selected
from sparsid.study.reading import parse_study, presets, read_study
from sparsid.study.tasks.map.cells import cells as map_cells
from sparsid.study.tasks.map.spec import MapStudySpec
from sparsid.study.tasks.prune.cells import cells as path_cells
from sparsid.study.tasks.prune.spec import PathStudySpec
from sparsid.study.tasks.simulate.cells import cells_of
from sparsid.study.tasks.simulate.plan import BaselineGroup, groups_of

DATA = {"process": "duffing", "train": 4, "samples": 50}

# Phases by structure: those of one list differ in numbers alone.
KINDS = [
    [{"epochs": 1}, {"epochs": 1, "rate": {"rate": 0.5}}],
    [{"epochs": 2}],
    [{"epochs": 1, "l1": {"weight": 0.1}}, {"epochs": 1, "l1": {"weight": 0.2}}],
    [{"epochs": 1, "clip": 1.0}],
    [{"epochs": 1, "clip": 2.0}],  # a number that is compiled in
    [{"epochs": 1, "optimiser": "sgd", "momentum": 0.5}],
]
PHASES = [(kind, at) for kind, numbers in enumerate(KINDS) for at in range(len(numbers))]
WIDTHS = [(3,), (4, 4)]

ways = st.lists(st.sampled_from(PHASES), min_size=1, max_size=3)
wanted = st.lists(st.tuples(st.sampled_from(WIDTHS), ways), min_size=1, max_size=6)


def study_of(configurations, *, seeds=2, **data):
    tables = {
        "name": "s",
        "data": DATA | data,
        "evaluate": {"horizons": [50]},
        "training": {"seeds": seeds},
        "configuration": [
            {
                "name": str(at),
                "model": {"widths": list(widths)},
                "phases": [KINDS[kind][number] for kind, number in way],
            }
            for at, (widths, way) in enumerate(configurations)
        ],
    }
    return parse_study(tables, "test")


def planned(study, sizes=(4,)):
    cells = cells_of(study, {"process": "duffing"}, {size: size for size in sizes})
    return cells, groups_of(cells)


def paths(group):
    """Every member of every node: (its node, seed, the phases behind it, the cells it ends)."""

    def down(node, above):
        behind = []
        for member in node.members:
            before = above[member.parent] if above is not None else (member.seed, ())
            assert before[0] == member.seed
            behind.append((member.seed, (*before[1], member.phase)))
            yield node, *behind[-1], member.cells
        for child in node.children:
            yield from down(child, behind)

    return list(down(group.node, None))


def test_equal_steps_give_small_data_sets_more_epochs():
    table = {"epochs": 10, "rate": {"rate": 1e-3, "kind": "step", "every": 4}}
    tables = {
        "name": "s",
        "data": DATA | {"sizes": [1, 2, 4]},
        "evaluate": {"horizons": [50]},
        "training": {"seeds": 1, "equal_steps": True},
        "configuration": [{"name": "a", "phases": [table]}],
    }
    cells, _ = planned(parse_study(tables, "test"), (1, 2, 4))
    assert [cell.of.phases[0].epochs for cell in cells] == [40, 20, 10]
    assert [cell.of.phases[0].rate.every for cell in cells] == [16, 8, 4]


@settings(deadline=None, max_examples=60)
@given(wanted, st.sampled_from([(4,), (2, 4)]))
def test_every_prefix_trains_once_and_every_cell_ends_where_it_should(configurations, sizes):
    study = study_of(configurations)
    cells, groups = planned(study, sizes)
    ended, trained = [], 0
    for group in groups:
        for _, seed, phases, finished in paths(group):
            trained += 1
            for cell in finished:
                assert (cell.of.size, cell.of.model) == (group.size, group.model)
                assert (cell.of.seed, cell.of.phases) == (seed, phases)
                ended.append((cell.name, cell.of.size, cell.of.seed))
    assert sorted(ended) == sorted((c.name, c.of.size, c.of.seed) for c in cells)
    prefixes = {
        (size, widths, seed, tuple(way[: k + 1]))
        for widths, way in configurations
        for size, seed in itertools.product(sizes, range(2))
        for k in range(len(way))
    }
    assert trained == len(prefixes)


@settings(deadline=None, max_examples=60)
@given(wanted)
def test_what_has_one_structure_trains_in_one_stack(configurations):
    _, groups = planned(study_of(configurations))
    stacks = {id(node) for group in groups for node, *_ in paths(group)}
    structures = {
        (widths, tuple(kind for kind, _ in way[: k + 1]))
        for widths, way in configurations
        for k in range(len(way))
    }
    assert len(stacks) == len(structures)
    assert len(groups) == len({(widths, way[0][0]) for widths, way in configurations})


@settings(deadline=None, max_examples=40)
@given(wanted, st.data())
def test_only_branches_with_something_wanted_are_walked(configurations, data):
    cells, groups = planned(study_of(configurations))
    some = frozenset(data.draw(st.sets(st.sampled_from([c.key for c in cells]))))
    for group in groups:
        walked = {id(node) for node in group.node.walk(some)}
        for node, *_ in paths(group):
            below = {cell.key for m in node.members for cell in m.cells}.union(
                *(child.keys for child in node.children)
            )
            assert (id(node) in walked) == bool(below & some)


def test_the_name_and_the_departure_are_not_in_the_key():
    study = study_of([(WIDTHS[0], [(0, 0)])])
    tables = study.model_dump(mode="json")
    tables["configuration"][0] |= {"name": "other", "departure": "text"}
    other = parse_study(tables | {"title": "t", "name": "n"}, "test")
    keys = [{c.key for c in planned(s)[0]} for s in (study, other)]
    assert keys[0] == keys[1]


def test_everything_else_is_in_the_key():
    base = study_of([(WIDTHS[0], [(0, 0)])], seeds=1)
    tables = base.model_dump(mode="json", exclude_none=True)
    other_phase = tables["configuration"][0] | {"phases": [{"epochs": 1, "rate": {"rate": 0.11}}]}
    changed = [
        tables | {"training": {"seeds": [1]}},
        tables | {"training": {"seeds": [0], "dtype": "float64"}},
        tables | {"evaluate": {"horizons": [49]}},
        tables | {"configuration": [other_phase]},
        tables | {"configuration": [tables["configuration"][0] | {"model": {"widths": [5]}}]},
    ]
    keys = {planned(parse_study(t, "test"))[0][0].key for t in (tables, *changed)}
    keys.add(planned(base, (3,))[0][0].key)
    keys.add(cells_of(base, {"process": "duffing", "seed": 1}, {4: 4})[0].key)
    assert len(keys) == 8


def test_baselines_have_one_seed_and_a_group_each():
    tables = study_of([(WIDTHS[0], [(0, 0)])]).model_dump(mode="json", exclude_none=True)
    tables["configuration"].append({"name": "b", "baseline": {"kind": "sindy"}})
    study = parse_study(tables, "test")
    cells, groups = planned(study, (2, 4))
    assert [(c.of.size, c.of.seed) for c in cells if c.name == "b"] == [(2, 0), (4, 0)]
    assert sum(isinstance(group, BaselineGroup) for group in groups) == 2
    assert len(cells) == 2 * study.size  # `size` counts one size where none are named


def test_networks_of_their_own_share_no_prefix():
    tables = study_of([(WIDTHS[0], [(0, 0), (1, 0)])] * 2).model_dump(
        mode="json", exclude_none=True
    )
    assert len({cell.key for cell in planned(parse_study(tables, "test"))[0]}) == 2
    tables["configuration"][1]["first_seed"] = 100
    cells, (group,) = planned(parse_study(tables, "test"))
    assert [cell.of.seed for cell in cells] == [0, 1, 100, 101]
    assert len(group.node.members) == 4


NAMES = ("Dense", "L1", "L1 + SWA")


def test_only_takes_names_and_patterns():
    assert selected(NAMES, None) == {"Dense", "L1", "L1 + SWA"}
    assert selected(NAMES, "L1*") == {"L1", "L1 + SWA"}
    assert selected(NAMES, " L1 ,Dense") == {"L1", "Dense"}
    assert selected(("K=20", "K=20, published"), "K=20, published") == {"K=20, published"}
    for odd in ("l1", "Dense,X*", "", ","):
        with pytest.raises(SparsidError, match="--only"):
            selected(NAMES, odd)


def test_phases_given_by_name_are_written_out():
    start = {"epochs": 3, "l1": {"weight": 0.1}}
    tables = {
        "name": "s",
        "data": DATA,
        "evaluate": {"horizons": [50]},
        "phases": {"start": start, "twice": [{"epochs": 1}, {"epochs": 2}]},
        "configuration": [{"name": "a", "phases": ["twice", {"epochs": 4}, "start"]}],
    }
    (found,) = parse_study(tables, "test").configuration
    assert [phase.epochs for phase in found.phases] == [1, 2, 4, 3]
    assert found.phases[-1].l1 is not None
    assert parse_study(tables | {"training": {"seeds": 3}}, "test").training.seeds == (0, 1, 2)


CONFIGURATION = {"name": "a", "phases": [{"epochs": 1}]}


@pytest.mark.parametrize(
    ("change", "content"),
    [
        ({"titel": "x"}, "Did you mean 'title'?"),
        ({"data": DATA | {"proces": "x"}}, "Did you mean 'process'?"),
        ({"data": {"samples": 50}}, "either a `process` or `files`"),
        ({"data": DATA | {"process": "none"}}, "Unknown process 'none'"),
        ({"data": DATA | {"sizes": [2, 5]}}, "at most `train` (4 trajectories); got 5"),
        ({"data": DATA | {"sizes": [2, 2]}}, "must increase"),
        ({"evaluate": {"horizons": []}}, "evaluate.horizons"),
        ({"evaluate": {"horizons": [0]}}, "must increase from at least 1"),
        ({"training": {"seeds": 0}}, "training.seeds"),
        ({"training": {"seeds": [1, 0]}}, "must increase"),
        ({"training": {"seeds": [2**32]}}, "at most 4294967295"),
        ({"base": "x"}, "Unknown study 'x'"),
        ({"configuration": []}, "configuration"),
        ({"configuration": [{"name": "a"}]}, "needs either `phases` or a `baseline`"),
        ({"configuration": [CONFIGURATION, CONFIGURATION]}, "'a' occurs twice"),
        ({"configuration": [CONFIGURATION | {"pair": "b"}]}, "Unknown configuration 'b'"),
        ({"configuration": [CONFIGURATION | {"phases": ["x"]}]}, "Unknown list of phases 'x'"),
        (
            {"configuration": [CONFIGURATION | {"phases": [{"epochs": 1, "l1": {"wieght": 1}}]}]},
            "Did you mean 'weight'?",
        ),
        (
            {"configuration": [CONFIGURATION | {"model": {"witdhs": [1]}}]},
            "Did you mean 'widths'?",
        ),
        ({"configuration": [CONFIGURATION | {"baseline": {"kind": "sindy"}}]}, "not both"),
        ({"claim": [{"text": "t", "better": "a", "than": "b", "horizon": 50}]}, "'b'"),
        ({"claim": [{"text": "t", "better": "a", "than": "a", "horizon": 7}]}, "one of [50]"),
        ({"phases": [1]}, "tables by name"),
    ],
)
def test_what_is_wrong_with_a_study_is_said_in_a_sentence(change, content):
    tables = {"name": "s", "data": DATA, "evaluate": {"horizons": [50]}}
    with pytest.raises(SparsidError) as refused:
        parse_study(tables | {"configuration": [CONFIGURATION]} | change, "test")
    assert content in str(refused.value)
    assert "\n" not in str(refused.value)
    assert str(refused.value).startswith("test: ")


def test_every_preset_can_be_planned():
    for name in presets():
        study = read_study(name)
        if isinstance(study, PathStudySpec):
            assert len({cell.key for cell in path_cells(study)}) == study.size
            continue
        if isinstance(study, MapStudySpec):
            assert len({cell.key for cell in map_cells(study)}) == study.size
            continue
        cells, groups = planned(study, study.data.sizes or (4,))
        assert len({cell.key for cell in cells}) == study.size
        assert frozenset().union(*(group.keys for group in groups)) == {c.key for c in cells}


def test_a_study_on_a_base_changes_what_it_names():
    base = read_study("haugstvedt2023")
    tables = {"base": "haugstvedt2023", "name": "own", "data": {"train": 4}, "effort": 0.1}
    study = parse_study(tables | {"training": {"seeds": 1}}, "test")
    assert (study.name, study.data.train, study.data.test) == ("own", 4, base.data.test)
    assert [c.name for c in study.configuration] == [c.name for c in base.configuration]
    epochs = [[p.epochs for p in c.phases] for c in (base.configuration[0], study.configuration[0])]
    assert epochs[1] == [max(round(0.1 * e), 1) for e in epochs[0]]


def test_file_names_are_relative_to_the_study(tmp_path):
    text = 'name = "s"\n[data]\nfiles = ["a.csv"]\n[[configuration]]\nname = "a"\n'
    (tmp_path / "s.toml").write_text(text + "phases = [{epochs = 1}]\n")
    assert read_study(tmp_path / "s.toml").data.files == (str(tmp_path / "a.csv"),)
    with pytest.raises(SparsidError, match="Cannot read"):
        read_study(tmp_path / "none.toml")
    with pytest.raises(SparsidError, match="Unknown study 'none'"):
        read_study("none")
