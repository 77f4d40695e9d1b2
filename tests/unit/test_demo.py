"""The demo: a preset of its own, and the document that it makes of a small run."""

import numpy as np
import pytest

from sparsid.data import Dataset
from sparsid.evaluation import forecast
from sparsid.identify.recipes import dense_one_step, sparse_one_step
from sparsid.models import load
from sparsid.report.document import Count, Quantity
from sparsid.report.render.page import write_page
from sparsid.report.render.text import text
from sparsid.study.demo import Demo, read_demo
from sparsid.study.reading import parse_study
from sparsid.study.results import load_results
from sparsid.study.running import run_study
from sparsid.study.tasks.simulate.results import configuration

SMALL = {
    "base": "demo",
    "name": "small",
    "data": {"train": 2, "validation": 1, "test": 3, "samples": 200},
    "evaluate": {"horizons": [100]},
    "training": {"seeds": 2},
    "configuration": [
        {"name": name, "model": {"widths": [3]}, "phases": [{"epochs": 1, "threshold": below}]}
        for name, below in (("sparse", 0.1), ("dense", 1e-9))
    ],
}


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    folder = tmp_path_factory.mktemp("demo")
    run_study(parse_study(SMALL, "test"), folder)
    return Demo.of(load_results(folder))


def test_the_demo_trains_by_the_recipe_of_fit_and_as_published():
    study = read_demo(seed=0, quick=False)
    data = study.data
    train = Dataset.from_arrays(
        x=np.zeros((data.train, data.samples, 1), np.float32),
        u=np.zeros((data.train, data.samples, 1), np.float32),
        dt=1.0,
    )
    recipes = {"sparse": sparse_one_step(train), "dense": dense_one_step()}
    assert {c.name for c in study.configuration} == set(recipes)
    for name, recipe in recipes.items():
        own = study.named(name)
        assert own.model == recipe.architecture
        assert [p.epochs for p in own.phases] == [p.epochs for p in recipe.phases]
        assert [p.batch for p in own.phases] == [p.batch for p in recipe.phases]


def test_a_seed_moves_data_and_networks_and_quick_is_small():
    one, other, quick = (read_demo(seed=s, quick=q) for s, q in ((0, False), (3, False), (0, True)))
    assert (one.data.seed, other.data.seed) == (0, 3)
    assert {c.first_seed for c in one.configuration} == {0}
    assert {c.first_seed for c in other.configuration} == {3 * 10}  # none of the seeds 0 to 9
    assert one.name == quick.name == "demo"
    assert quick.data.train * quick.data.samples < one.data.train * one.data.samples / 10
    read_demo(seed=2**63 - 1, quick=False)


def test_its_table_counts_runs_beside_the_published_rows(demo):
    (table,) = demo.document().tables
    rows = {row[0]: row[1:] for row in table.rows}
    assert list(rows) == ["sparse", "dense", "published: L1", "published: Dense"]
    for name in ("sparse", "dense"):
        lost = configuration(demo.results, name).diverged(100)
        assert lost.shape == (2, 3)
        assert rows[name][2] == Count(int(lost.sum()), 6)
    assert rows["published: L1"][2:] == [Quantity(0, 6, unit=" %"), Quantity(0.04, 2)]
    assert [text(cell) for cell in rows["published: Dense"]] == ["0", "-", "0 %", "0.06"]
    assert "10.1109/ACCESS.2023.3336292" in table.note


def test_its_models_and_data_lie_beside_a_page_that_shows_them(demo):
    demo.write()
    document = demo.document()
    page = write_page(document, demo.folder / "index.html").read_text(encoding="utf-8")
    names = ["trajectories", "inputs", "error_growth", "diverged", "network", "links", "training"]
    assert [figure.name for figure in document.figures] == names
    for file in document.files:
        assert file.path.is_file()
        assert file.path.name in page
    test = Dataset.from_netcdf(demo.folder / "test.nc")
    rows = configuration(demo.results, "dense").rows
    both = forecast(load(demo.folder / "dense.sparsid"), test)
    for runs, row in zip(both, rows, strict=True):
        alone = load(demo.folder / "models" / f"{row.key}.sparsid")
        np.testing.assert_allclose(runs, forecast(alone, test)[0], rtol=1e-10)
