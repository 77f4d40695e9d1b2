"""What the command line shows: sentences, tables, and the progress of training."""

import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

import numpy as np
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Column, Table

if TYPE_CHECKING:
    from sparsid.identify import Recipe
    from sparsid.study.paths import Stage
    from sparsid.study.running import Progress as StudyState
    from sparsid.training import EpochReport
    from sparsid.training.pruning import PruningReport

# Away from a terminal nothing forces 80 columns: a table in a log stays whole.
out = Console(highlight=False, width=None if sys.stdout.isatty() else 160)
err = Console(stderr=True, highlight=False, soft_wrap=True)


def tell(notes: Iterable[str]) -> None:
    """Sentences somebody should hear, once each."""
    for note in dict.fromkeys(notes):
        err.print(f"Note: {note}", markup=False)


def show(
    title: str, header: Sequence[str], rows: Iterable[Sequence[str]], *, wrap: bool = False
) -> None:
    """A table: first column left, the others right; with `wrap` long cells take several lines."""
    table = Table(title=title, title_justify="left", title_style="bold")
    for at, name in enumerate(header):
        table.add_column(name, justify="left" if at == 0 else "right", no_wrap=not wrap)
    for row in rows:
        table.add_row(*row)
    out.print(table)


def number(value: float | None, digits: int = 3) -> str:
    """A figure for a table; what is not there is a dash."""
    return "-" if value is None or np.isnan(value) else f"{value:.{digits}g}"


def now_and_then(every: float = 60.0) -> Callable[[str], None]:
    """A function that says a line at most every so many seconds, and only into a log.

    On a terminal bars move; a log would otherwise stay silent until the end.
    """
    last = time.monotonic()

    def say(line: str) -> None:
        nonlocal last
        if not err.is_terminal and time.monotonic() - last >= every:
            last = time.monotonic()
            err.print(line, markup=False)

    return say


def remaining(seconds: float, done: float) -> str:
    """Said after so many seconds for the share `done`: ", about 2 h 05 min left"; "" before any."""
    if not done > 0:
        return ""
    hours, minutes = divmod(max(round(seconds * (1 - done) / done / 60), 0), 60)
    return f", about {hours} h {minutes:02d} min left" if hours else f", about {minutes} min left"


@contextmanager
def training_progress() -> Iterator:
    """Within it, `watching(recipe)` shows a bar: epochs, rate, remaining time, errors so far."""
    columns = (
        TextColumn("{task.description}", table_column=Column(no_wrap=True)),
        BarColumn(bar_width=12),
        MofNCompleteColumn(),
        TextColumn("epochs {task.fields[speed]}"),
        TimeRemainingColumn(),
        TextColumn("{task.fields[said]}"),
    )
    with Progress(*columns, console=err) as progress:

        def watching(recipe: "Recipe"):
            task = progress.add_task(f"training {recipe.name}", total=None, said="", speed="")
            seen: dict[str, str] = {}
            log = now_and_then()

            def watch(report: "EpochReport") -> None:
                if report.free_run is not None:
                    seen["free"] = f" free run {_median(report.free_run)}"
                loss = f"loss {_median(report.train)}/{_median(report.validation)}"
                said, speed = loss + seen.get("free", ""), f"{report.done / report.seconds:.1f}/s"
                progress.update(
                    task, completed=report.done, total=report.total, said=said, speed=speed
                )
                log(
                    f"training {recipe.name}: {report.done} of {report.total} epochs, {speed}, "
                    f"{said}"
                )

            return watch

        yield watching


@contextmanager
def pruning_progress() -> Iterator:
    """Within it, `watch(report)` shows the rounds of pruning: weights left, members at work."""
    columns = (
        TextColumn("{task.description}", table_column=Column(no_wrap=True)),
        BarColumn(bar_width=24),
        TextColumn("{task.fields[said]}"),
    )
    with Progress(*columns, console=err) as progress:
        task = progress.add_task("pruning", total=None, said="")
        log = now_and_then()

        def watch(report: "PruningReport") -> None:
            left, most = sum(report.left), report.numbers * len(report.left)
            said = (
                f"round {report.round}, {left / len(report.left):.0f} of {report.numbers} numbers "
                f"left, {report.running} members at work"
            )
            progress.update(task, total=most, completed=most - left, said=said)
            log(f"pruning: {said}")

        yield watch


@contextmanager
def study_progress(name: str) -> Iterator:
    """Within it, `watch(progress)` shows a bar of a study's work, its cells and remaining time."""
    columns = (
        TextColumn("{task.description}", table_column=Column(no_wrap=True)),
        BarColumn(bar_width=24),
        TextColumn("{task.percentage:.0f} %"),
        TextColumn("{task.fields[cells]}"),
        TimeRemainingColumn(elapsed_when_finished=True),
    )
    with Progress(*columns, console=err) as progress:
        task = progress.add_task(f"running {name}", total=None, cells="preparing data")
        log, began = now_and_then(), None

        def watch(state: "StudyState") -> None:
            nonlocal began
            began = began or time.monotonic()  # the data are prepared: the work begins
            total = max(state.work, 1.0)
            done = state.work_done / total
            cells = f"{state.cells_done} of {state.cells} cells"
            progress.update(task, total=total, completed=state.work_done, cells=cells)
            left = remaining(time.monotonic() - began, done)
            log(f"{name}: {100 * done:.0f} % of the work, {cells}{left}")

        yield watch


@contextmanager
def path_progress(name: str) -> Iterator:
    """Within it, `watch(stage)` says which configuration is at work, at what, and cells done."""
    columns = (
        TextColumn("{task.description}", table_column=Column(no_wrap=True)),
        BarColumn(bar_width=24),
        MofNCompleteColumn(),
        TextColumn("{task.fields[said]}"),
    )
    with Progress(*columns, console=err) as progress:
        task = progress.add_task(f"running {name}", total=None, said="preparing data")
        log = now_and_then()

        def watch(stage: "Stage") -> None:
            said = f"{stage.configuration}: {stage.doing}"
            progress.update(task, total=stage.cells, completed=stage.cells_done, said=said)
            log(f"{name}: {said}, {stage.cells_done} of {stage.cells} cells")

        yield watch


def _median(values: np.ndarray) -> str:
    return f"{np.nanmedian(values):.3g}" if not np.isnan(values).all() else "-"
