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
    """Where a path ends, and by how much a removal may raise the errors."""

    method: Annotated[
        Literal["obs", "obd"], typer.Option(help="Optimal Brain Surgeon, or Damage.")
    ] = "obs"
    iterations: Annotated[int, typer.Option(help="Retraining iterations per round.", min=1)] = 50
    factor: Annotated[
        float,
        typer.Option(
            help="A removal that raises the training error by a larger factor is undone; squared "
            "when no weight can be removed and the limit on the validation error is dropped."
        ),
    ] = 1.3
    validation_factor: Annotated[
        float,
        typer.Option(
            "--validation-factor",
            "--guard",
            help="A removal that raises the validation error by a larger factor is also undone, "
            "until this limit is dropped.",
        ),
    ] = 1.05
    least: Annotated[
        int, typer.Option(help="Number of parameters at which a path ends.", min=0)
    ] = 5


@dataclass(frozen=True)
class ShareOptions:
    """The shares of validation and test data."""

    validation_share: Annotated[
        float,
        typer.Option(help="Share of validation data, to choose the network.", min=0.01, max=0.9),
    ] = 0.2
    test_share: Annotated[
        float, typer.Option(help="Share of test data, for the final evaluation.", min=0.0, max=0.9)
    ] = 0.2


def command(
    model: Model,
    data: Files,
    to: ModelOut,
    paths: Annotated[
        Path | None, typer.Option(help="A JSON file to write all steps of all paths to.")
    ] = None,
    choose: Annotated[
        Literal["best", "smallest"],
        typer.Option(
            help="best: least validation error; smallest: smallest not worse than the full network."
        ),
    ] = "best",
    *,
    path: PathOptions,
    shares: ShareOptions,
    tables: TableOptions,
    force: Force = False,
) -> None:
    """Prunes a trained model weight by weight, with retraining after each removal.

    The data are split as in `fit`: with the same file, the test data are the same. Ctrl-C ends the
    paths after the current round.

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
        return ["Pruning was interrupted: the paths end early, and no control was trained."]
    if any(isnan(member.control.validation) for member in pruned.members):
        return ["Training of the control was interrupted; it is left out."]
    return []
