"""sparsid prune"""

from dataclasses import replace
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from sparsid.cli.computing import use_machine
from sparsid.cli.console import number, say, show, tell
from sparsid.cli.options import Columns, Dt, Files, Model, Time, read_for
from sparsid.cli.outputs import Force, check_outputs
from sparsid.cli.stopping import until_written

if TYPE_CHECKING:
    from sparsid.identify.prune import Pruned


def command(
    model: Model,
    data: Files,
    to: Annotated[Path, typer.Option("--out", help="The model file to write.")],
    paths: Annotated[
        Path | None, typer.Option(help="A JSON file to write with every step of every path.")
    ] = None,
    choose: Annotated[
        Literal["best", "smallest"],
        typer.Option(
            help="best: least validation error; smallest: smallest network not worse than the full."
        ),
    ] = "best",
    method: Annotated[
        Literal["obs", "obd"], typer.Option(help="Optimal Brain Surgeon, or Damage.")
    ] = "obs",
    iterations: Annotated[int, typer.Option(help="Iterations of retraining a round.", min=1)] = 50,
    factor: Annotated[
        float,
        typer.Option(
            help="A removal that raises the training error by more is undone; squared when no "
            "other may go and the guard falls."
        ),
    ] = 1.3,
    guard: Annotated[
        float, typer.Option(help="So is one that raises the validation error by more, at first.")
    ] = 1.05,
    least: Annotated[int, typer.Option(help="A path ends at so many numbers.", min=0)] = 5,
    validation_share: Annotated[
        float, typer.Option(help="Share of the data that chooses the network.", min=0.01, max=0.9)
    ] = 0.2,
    test_share: Annotated[
        float, typer.Option(help="Share kept back to judge the result.", min=0.0, max=0.9)
    ] = 0.2,
    columns: Columns = None,
    time: Time = None,
    dt: Dt = None,
    force: Force = False,
) -> None:
    """Prunes a trained model weight by weight, retraining in between, and keeps the whole path.

    The parts of the data are taken as `fit` takes them: give the same file, and what judged the
    model before judges it again. Ctrl-C ends the paths after the running round.

    Example: `sparsid prune plant.sparsid plant.csv --out small.sparsid --paths paths.json`
    """
    check_outputs([to] if paths is None else [to, paths], inputs=[model, *data], force=force)

    from sparsid.architectures import read_file

    file = read_file(model)
    dataset, notes = read_for(file.card, data, columns=columns, time=time, dt=dt)
    tell(notes)

    from sparsid.cli.progress import pruning_progress
    from sparsid.identify.parts import split
    from sparsid.identify.prune import criterion_for, prune_ensemble
    from sparsid.models import Ensemble
    from sparsid.training import Pruning
    from sparsid.training.pruning import RETRAIN

    use_machine()
    ensemble = Ensemble.of_file(file)
    parts = split(dataset, validation=validation_share, test=test_share)
    criterion = criterion_for(ensemble.card.architecture, parts.train, parts.validation)
    retrain = replace(RETRAIN, criterion=criterion, iterations=iterations)
    pruning = Pruning(method, factor=factor, retrain=retrain, guard=guard, least=least)
    with until_written(to), pruning_progress() as watch:
        pruned = prune_ensemble(ensemble, parts, pruning=pruning, choice=choose, watch=watch)
    pruned.ensemble.save(to)
    if paths is not None:
        pruned.save_paths(paths)
    if pruned.interrupted:
        tell(["The paths were interrupted; they end where they were, and no control was trained."])
    elif any(isnan(member.control.validation) for member in pruned.members):
        tell(["The control was interrupted before it had trained for as long; it is left out."])
    _report(pruned)
    say(f"Saved {len(pruned.ensemble)} members to {to}.")


def _report(pruned: "Pruned") -> None:
    show(
        "Sum of squared scaled errors of free runs: full, trained on as long (control), pruned",
        (
            "member",
            "numbers",
            "left",
            "smallest",
            *(f"{part} {kind}" for part in ("validation", "test") for kind in KINDS),
        ),
        [
            (
                str(i),
                str(m.path.steps[0].left),
                str(m.path.steps[m.chosen].left),
                str(min(step.left for step in m.path.steps)),
                *(number(getattr(m, kind).validation) for kind in KINDS),
                *(number(getattr(m, kind).test) for kind in KINDS),
            )
            for i, m in enumerate(pruned.members)
        ],
    )


KINDS = ("full", "control", "pruned")
