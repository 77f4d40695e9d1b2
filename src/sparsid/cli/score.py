"""sparsid score"""

from typing import TYPE_CHECKING, Annotated

import typer

from sparsid.cli.computing import use_machine
from sparsid.cli.console import number, say, say_json, show, tell
from sparsid.cli.options import Columns, Dt, Files, Model, Time, box_notes, parse_horizons, read_for

if TYPE_CHECKING:
    from sparsid.evaluation import HorizonScore


def command(
    model: Model,
    data: Files,
    horizons: Annotated[
        str | None, typer.Option(help="Horizons in samples, by commas: 100,1000,2500,5000.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
    columns: Columns = None,
    time: Time = None,
    dt: Dt = None,
) -> None:
    """Simulates every record freely with every member and judges the runs.

    A run diverged if its mean scaled error exceeds 3 in any state or anything is not finite. RFMSE
    is the mean absolute error in training standard deviations over the runs that did not.

    Example: `sparsid score plant.sparsid test.nc --horizons 100,1000,2500,5000 --json`
    """
    from sparsid.architectures import read_file

    file = read_file(model)
    card = file.card
    dataset, notes = read_for(card, data, columns=columns, time=time, dt=dt)
    chosen = parse_horizons(horizons, max(dataset.lengths))

    from sparsid.evaluation import forecast, horizon_scores, sparsity
    from sparsid.models import Ensemble

    use_machine()
    ensemble = Ensemble.of_file(file)
    runs = forecast(ensemble, dataset)
    truth, _, _ = dataset.padded()
    scores = horizon_scores(
        runs,
        truth,
        scale=ensemble.stacked.scaling.scale,
        horizons=chosen,
        lengths=dataset.lengths,
    )
    tell([*notes, *box_notes(card, runs, dataset)])
    zeros = sparsity(ensemble)
    if as_json:
        said = {
            "runs": len(ensemble) * len(dataset),
            "exact_zero_share": zeros.zero_share,
            "nonzero": sum(zeros.nonzero),
            "nonzero_by_member": list(zeros.nonzero),
            "horizons": {str(h): _as_json(s) for h, s in scores.items()},
        }
        say_json(said, indent=1)
        return
    show(
        f"Free runs of {len(ensemble)} members over {len(dataset)} trajectories",
        ("horizon", "runs", "diverged", "95 % interval", "RFMSE mean", "RFMSE std"),
        [_row(s) for s in scores.values()],
    )
    say(
        f"exactly zero: {zeros.zero_share:.1%} of weights; non-zero, median of members: "
        f"{zeros.nonzero_median:g}; smaller than {zeros.below:g}: {zeros.small_share:.1%}"
    )


def _as_json(score: "HorizonScore") -> dict:
    return {
        "runs": score.runs,
        "diverged": score.diverged_count,
        "rfmse_mean": score.rfmse_mean,
        "rfmse_std": score.rfmse_std,
    }


def _row(score: "HorizonScore") -> tuple[str, ...]:
    from sparsid.evaluation import rate_interval

    counted = score.counted.all(axis=0)  # trajectories that reach the horizon
    low, high = rate_interval(score.diverged[:, counted])
    return (
        str(score.horizon),
        str(score.runs),
        str(score.diverged_count),
        f"{low:.1%} to {high:.1%}",
        number(score.rfmse_mean),
        number(score.rfmse_std),
    )
