"""Ctrl-C and SIGTERM: what is trained is saved, and what is lost is said in one sentence."""

import signal
from contextlib import contextmanager

import pytest
from tests.command_line import run
from tests.workflow.test_cli import tank_rows, write_csv

import sparsid
import sparsid.cli.progress
import sparsid.identify.estimation
import sparsid.identify.parts
from sparsid.training.progress import interruptible, last_signal

BOTH = pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])


@pytest.fixture(autouse=True)
def usual():
    """Signals are heard, whatever started these tests, and everything is put back."""
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.getsignal(number) for number in numbers}
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    during = {number: signal.getsignal(number) for number in numbers}
    yield
    assert {number: signal.getsignal(number) for number in numbers} == during
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def fit(tmp_path, monkeypatch):
    """A function that fits a little model in the present folder and gives the exit code."""
    monkeypatch.chdir(tmp_path)
    write_csv(tmp_path / "plant.csv", tank_rows())
    what = ("--states", "T1,T2", "--inputs", "Q", "--dt", "10", "--recipe", "free-run")
    return lambda: run("fit", "plant.csv", *what, "--members", "2", "--out", "new.sparsid")


def raising(monkeypatch, module, name: str, number: int, times: int = 1) -> None:
    """The function first raises the signal so many times."""
    whole = getattr(module, name)

    def first(*arguments, **options):
        for _ in range(times):
            signal.raise_signal(number)
        return whole(*arguments, **options)

    monkeypatch.setattr(module, name, first)


@BOTH
def test_what_is_trained_is_saved_and_a_note_says_how_far_it_came(
    fit, monkeypatch, tmp_path, capsys, number
):
    @contextmanager
    def progress():
        def callback(report):
            return report.done == 2 and signal.raise_signal(number)

        yield lambda name: None if name.startswith("linear") else callback

    monkeypatch.setattr(sparsid.cli.progress, "training_progress", progress)
    assert fit() == 0
    content = " ".join(capsys.readouterr().err.split())
    assert "Training was interrupted after 2 of" in content
    assert last_signal() == number
    ensemble = sparsid.load(tmp_path / "new.sparsid")
    assert len(ensemble) == 2
    assert ensemble.card.training["epochs"] == 2


@BOTH
@pytest.mark.parametrize("times", [1, 2], ids=["before the first epoch", "twice"])
def test_where_nothing_is_trained_nothing_is_saved(
    fit, monkeypatch, tmp_path, capsys, number, times
):
    raising(monkeypatch, sparsid.identify.estimation, "run_recipe", number, times)
    assert fit() == 128 + number
    content = capsys.readouterr()
    assert content.err.count("Interrupted before the end: new.sparsid was not written") == 1
    assert "Traceback" not in content.err
    assert "Saved" not in content.out
    assert [path.name for path in tmp_path.iterdir()] == ["plant.csv"]


@BOTH
def test_a_signal_while_data_is_read_ends_in_a_sentence(fit, monkeypatch, tmp_path, capsys, number):
    raising(monkeypatch, sparsid.identify.parts, "read", number)
    assert fit() == 128 + number
    content = capsys.readouterr()
    assert len(content.err.splitlines()) == 1
    assert content.err.startswith("Error: Interrupted before the end: ")
    assert [path.name for path in tmp_path.iterdir()] == ["plant.csv"]


def test_what_the_caller_ignores_stays_ignored(monkeypatch, capsys):
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    raising(monkeypatch, sparsid.cli.processes, "show", signal.SIGINT)
    assert run("processes") == 0
    assert signal.getsignal(signal.SIGINT) is signal.SIG_IGN
    signal.signal(signal.SIGINT, signal.default_int_handler)


def test_the_second_signal_does_what_it_does_outside():
    received = []
    signal.signal(signal.SIGTERM, lambda number, _: received.append(number))
    with interruptible() as stop:
        assert not stop.asked
        signal.raise_signal(signal.SIGTERM)
        assert stop.asked
        assert not received
        signal.raise_signal(signal.SIGTERM)
        assert received == [signal.SIGTERM]
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
