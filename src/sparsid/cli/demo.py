"""sparsid demo"""

from dataclasses import replace
from pathlib import Path
from typing import Annotated

import typer

from sparsid._files import make_folder
from sparsid.cli.computing import use_machine
from sparsid.cli.console import print_line, print_notes, show
from sparsid.cli.options import Seed
from sparsid.cli.outputs import Force, check_outputs

WRITTEN = ("index.html", "sparse.sparsid", "dense.sparsid", "train.nc", "validation.nc", "test.nc")
FIGURES = ("trajectories", "inputs", "error_growth", "diverged", "network", "links", "training")


def command(
    to: Annotated[Path, typer.Option("--out", help="The folder to write.")] = Path("demo"),
    seed: Seed = 0,
    quick: Annotated[
        bool, typer.Option(help="A tenth of the training on little data, to test that it runs.")
    ] = False,
    force: Force = False,
) -> None:
    """Simulates an electrolysis cell, trains sparse and dense networks, evaluates their free runs.

    Writes data, models, figures and a page that shows them. Ctrl-C stops after the current epoch;
    finished networks are kept, and the same command resumes.

    Example: `sparsid demo --out demo`
    """
    make_folder(to / "figures")
    drawn = [f"figures/{name}.{kind}" for name in FIGURES for kind in ("png", "svg")]
    check_outputs([to / name for name in (*WRITTEN, "truth.nc", *drawn)], force=force)

    from sparsid.cli.progress import study_progress
    from sparsid.report.render.page import write_page
    from sparsid.study import load_results, run_study
    from sparsid.study.demo import Demo, read_demo
    from sparsid.training.progress import last_signal

    use_machine()
    study = read_demo(seed=seed, quick=quick)
    with study_progress("the demo") as callback:
        outcome = run_study(study, to, callback=callback)
    print_notes(outcome.notes)
    results = load_results(to)
    if results.configurations:
        demo = Demo.of(results)
        document = demo.document()
        show(replace(document, notes=()))
        demo.write()
        page = write_page(document, to / "index.html")
        print_line(f"Open {page} to see figures, models and data.")
    if outcome.interrupted:
        finished = f"{outcome.stored} of {outcome.asked} networks are finished"
        print_line(f"Interrupted: {finished}; run the same command to resume.")
        raise typer.Exit(128 + last_signal())
