"""Progress of long computations: bars on a terminal, occasional lines in a log."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    TaskID,
    TextColumn,
    TimeRemainingColumn,
)
from rich.table import Column
from rich.text import Text

from sparsid.cli.console import err, terminal_text

if TYPE_CHECKING:
    import numpy as np

    from sparsid.study.running import Progress as StudyState
    from sparsid.training import EpochReport
    from sparsid.training.pruning import PruningReport


def _words(template: str, **look) -> TextColumn:
    """A column of text that is never parsed as markup."""
    return TextColumn(template, markup=False, **look)


def _bar(*columns: ProgressColumn, width: int = 24) -> Progress:
    """A progress display: a description, a bar, and then `columns`."""
    what = _words("{task.description}", table_column=Column(no_wrap=True))
    return Progress(what, BarColumn(bar_width=width), *columns, console=err)


def now_and_then(every: float = 60.0) -> Callable[[str], None]:
    """A function that prints a line at most once in `every` seconds, unless on a terminal.

    A terminal shows bars; a log would otherwise stay empty until the end.
    """
    last = time.monotonic()

    def print_line(line: str) -> None:
        nonlocal last
        if not err.is_terminal and time.monotonic() - last >= every:
            last = time.monotonic()
            err.print(Text(terminal_text(line)))

    return print_line


def remaining(seconds: float, done: float) -> str:
    """The estimated remaining time: ", about 2 h 05 min left"; "" if the share `done` is 0."""
    if not done > 0:
        return ""
    hours, minutes = divmod(max(round(seconds * (1 - done) / done / 60), 0), 60)
    return f", about {hours} h {minutes:02d} min left" if hours else f", about {minutes} min left"


@contextmanager
def training_progress() -> Iterator:
    """Yields a function that makes, for a name, the callback that updates a bar.

    The bar shows epochs, rate, remaining time and errors; it appears with the first epoch.
    """
    columns = (
        MofNCompleteColumn(),
        _words("epochs {task.fields[speed]}"),
        TimeRemainingColumn(),
        _words("{task.fields[content]}"),
    )
    with _bar(*columns, width=12) as progress:

        def callbacks(name: str):
            task: TaskID | None = None
            seen: dict[str, str] = {}
            log = now_and_then()

            def callback(report: "EpochReport") -> None:
                nonlocal task
                if task is None:
                    task = progress.add_task(
                        terminal_text(f"training {name}"), total=None, content="", speed=""
                    )
                if report.free_run is not None:
                    seen["free"] = f" free run {_median(report.free_run)}"
                loss = f"loss {_median(report.train)}/{_median(report.validation)}"
                content, speed = (
                    loss + seen.get("free", ""),
                    f"{report.done / report.seconds:.1f}/s",
                )
                progress.update(
                    task, completed=report.done, total=report.total, content=content, speed=speed
                )
                log(f"training {name}: {report.done} of {report.total} epochs, {speed}, {content}")

            return callback

        yield callbacks


@contextmanager
def pruning_progress() -> Iterator:
    """Yields a callback that shows the rounds of pruning: remaining weights, active members."""
    with _bar(_words("{task.fields[content]}")) as progress:
        task = progress.add_task("pruning", total=None, content="")
        log = now_and_then()

        def callback(report: "PruningReport") -> None:
            left, most = sum(report.left), report.numbers * len(report.left)
            content = (
                f"round {report.round}, {left / len(report.left):.0f} of {report.numbers} "
                f"parameters left, {report.running} members active"
            )
            progress.update(task, total=most, completed=most - left, content=content)
            log(f"pruning: {content}")

        yield callback


@contextmanager
def study_progress(name: str) -> Iterator:
    """Yields a callback that shows a study's work, cells, remaining time and current activity."""
    columns = (
        _words("{task.percentage:.0f} %"),
        _words("{task.fields[cells]}"),
        TimeRemainingColumn(elapsed_when_finished=True),
        _words("{task.fields[doing]}"),
    )
    with _bar(*columns) as progress:
        about = terminal_text(f"running {name}")
        task = progress.add_task(about, total=None, cells="preparing data", doing="")
        log, began = now_and_then(), None

        def callback(state: "StudyState") -> None:
            nonlocal began
            began = began or time.monotonic()  # after the data are prepared
            total = max(state.work, 1.0)
            done = state.work_done / total
            cells, doing = f"{state.cells_done} of {state.cells} cells", terminal_text(state.doing)
            progress.update(task, total=total, completed=state.work_done, cells=cells, doing=doing)
            left = remaining(time.monotonic() - began, done)
            log(f"{name}: {100 * done:.0f} % of the work, {cells}{left}{doing and f': {doing}'}")

        yield callback


def _median(values: "np.ndarray") -> str:
    import numpy as np

    return f"{np.nanmedian(values):.3g}" if not np.isnan(values).all() else "-"
