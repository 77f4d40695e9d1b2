"""sparsid study: list, run, show, compare"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sparsid._errors import SparsidError
from sparsid._files import make_folder
from sparsid.cli.computing import use_machine
from sparsid.cli.console import say, show, tell
from sparsid.cli.outputs import EXITS, MARKDOWN, Force, check_outputs

if TYPE_CHECKING:
    from sparsid.report import Table

app = typer.Typer(
    help="Many configurations on one plant's data, trained, judged and compared.",
    no_args_is_help=True,
    rich_markup_mode="markdown",
)

Folder = Annotated[Path, typer.Argument(metavar="DIR", help="The folder of a study.")]


@app.command(name="list")
def list_() -> None:
    """Lists the studies that come with sparsid.

    Example: `sparsid study list`
    """
    from sparsid.study.reading import overview

    rows = [
        (name, study.title, str(len(study.configuration)), str(study.size))
        for name, study in overview().items()
    ]
    show("Studies", ("name", "title", "configurations", "cells"), rows)


@app.command()
def run(
    name: Annotated[str, typer.Argument(metavar="NAME|FILE", help="A study's name, or a file.")],
    to: Annotated[Path, typer.Option("--out", help="The folder to write, or to go on in.")],
    executor: Annotated[
        str, typer.Option(help="serial (all devices on each group), or processes.")
    ] = "serial",
    workers: Annotated[
        int | None, typer.Option(help="Processes of one core each; by default one a core.")
    ] = None,
    only: Annotated[
        str | None, typer.Option(help='Names or patterns of configurations: "Dense,L1*".')
    ] = None,
    force: Force = False,
) -> None:
    """Trains, judges and stores every network of a study that the folder does not hold yet.

    Ctrl-C stops after the running epoch; what is stored stays, and the same command goes on.

    Example: `sparsid study run haugstvedt2023 --out haugstvedt2023 --executor processes`
    """
    from sparsid.study.reading import read_study

    study = read_study(name)
    make_folder(to)
    check_outputs([to / "truth.nc"], inputs=_recorded(study), force=force)

    from sparsid.cli.progress import study_progress
    from sparsid.study.running import run_study
    from sparsid.training.progress import last_signal

    use_machine()
    with study_progress(study.name) as watch:
        outcome = run_study(study, to, executor=executor, workers=workers, only=only, watch=watch)
    tell(outcome.notes)
    said = f"{outcome.stored} of {outcome.asked} cells are stored in {to}"
    if outcome.interrupted:
        say(f"Interrupted: {said}; the same command goes on from there.")
        raise typer.Exit(128 + last_signal())
    say(f"{said}; `sparsid study show {to}` says what they say.")


def _recorded(study: Any) -> tuple[str, ...]:
    """The data files that a study reads."""
    data = getattr(study, "data", None)
    names = ("files", "validation_files", "test_files")
    return tuple(file for name in names for file in getattr(data, name, ()))


@app.command(name="show")
def show_(
    folder: Folder,
    text: Annotated[
        Path | None, typer.Option("--markdown", help="Also write the tables as Markdown.")
    ] = None,
    force: Force = False,
) -> None:
    """Prints what a study found, beside published numbers, and writes a page with its figures.

    Example: `sparsid study show haugstvedt2023 --markdown haugstvedt2023.md`
    """
    from sparsid.results import ResultStore

    task = ResultStore.open(folder).study().get("specification", {}).get("task")
    texts = [] if text is None else [text]
    beside = [folder / name for name in ("index.html", *(() if task in OTHERS else (EXITS,)))]
    check_outputs([*texts, *beside], inputs=[folder / "study.json"], force=force)
    if task in OTHERS:
        OTHERS[task](folder, text, force)
        return

    from sparsid.cli.study_page import said, write_page
    from sparsid.study.results import load_results
    from sparsid.study.tasks.simulate.tables import tables

    _shown(load_results(folder), tables, said, write_page, text, force)


def _show_paths(folder: Path, text: Path | None, force: bool) -> None:
    """The same of a study of pruning paths."""
    from sparsid.cli.study_page import said
    from sparsid.study.results import load_results
    from sparsid.study.tasks.prune.figures import write_path_page
    from sparsid.study.tasks.prune.tables import path_tables

    _shown(load_results(folder), path_tables, said, write_path_page, text, force)


def _show_maps(folder: Path, text: Path | None, force: bool) -> None:
    """The same of a study of fitting functions."""
    from sparsid.cli.study_page import said
    from sparsid.study.results import load_results
    from sparsid.study.tasks.map.report import map_tables, write_map_page

    _shown(load_results(folder), map_tables, said, write_map_page, text, force)


OTHERS = {"prune": _show_paths, "map": _show_maps}  # by task; all others simulate


def _shown(
    results: Any,
    tables: "Callable[[Any], list[Table]]",
    said: Callable[[Any], list[str]],
    write_page: Callable[..., Path],
    text: Path | None,
    force: bool,
) -> None:
    """Tables on the screen, in Markdown if asked for, and on the page: of either kind of study."""
    folder = results.folder
    if not results.configurations:
        raise SparsidError(
            f"{folder} holds no rows yet; `sparsid study run NAME --out {folder}` makes them."
        )
    found = tables(results)
    for table in found:
        _print(table)
    if results.missing:
        tell([f"{results.missing} cells are not stored yet; `sparsid study run` makes them."])
    page = write_page(results, found, force=force)  # first: it may refuse to replace a figure
    if text is not None:
        _write_markdown(text, results.study.title or results.study.name, said(results), found)
    say(f"Open {page} to see the figures.")


def _write_markdown(path: Path, title: str, notes: list[str], found: "list[Table]") -> None:
    from sparsid._files import written_whole
    from sparsid.report import markdown

    with written_whole(path) as part:
        part.write_text(MARKDOWN + markdown(title, notes, found), encoding="utf-8")


@app.command()
def compare(
    folder: Folder,
    first: Annotated[str, typer.Argument(metavar="A", help="A configuration.")],
    second: Annotated[str, typer.Argument(metavar="B", help="The one it is compared with.")],
) -> None:
    """Differences A less B in diverged runs and RFMSE, with 95 % intervals.

    Networks are paired by seed, runs by trajectory; both are redrawn (two-way bootstrap).

    Example: `sparsid study compare haugstvedt2023 L1 Dense`
    """
    from sparsid.study.results import load_results

    results = load_results(folder)
    pair = results.named(first), results.named(second)

    from sparsid.study.tasks.simulate.tables import comparison
    from sparsid.study.tasks.simulate.verdicts import compare as compared

    _print(comparison([compared(*pair)]))


def _print(table: "Table") -> None:
    header = [" ".join(str(name).split()) for name in table.header]
    rows = [["-" if c is None else str(c) for c in row] for row in table.rows]
    show(table.title, header, rows, wrap=True)
    if table.note:
        say(table.note)
