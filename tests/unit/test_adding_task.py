"""A task of studies added from outside, in at most 30 lines and one of registration.

It is read, run, resumed, loaded and shown like those that come with sparsid.
"""

import inspect
import math
import sys
from typing import Any, Literal, NamedTuple

import numpy as np
import pytest
from tests import command_line

from sparsid._tables import Table as Options
from sparsid.report.document import Table
from sparsid.results import Row
from sparsid.study import load_results, read_study, run_study
from sparsid.study.documents import document_of
from sparsid.study.spec import AbstractStudySpec
from sparsid.study.task import TASKS, Cell, Task, Tick


class PointsSpec(Options):
    name: str
    points: int


class PiSpec(AbstractStudySpec):
    task: Literal["pi"]
    configuration: tuple[PointsSpec, ...]


class PiGroup(NamedTuple):
    cell: Cell[Any]
    keys = property(lambda self: frozenset({self.cell.key}))

    def work(self, wanted):
        return float(len(self.keys & wanted))


def prepare(study):
    return None


def truth(study, data):
    return None


def cells(study, data):
    both = [(c, seed) for c in study.configuration for seed in study.training.seeds]
    return tuple(Cell(c.name, {"seed": s}, {"pi": c.points, "seed": s}, c) for c, s in both)


def groups(cells):
    return tuple(PiGroup(cell) for cell in cells)


def run(group, job, *, tick, stop):
    x = np.random.default_rng(group.cell.place["seed"]).random((2, group.cell.of.points))
    number = 4 * float(np.mean((x**2).sum(0) < 1))  # the share of them within the unit circle
    job.store.write(Row(group.cell.specification, group.cell.name, {"pi": number}))
    tick(Tick(work=1.0, cells=1))


def report(results):
    rows = [(c.name, np.mean([r.numbers["pi"] for r in c.rows])) for c in results.configurations]
    return document_of(results, [Table("Pi", ("points", "mean"), rows)], ())


def view(study, stored):
    return stored


ADDED = (PointsSpec, PiSpec, PiGroup, prepare, truth, cells, groups, run, report, view)
FILE = """
task = "pi"
name = "circle"
training = { seeds = 4 }
configuration = [{ name = "few", points = 100 }, { name = "many", points = 10_000 }]
"""


@pytest.fixture(autouse=True)
def file(monkeypatch, tmp_path):
    """The file of a study of that task, which is known within the test."""
    monkeypatch.setattr(TASKS, "_objects", dict(TASKS._objects))
    for name in ("running", "results", "report"):  # modules of the task's package: all are this one
        monkeypatch.setitem(sys.modules, f"pi.{name}", sys.modules[__name__])
    TASKS.register("pi")(Task("pi", PiSpec, lambda study: None, "pi", recorded=False))
    (tmp_path / "circle.toml").write_text(FILE)
    return tmp_path / "circle.toml"


def test_it_is_short():
    """At most 30 lines, blank ones not counted."""
    lines = "".join(map(inspect.getsource, ADDED)).splitlines()
    assert sum(bool(line.strip()) for line in lines) <= 30


def test_it_is_read_run_resumed_and_loaded(file, tmp_path):
    study = read_study(file)
    outcome = run_study(study, tmp_path / "o", only="few")
    assert (outcome.asked, outcome.stored) == (4, 4)
    part = load_results(tmp_path / "o")
    assert ([of.name for of in part.configurations], part.missing) == (["few"], 4)
    written = {p: p.stat().st_mtime_ns for p in (tmp_path / "o" / "rows").iterdir()}
    ticks = []
    done = run_study(
        study, tmp_path / "o", callback=lambda progress: ticks.append(progress.cells_done)
    )
    assert (done.asked, done.stored, ticks) == (8, 8, [0, 1, 2, 3, 4])
    assert all(p.stat().st_mtime_ns == when for p, when in written.items())
    results = load_results(tmp_path / "o")
    assert (results.study, results.missing) == (study, 0)
    for of, points in zip(results.configurations, (100, 10_000), strict=True):
        deviation = math.sqrt(math.pi * (4 - math.pi) / points)  # of a mean of 0 and 4
        for row in of.rows:
            assert abs(row.numbers["pi"] - math.pi) < 4 * deviation


def test_it_is_shown_by_the_command_line(file, tmp_path, capsys):
    folder = tmp_path / "o"
    assert command_line.run("study", "run", file, "--out", folder) == 0
    assert "8 of 8 cells are stored" in " ".join(capsys.readouterr().out.split())
    rows = load_results(folder).at["many",].rows
    assert command_line.run("study", "show", folder, "--markdown", tmp_path / "pi.md") == 0
    assert "many" in capsys.readouterr().out
    mean = math.fsum(row.numbers["pi"] for row in rows) / len(rows)
    assert f"| many | {mean:.3g} |" in (tmp_path / "pi.md").read_text()
    assert "many" in (folder / "index.html").read_text()


def test_wrong_keys_are_refused_in_one_sentence(file, capsys, tmp_path):
    file.write_text(FILE.replace("points = 100 }", "pionts = 100 }"))
    content = command_line.refused(capsys, "study", "run", file, "--out", tmp_path / "o")
    assert "Unknown key 'pionts'; known: name, points. Did you mean 'points'?" in content
