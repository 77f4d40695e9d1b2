"""sparsid study: list, run, show, compare"""

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sparsid._errors import SparsidError
from sparsid._files import make_folder
from sparsid.cli.computing import use_machine
from sparsid.cli.console import print_line, print_notes, show
from sparsid.cli.outputs import MARKDOWN, Force, check_figures, check_outputs
from sparsid.report.document import Document, Table
from sparsid.study import executors

if TYPE_CHECKING:
    from sparsid.study.results import StudyResults

app = typer.Typer(
    help="Train, evaluate and compare many configurations on the data of one plant.",
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
        (name, study.title, len(study.configuration), study.size)
        for name, study in overview().items()
    ]
    columns = ("name", "title", "configurations", "cells")
    show(Document("Studies", tables=(Table("Studies", columns, rows),)))


@app.command()
def run(
    name: Annotated[str, typer.Argument(metavar="NAME|FILE", help="A study's name, or a file.")],
    to: Annotated[Path, typer.Option("--out", help="The folder to write to, or to resume in.")],
    executor: Annotated[
        str, typer.Option(help=f"Where groups of cells run. {executors.overview()}.")
    ] = "serial",
    workers: Annotated[
        int | None,
        typer.Option(help=f"Worker processes of one core each ({executors.taking('workers')})."),
    ] = None,
    scheduler: Annotated[
        str | None,
        typer.Option(
            metavar="ADDRESS",
            help=f"The scheduler of a running cluster ({executors.taking('scheduler')}).",
        ),
    ] = None,
    only: Annotated[
        str | None, typer.Option(help='Names or patterns of configurations: "Dense,L1*".')
    ] = None,
    force: Force = False,
) -> None:
    """Trains, evaluates and stores all networks of a study that are not in the folder yet.

    Ctrl-C stops after the current epoch; stored networks are kept, and the same command resumes.

    Example: `sparsid study run haugstvedt2023 --out haugstvedt2023 --executor processes`
    """
    from sparsid.study.reading import read_study

    if to.exists():  # a file there is refused before the study is read, which may import JAX
        make_folder(to)
    study = read_study(name)
    make_folder(to)
    check_outputs([to / "truth.nc"], inputs=_recorded(study), force=force)

    from sparsid.cli.progress import study_progress
    from sparsid.study.running import run_study
    from sparsid.training.progress import last_signal

    use_machine()
    with study_progress(study.name) as callback:
        outcome = run_study(
            study,
            to,
            executor=executor,
            workers=workers,
            scheduler=scheduler,
            only=only,
            callback=callback,
        )
    print_notes(outcome.notes)
    details = f"{outcome.stored} of {outcome.asked} cells are stored in {to}"
    if outcome.interrupted:
        print_line(f"Interrupted: {details}; run the same command to resume.")
        raise typer.Exit(128 + last_signal())
    print_line(f"{details}; `sparsid study show {to}` shows the results.")


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
    """Prints the results of a study and published numbers, and writes a page with figures.

    Example: `sparsid study show haugstvedt2023 --markdown haugstvedt2023.md`
    """
    from sparsid.results import ResultStore
    from sparsid.study.results import task_of

    files = task_of(ResultStore.open(folder)).files
    outputs = [folder / name for name in ("index.html", *files)]
    outputs += [] if text is None else [text]
    check_outputs(outputs, inputs=[folder / "study.json"], force=force)
    results, document = _documented(folder)
    show(replace(document, notes=()), wrap=True)
    if results.missing:
        print_notes(
            [f"{results.missing} cells are not stored yet; `sparsid study run` computes them."]
        )
    page = write_document(document, folder, text=text, force=force)
    print_line(f"Open {page} to see the figures.")


def write_document(
    document: Document, folder: Path, *, text: Path | None = None, force: bool = False
) -> Path:
    """Writes the page and its files into the folder, and Markdown to `text`; returns its path.

    Unless `force` is given, raises SparsidError before writing if a file would replace one that
    sparsid did not write.
    """
    from sparsid._files import atomic_write
    from sparsid.report.render.markdown import markdown
    from sparsid.report.render.page import write_page

    written = {file.path: file.content for file in document.files if file.content is not None}
    if text is not None:
        written[text] = MARKDOWN + markdown(document)
    page = folder / "index.html"
    check_outputs([page, *written], inputs=[folder / "study.json"], force=force)
    check_figures(folder / "figures", [f.name for f in document.figures], force=force)
    for path, content in written.items():
        with atomic_write(path) as part:
            part.write_text(content, encoding="utf-8")
    return write_page(document, page)


def _documented(folder: Path) -> "tuple[StudyResults, Document]":
    """The results in a study's folder and their document."""
    from sparsid.study.results import load_results

    results = load_results(folder)
    if not results.configurations:
        raise SparsidError(
            f"{folder} holds no rows yet; `sparsid study run NAME --out {folder}` computes them."
        )
    return results, results.task.report(results)


@app.command()
def compare(
    folder: Folder,
    first: Annotated[str, typer.Argument(metavar="A", help="A configuration.")],
    second: Annotated[str, typer.Argument(metavar="B", help="The one it is compared with.")],
) -> None:
    """Prints the differences A minus B in diverged runs and RFMSE, with 95 % intervals.

    Networks are paired by seed, runs by trajectory; intervals by two-way bootstrap over both.

    Example: `sparsid study compare haugstvedt2023 L1 Dense`
    """
    from sparsid.study.results import load_results

    results = load_results(folder)
    show(results.task.compare(results, first, second), wrap=True)
