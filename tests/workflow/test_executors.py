"""Executors: one interface, the same rows, whatever dies, stops or is not shared on the way."""

import importlib.util
import inspect
import json
import logging
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from tests import command_line
from tests.waiting import Waiting, WaitingJob
from tests.workflow.test_study import wait_until

from sparsid._errors import MissingExtraError, SparsidError
from sparsid._registry import Registry
from sparsid.results import ResultStore, Row
from sparsid.study import executors
from sparsid.study.executors import ExecutorKind, executor
from sparsid.study.executors.base import run_group
from sparsid.study.reading import read_study
from sparsid.study.running import run_study
from sparsid.training.progress import Stop

PROJECT = Path(__file__).parents[2]
SPECS = PROJECT / "tests" / "fixtures" / "schema1"
HAS_DASK = importlib.util.find_spec("distributed") is not None
DASK = pytest.mark.skipif(not HAS_DASK, reason="the extra [dask] is not installed")
SPARSID = (sys.executable, "-c", "from sparsid.cli import main; main()")


def spec_of(task: str) -> Path:
    return SPECS / f"study_{task}.toml"


def rows_of(folder) -> dict[str, dict]:
    """Every row's JSON, timings aside, by key."""
    found = {}
    for path in (Path(folder) / "rows").glob("*.json"):
        found[path.stem] = json.loads(path.read_text())
        del found[path.stem]["timings"]
    return found


def models_of(folder) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in (Path(folder) / "models").iterdir()}


ON_ONE_CORE = """
import os, sys
os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:1])
from sparsid.cli import main
main()
"""


def one_core(task: str, folder) -> subprocess.Popen:
    """A serial run of the command line on one core, as workers have, so that it shares programs.

    The last bits of second-order training depend on how many networks share a core; those of all
    other training do not, as tests/workflow/test_study.py shows.
    """
    command = [sys.executable, "-c", ON_ONE_CORE, "study", "run", str(spec_of(task))]
    return subprocess.Popen([*command, "--out", str(folder)], stderr=subprocess.PIPE, text=True)


def ended_well(process: subprocess.Popen) -> None:
    _, content = process.communicate()
    assert process.returncode == 0, content


@pytest.fixture(scope="module")
def serial(tmp_path_factory):
    """Folders of studies run serially, by task."""
    ran: dict[str, Path] = {}

    def folder(task: str) -> Path:
        if task not in ran:
            ran[task] = tmp_path_factory.mktemp(task)
            ended_well(one_core(task, ran[task]))
        return ran[task]

    return folder


def check_whole(folder, serial_folder) -> None:
    """The folder holds what a serial run makes, and nothing half-written."""
    assert rows_of(folder) == rows_of(serial_folder)
    assert models_of(folder) == models_of(serial_folder)
    assert not list(Path(folder).rglob(".*"))


@contextmanager
def started(*command, **variables):
    """A process of a cluster, ended with the block."""
    quiet = {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL}
    here = os.environ | {"PYTHONPATH": str(PROJECT), **variables}
    process = subprocess.Popen([sys.executable, "-m", "dask", *command], env=here, **quiet)
    try:
        yield process
    finally:
        process.terminate()
        process.wait()


@pytest.fixture(scope="module")
def cluster(tmp_path_factory):
    """The address of a scheduler with two workers, started by the commands of docs/clusters.md."""
    if not HAS_DASK:
        pytest.skip("the extra [dask] is not installed")
    home = tmp_path_factory.mktemp("cluster")
    file = home / "scheduler.json"
    here = ("--scheduler-file", str(file), "--host", "127.0.0.1", "--no-dashboard")
    few = {"DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "1"}
    worker = ("worker", "--nworkers", "2", "--nthreads", "1", "--local-directory", str(home))
    with started("scheduler", *here, "--port", "0", **few), started(*worker, *here):
        deadline = time.monotonic() + 60
        while not file.exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        yield json.loads(file.read_text())["address"]


@pytest.fixture
def job(tmp_path):
    """A job that waits, of four groups with two cells each."""
    marks = tmp_path / "marks"
    marks.mkdir()
    groups = [Waiting((2 * i, 2 * i + 1)) for i in range(4)]
    store = ResultStore.begin(tmp_path / "out", "waiting", {})
    keys = frozenset().union(*(group.keys for group in groups))
    return groups, WaitingJob(store, keys, marks)


def squares(store: ResultStore) -> dict[int, float | None]:
    for path in store.models_folder.iterdir():
        row = store.read(path.stem)
        assert path.read_bytes() == b"model %d" % row.seed
    return {row.seed: row.numbers["square"] for row in store.rows()}


ALL = {seed: float(seed**2) for seed in range(8)}


class Heard:
    """Progress told to the parent, and who told it."""

    def __init__(self):
        self.work, self.cells, self.doing, self.threads = 0.0, 0, set(), set()

    def __call__(self, tick):
        self.work += tick.work
        self.cells += tick.cells
        self.doing.add(tick.doing)
        self.threads.add(threading.current_thread())


SLOW = pytest.mark.slow


@pytest.mark.parametrize(
    "task",
    # Quickly, tests/workflow/test_study.py does so for `simulate`.
    ["map", pytest.param("prune", marks=SLOW), pytest.param("simulate", marks=SLOW)],
)
def test_processes_give_the_rows_of_a_serial_run(serial, tmp_path, task):
    expected = serial(task)  # first: its programs are kept for the workers
    outcome = run_study(read_study(spec_of(task)), tmp_path, executor="processes", workers=2)
    assert outcome.stored == outcome.asked == len(rows_of(expected))
    check_whole(tmp_path, expected)


@pytest.mark.parametrize("task", ["simulate", "prune", pytest.param("map", marks=SLOW)])
def test_a_dask_cluster_gives_the_rows_of_a_serial_run(serial, tmp_path, cluster, task):
    expected = serial(task)  # first: its programs are kept for the workers
    outcome = run_study(read_study(spec_of(task)), tmp_path, executor="dask", scheduler=cluster)
    assert outcome.stored == outcome.asked == len(rows_of(expected))
    import dask

    assert dask.config.get("scheduler", None) is None  # other uses of Dask are not affected
    check_whole(tmp_path, expected)


@DASK
def test_a_local_dask_cluster_does_too_and_says_nothing(serial, tmp_path):
    command = [*SPARSID, "study", "run", str(spec_of("map")), "--out", str(tmp_path / "o")]
    command += ["--executor", "dask", "--workers", "2"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert [line for line in done.stderr.splitlines() if "running" not in line] == []
    assert len(done.stdout.splitlines()) == 1
    check_whole(tmp_path / "o", serial("map"))


def named(name: str, request) -> executors.Executor:
    if name == "dask":
        return executor("dask", scheduler=request.getfixturevalue("cluster"))
    return executor(name, workers=None if name == "serial" else 1)


NAMES = ("serial", "processes", "dask")


@pytest.mark.parametrize("name", NAMES)
def test_progress_is_told_in_the_parents_thread_and_adds_up(job, request, name):
    groups, waiting = job
    received = Heard()
    named(name, request).run(groups, waiting, tick=received, stop=Stop())
    assert squares(waiting.store) == ALL
    assert (received.work, received.cells) == (pytest.approx(8), 8)
    assert received.threads == {threading.current_thread()}
    assert any(doing.startswith("seed") for doing in received.doing)


@pytest.mark.parametrize("name", NAMES)
def test_a_group_that_somebody_else_has_stored_is_not_run(job, request, name):
    groups, waiting = job
    for cell in groups[2].cells:  # after the job was made, by another run
        waiting.store.write(Row(cell.specification, "other", {"square": -1.0}))
    received = Heard()
    named(name, request).run(groups, waiting, tick=received, stop=Stop())
    assert squares(waiting.store) == ALL | {4: -1.0, 5: -1.0}
    assert not list(waiting.marks.glob("4-*"))
    assert (received.work, received.cells) == (pytest.approx(8), 8)


@pytest.mark.parametrize("name", NAMES)
def test_a_stop_ends_what_runs_and_begins_nothing(job, request, name):
    groups, waiting = job
    groups = [
        replace(group, seconds=seconds)
        for group, seconds in zip(groups, (0.1, 60, 60, 60), strict=True)
    ]
    stop = Stop()

    def tick(what):
        stop.asked |= what.doing in ("seed 2", "seed 4")

    began = time.monotonic()
    named(name, request).run(groups, waiting, tick=tick, stop=stop)
    assert time.monotonic() - began < 30
    assert set(squares(waiting.store)) <= {0, 1}
    assert not list(waiting.marks.glob("6-*"))
    groups = [replace(group, seconds=0.01) for group in groups]
    named(name, request).run(groups, waiting, tick=lambda what: None, stop=Stop())
    assert squares(waiting.store) == ALL


@pytest.mark.parametrize("shared", [True, False], ids=["shared", "not shared"])
def test_the_groups_of_a_dead_worker_go_to_another(job, cluster, monkeypatch, shared):
    groups, waiting = job
    if not shared:
        hide_folder(monkeypatch, waiting.store.folder)
    received = Heard()
    waiting = replace(waiting, kills=3)
    executor("dask", scheduler=cluster).run(groups, waiting, tick=received, stop=Stop())
    assert squares(waiting.store) == ALL
    assert len(list(waiting.marks.glob("3-*"))) == 2
    assert (received.work, received.cells) == (pytest.approx(8), 8)
    assert not list(waiting.store.folder.rglob(".*"))


def hide_folder(monkeypatch, folder) -> None:
    """Workers do not find the file by which they would know the parent's folder."""

    @contextmanager
    def nowhere(_):
        yield folder.parent / "probe"

    monkeypatch.setattr("sparsid.study.executors.dask.temporary_file", nowhere)


@pytest.mark.parametrize("task", ["simulate", pytest.param("prune", marks=SLOW)])
def test_rows_come_back_where_the_folder_is_not_shared(
    serial, tmp_path, cluster, monkeypatch, task
):
    hide_folder(monkeypatch, tmp_path)
    run_study(read_study(spec_of(task)), tmp_path / "o", executor="dask", scheduler=cluster)
    check_whole(tmp_path / "o", serial(task))


def test_a_group_that_ends_worker_after_worker_ends_the_run(job, cluster, capfd):
    groups, waiting = job
    waiting = replace(waiting, kills=0, once=False)
    with pytest.raises(SparsidError, match="ended 2 Dask workers one after the other"):
        executor("dask", scheduler=cluster).run(
            groups[:1], waiting, tick=lambda what: None, stop=Stop()
        )
    assert capfd.readouterr() == ("", "")


@DASK
def test_workers_return_only_files_of_their_cells(tmp_path):
    from sparsid.study.executors.dask_worker import receive

    store = ResultStore.begin(tmp_path, "s", {})
    row = Row({"seed": 1}, "a", {"square": 1.0})
    good = {f"rows/{row.key}.json": row.to_json().encode(), f"models/{row.key}.sparsid": b"model"}
    for odd in ("../x", "study.json", f"rows/{'0' * 64}.json", f"rows/../rows/{row.key}.json"):
        with pytest.raises(SparsidError, match="returned the unexpected file"):
            receive({**good, odd: b""}, frozenset({row.key}), store)
    damaged = good | {f"rows/{row.key}.json": b"{}"}
    with pytest.raises(SparsidError, match="damaged row"):
        receive(damaged, frozenset({row.key}), store)
    assert store.keys() == frozenset()
    receive(good, frozenset({row.key}), store)
    assert (store.read(row.key).numbers, store.model_path(row.key).read_bytes()) == (
        row.numbers,
        b"model",
    )
    receive(good | {f"models/{row.key}.sparsid": b"new"}, frozenset({row.key}), store)
    assert store.model_path(row.key).read_bytes() == b"model"  # what is stored stays


@pytest.mark.parametrize(
    ("name", "options", "sentence"),
    [
        ("thread", {}, r"Unknown executor 'thread'; known: dask, processes, serial"),
        ("processes", {"workers": 0}, r"`workers` must be at least 1; got 0"),
        ("serial", {"workers": 2}, r"'serial' takes no `workers`: .* choose dask or processes"),
        ("processes", {"scheduler": "tcp://a:1"}, r"takes no `scheduler`: .* choose dask\."),
        ("dask", {"scheduler": "tcp://a:1", "workers": 2}, r"leave one of them out"),
        ("dask", {"scheduler": "tcp://127.0.0.1:1"}, r"No Dask scheduler answers at 'tcp://127"),
        ("dask", {"scheduler": "no such://place"}, r"No Dask scheduler answers at 'no such"),
        ("dask", {"scheduler": ""}, r"No Dask scheduler answers at ''"),
    ],
)
def test_options_are_refused_before_any_work(monkeypatch, capfd, name, options, sentence):
    if name == "dask" and not HAS_DASK:
        pytest.skip("the extra [dask] is not installed")
    monkeypatch.setattr("sparsid.study.executors.dask.ANSWER", 1.0)
    with pytest.raises(SparsidError, match=sentence) as refused:
        executor(name, **options)
    assert "\n" not in str(refused.value)
    assert capfd.readouterr() == ("", "")
    if name == "dask":
        import dask

        assert dask.config.get("scheduler", None) is None  # else xarray could write no file


def test_a_missing_package_names_the_extra(monkeypatch, tmp_path, capsys):
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match=r"pip install 'sparsid\[dask\]'"):
        executor("dask")
    what = ("study", "run", spec_of("map"), "--out", tmp_path, "--executor", "dask")
    assert "sparsid[dask]" in command_line.refused(capsys, *what)


def test_workers_of_another_version_are_refused(cluster, monkeypatch):
    from sparsid.study.executors import dask_worker

    mine = dask_worker.library_versions() | {"sparsid": "9.9"}  # here, not in the workers
    monkeypatch.setattr(dask_worker, "library_versions", lambda: mine)
    with pytest.raises(SparsidError, match=r"has sparsid .* and this process 9\.9"):
        executor("dask", scheduler=cluster)


@DASK
def test_a_cluster_without_workers_is_refused(monkeypatch, tmp_path):
    from distributed import LocalCluster

    monkeypatch.setattr("sparsid.study.executors.dask.WORKER", 0.5)
    quiet = {"dashboard_address": "127.0.0.1:0", "silence_logs": logging.CRITICAL}
    with (
        LocalCluster(n_workers=0, processes=False, protocol="tcp", **quiet) as empty,
        pytest.raises(SparsidError, match="has had no worker for"),
    ):
        executor("dask", scheduler=empty.scheduler_address)


class Backwards:
    """An executor of one's own: the last group first."""

    def run(self, groups, job, *, tick, stop):
        for group in reversed(groups):
            if not stop.asked:
                run_group(group, job, tick=tick, stop=stop)


def test_an_executor_is_added_in_a_few_lines(serial, tmp_path, monkeypatch, capsys):
    assert len(inspect.getsource(Backwards).splitlines()) <= 30
    known: Registry[ExecutorKind] = Registry("executor")
    known.add("serial", "sparsid.study.executors.serial:SERIAL")
    known.register("backwards")(ExecutorKind("the last group first", Backwards))
    monkeypatch.setattr(executors, "EXECUTORS", known)
    what = ("study", "run", spec_of("map"), "--out", tmp_path / "o", "--executor", "backwards")
    assert command_line.run(*what) == 0
    check_whole(tmp_path / "o", serial("map"))
    assert executors.overview() == (
        "backwards: the last group first; serial: one group after the other, all cores or the GPU "
        "on each"
    )


def test_the_code_of_the_page_of_formats_reads_a_study_and_its_models(
    serial, tmp_path, monkeypatch, capsys
):
    """The page's example of a data file has a test in tests/unit/test_netcdf.py."""
    (tmp_path / "results").symlink_to(serial("simulate"))
    shutil.copy(next((tmp_path / "results" / "models").iterdir()), tmp_path / "plant.sparsid")
    monkeypatch.chdir(tmp_path)
    page = (PROJECT / "docs" / "file-format.md").read_text(encoding="utf-8")
    model, study = re.findall(r"```python\n(.*?)```", page, re.DOTALL)[1:]
    exec(model, {})
    assert capsys.readouterr().out == "['displacement', 'velocity'] (1, 3, 3)\n"
    exec(study, {})
    shown = capsys.readouterr().out.splitlines()
    assert [line for line in shown if "(" in line] == ["Dense (2, 2)", "L1, cut (2, 2)"]
    assert len(shown) == 6


def test_two_runs_into_one_folder_at_once(serial, tmp_path):
    """Both train the same cells; each file appears whole, whoever writes it last."""
    expected = serial("simulate")
    for process in [one_core("simulate", tmp_path / "o") for _ in range(2)]:
        ended_well(process)
    check_whole(tmp_path / "o", expected)


def test_of_two_specifications_the_last_to_begin_is_kept_and_no_row_is_lost(serial, tmp_path):
    shutil.copytree(serial("map"), tmp_path / "o")
    study = read_study(spec_of("map"))
    fewer = study.model_copy(update={"training": study.training.model_copy(update={"seeds": (0,)})})
    assert run_study(fewer, tmp_path / "o").asked < len(rows_of(serial("map")))
    store = ResultStore.open(tmp_path / "o")
    assert len(store.study()["cells"]) < len(rows_of(serial("map")))
    assert rows_of(tmp_path / "o") == rows_of(serial("map"))
    run_study(study, tmp_path / "o")
    assert store.study() == ResultStore.open(serial("map")).study()


@SLOW
@pytest.mark.parametrize("name", ["processes", pytest.param("dask", marks=DASK)])
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("after", [0, 2, 20])  # seconds: workers begin, import, train
def test_a_terminals_signal_ends_the_run_in_one_sentence(tmp_path, name, number, after):
    """Sent to the whole group of processes, as a terminal sends Ctrl-C."""
    text = spec_of("simulate").read_text().replace("epochs = ", "epochs = 20000")
    (tmp_path / "long.toml").write_text(text)
    command = [*SPARSID, "study", "run", str(tmp_path / "long.toml"), "--out", str(tmp_path / "o")]
    process = subprocess.Popen(
        [*command, "--executor", name, "--workers", "2"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    wait_until(lambda: (tmp_path / "o" / "study.json").exists(), process)
    time.sleep(after)
    os.killpg(process.pid, number)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 128 + number, err
    assert out.startswith("Interrupted: ")
    assert [line for line in err.splitlines() if "running" not in line] == []
    assert not list((tmp_path / "o").rglob(".*"))
