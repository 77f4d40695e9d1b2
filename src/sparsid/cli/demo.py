"""sparsid demo"""

from pathlib import Path
from typing import Annotated

import typer

from sparsid._files import make_folder
from sparsid.cli.computing import use_machine
from sparsid.cli.console import say, show, tell
from sparsid.cli.options import Seed
from sparsid.cli.outputs import Force, check_outputs

WRITTEN = ("index.html", "sparse.sparsid", "dense.sparsid", "train.nc", "validation.nc", "test.nc")
FIGURES = ("trajectories", "inputs", "error_growth", "diverged", "network", "links", "training")


def command(
    to: Annotated[Path, typer.Option("--out", help="The folder to write.")] = Path("demo"),
    seed: Seed = 0,
    quick: Annotated[
        bool, typer.Option(help="A tenth of the training on little data: to see that it runs.")
    ] = False,
    force: Force = False,
) -> None:
    """Simulates an electrolysis cell, trains sparse and dense ensembles, judges their free runs.

    Writes data, models, figures and a page that shows them all.

    Example: `sparsid demo --out demo`
    """
    make_folder(to / "figures")
    drawn = [f"figures/{name}.{kind}" for name in FIGURES for kind in ("png", "svg")]
    check_outputs([to / name for name in (*WRITTEN, *drawn)], force=force)

    from sparsid.cli.demo_page import comparison, write_results
    from sparsid.cli.progress import training_progress
    from sparsid.study.demo import Size, plant_data, train_and_judge

    use_machine()
    size = Size(8, 1000, 4, 20, 0.05) if quick else Size()
    say(
        f"Simulating {size.trajectories} training, validation and test trajectories of "
        f"{size.samples} samples ..."
    )
    parts = plant_data(size, seed)
    notes: list[str] = list(parts.train.notes)
    with training_progress() as watching:
        judged = train_and_judge(parts, size, seed, watching=watching, tell=notes.append)
    tell(notes)
    table = comparison(judged)
    show(table.title, list(table.header), [[str(cell) for cell in row] for row in table.rows])
    page = write_results(to, parts, judged, table)
    say(f"Open {page} to see figures, models and data.")
