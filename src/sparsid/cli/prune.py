"""sparsid prune"""

from dataclasses import dataclass, replace
from math import isnan
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from sparsid.cli.computing import use_machine
from sparsid.cli.console import print_line, print_notes, show
from sparsid.cli.options import Files, Model, ModelOut, TableOptions
from sparsid.cli.outputs import Force, check_outputs
from sparsid.cli.stopping import until_written

if TYPE_CHECKING:
    from sparsid.identify.prune import Pruned


@dataclass(frozen=True)
class PathOptions:
    """How far a path goes, and what a removal may cost."""

    method: Annotated[
        Literal["obs", "obd"], typer.Option(help="Optimal Brain Surgeon, or Damage.")
    ] = "obs"
    iterations: Annotated[int, typer.Option(help="Iterations of retraining a round.", min=1)] = 50
    factor: Annotated[
        float,
        typer.Option(
            help="A removal that raises the training error by more is undone; squared once no "
            "other may go and the limit on the validation error is dropped."
        ),
    ] = 1.3
    validation_factor: Annotated[
        float,
        typer.Option(
            "--validation-factor",
            "--guard",
            help="A removal that raises the validation error by more is undone too, at first.",
        ),
    ] = 1.05
    least: Annotated[int, typer.Option(help="A path ends at so many numbers.", min=0)] = 5


@dataclass(frozen=True)
class ShareOptions:
    """What of the data chooses the network, and what judges it."""

    validation_share: Annotated[
        float, typer.Option(help="Share of the data that chooses the network.", min=0.01, max=0.9)
    ] = 0.2
    test_share: Annotated[
        float, typer.Option(help="Share kept back to judge the result.", min=0.0, max=0.9)
    ] = 0.2


def command(
    model: Model,
    data: Files,
    to: ModelOut,
    paths: Annotated[
        Path | None, typer.Option(help="A JSON file to write with every step of every path.")
    ] = None,
    choose: Annotated[
        Literal["best", "smallest"],
        typer.Option(
            help="best: least validation error; smallest: smallest network not worse than the full."
        ),
    ] = "best",
    *,
    path: PathOptions,
    shares: ShareOptions,
    tables: TableOptions,
    force: Force = False,
) -> None:
    """Prunes a trained model weight by weight, retraining in between, and keeps the whole path.

    The parts of the data are taken as `fit` takes them: give the same file, and what judged the
    model before judges it again. Ctrl-C ends the paths after the running round.

    Example: `sparsid prune plant.sparsid plant.csv --out small.sparsid --paths paths.json`
    """
    check_outputs([to] if paths is None else [to, paths], inputs=[model, *data], force=force)

    from sparsid.architectures import read_file
    from sparsid.identify.model_data import read_for

    file = read_file(model)
    dataset, notes = read_for(file.card, data, **tables.given())
    print_notes(notes)

    from sparsid.cli.progress import pruning_progress
    from sparsid.identify.documents import prune_document
    from sparsid.identify.parts import split
    from sparsid.identify.prune import criterion_for, prune_ensemble
    from sparsid.models import Ensemble
    from sparsid.training import Pruning
    from sparsid.training.pruning import RETRAIN

    use_machine()
    ensemble = Ensemble.of_file(file)
    parts = split(dataset, validation=shares.validation_share, test=shares.test_share)
    criterion = criterion_for(ensemble.card.architecture, parts.train, parts.validation)
    retrain = replace(RETRAIN, criterion=criterion, iterations=path.iterations)
    pruning = Pruning(
        path.method,
        factor=path.factor,
        retrain=retrain,
        validation_factor=path.validation_factor,
        least=path.least,
    )
    with until_written(to), pruning_progress() as callback:
        pruned = prune_ensemble(ensemble, parts, pruning=pruning, choice=choose, callback=callback)
    pruned.ensemble.save(to)
    if paths is not None:
        pruned.save_paths(paths)
    print_notes(_interruptions(pruned))
    show(prune_document(pruned))
    print_line(f"Saved {len(pruned.ensemble)} members to {to}.")


def _interruptions(pruned: "Pruned") -> list[str]:
    if pruned.interrupted:
        return ["The paths were interrupted; they end where they were, and no control was trained."]
    if any(isnan(member.control.validation) for member in pruned.members):
        return ["The control was interrupted before it had trained for as long; it is left out."]
    return []
