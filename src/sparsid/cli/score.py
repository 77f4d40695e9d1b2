"""sparsid score"""

from typing import Annotated

import typer

from sparsid.cli.computing import use_machine
from sparsid.cli.console import print_json, print_notes, show
from sparsid.cli.options import Files, Model, TableOptions, parse_horizons


def command(
    model: Model,
    data: Files,
    horizons: Annotated[
        str | None, typer.Option(help="Horizons in samples, as in 100,1000,2500,5000.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
    *,
    tables: TableOptions,
) -> None:
    """Simulates every record with every member and evaluates these free runs.

    A run diverged if its mean scaled error exceeds 3 in any state or it becomes NaN or infinite.
    RFMSE is the mean absolute error in training standard deviations over the runs that did not.

    Example: `sparsid score plant.sparsid test.nc --horizons 100,1000,2500,5000 --json`
    """
    from sparsid.architectures import read_file
    from sparsid.identify.model_data import read_for

    file = read_file(model)
    dataset, notes = read_for(file.card, data, **tables.given())
    chosen = parse_horizons(horizons, max(dataset.lengths))

    from sparsid.evaluation import forecast, horizon_scores, sparsity
    from sparsid.evaluation.box import box_notes
    from sparsid.evaluation.score_document import score_data, score_document
    from sparsid.models import Ensemble

    use_machine()
    ensemble = Ensemble.of_file(file)
    runs = forecast(ensemble, dataset)
    scores = horizon_scores(
        runs,
        dataset.padded()[0],
        scale=ensemble.stacked.scaling.scale,
        horizons=chosen,
        lengths=dataset.lengths,
    )
    print_notes([*notes, *box_notes(file.card, runs, dataset)])
    size = {"members": len(ensemble), "trajectories": len(dataset)}
    if as_json:
        print_json(score_data(scores, sparsity(ensemble), **size), indent=1)
    else:
        show(score_document(scores, sparsity(ensemble), **size))
