"""sparsid predict"""

from pathlib import Path
from typing import Annotated

import typer

from sparsid._errors import SparsidError
from sparsid.cli.computing import use_machine
from sparsid.cli.console import say, tell
from sparsid.cli.options import Columns, Dt, Model, Time, box_notes, listed, parse_numbers, read_for
from sparsid.cli.outputs import Force, check_outputs


def command(
    model: Model,
    to: Annotated[Path, typer.Option("--out", help="A .nc, .csv or .parquet file to write.")],
    data: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[DATA...]",
            help="Data files, of inputs alone where --start is given; none for --samples.",
        ),
    ] = None,
    columns: Columns = None,
    time: Time = None,
    dt: Dt = None,
    start: Annotated[
        str | None,
        typer.Option(help="First state, as in T1=20,T2=35, for data that holds inputs only."),
    ] = None,
    samples: Annotated[
        int | None,
        typer.Option(help="Samples to run from --start, for a model without inputs.", min=2),
    ] = None,
    member: Annotated[
        int | None, typer.Option(help="One member's run instead of the median of all.", min=0)
    ] = None,
    force: Force = False,
) -> None:
    """Simulates freely from the first sample of each record under its inputs.

    Writes the median of all members' runs, or one member's. A model without inputs needs no data:
    --start and --samples are enough.

    Example: `sparsid predict plant.sparsid tomorrow.csv --start T1=20,T2=35 --out forecast.csv`
    """
    check_outputs([to], inputs=[model, *(data or ())], force=force)

    from sparsid.architectures import read_file
    from sparsid.data import Dataset, write
    from sparsid.data.formats import check_written

    check_written(to)
    file = read_file(model)
    card = file.card
    if member is not None and member >= file.members:
        raise SparsidError(f"`--member` must be below {file.members}; got {member}.")
    options = {"columns": columns, "time": time, "dt": dt}
    _check_source(card, data, start, samples, options)
    if not data:
        dataset, notes = _from_nothing(card, start or "", samples or 0), []
    elif start is None:
        dataset, notes = read_for(card, data, **options)
    else:
        dataset, notes = _from_inputs(card, data, start, **options)

    from sparsid.evaluation import finite_lengths, forecast, median_run
    from sparsid.models import Ensemble

    use_machine()
    ensemble = Ensemble.of_file(file)
    if member is not None:
        ensemble = ensemble.pick([member])
    runs = forecast(ensemble, dataset)
    median = median_run(runs)
    ends = finite_lengths(median, dataset.lengths)
    notes += [
        f"The run over trajectory {i} left the finite numbers at sample {end} and ends there."
        for i, (end, n) in enumerate(zip(ends, dataset.lengths, strict=True))
        if end < n
    ]
    predicted = Dataset.from_arrays(
        x=[run[:end] for run, end in zip(median, ends, strict=True)],
        u=[t.u[:end] for t, end in zip(dataset, ends, strict=True)],
        dt=card.dt,
        state_names=card.states.names,
        input_names=card.inputs.names,
        state_units=card.states.units,
        input_units=card.inputs.units,
        attributes={"model": model.name, "kind": "free run"},
    )
    write(predicted, to)
    tell([*notes, *box_notes(card, runs, dataset)])
    say(f"Wrote free runs over {len(dataset)} trajectories to {to}.")


def _check_source(card, data, start: str | None, samples: int | None, options: dict) -> None:
    """Raises SparsidError unless either data or, without inputs, start and samples are given."""
    if data:
        if samples is not None:
            raise SparsidError("`--samples` is for runs without data; the data says how long.")
        if start is not None and not len(card.inputs):
            raise SparsidError(
                "The model has no inputs to read from data: leave the data out and give "
                "`--start` with `--samples`, or leave `--start` out."
            )
        return
    if len(card.inputs):
        raise SparsidError(
            f"The model has inputs; name data files that hold {', '.join(card.inputs.names)}."
        )
    if start is None or samples is None:
        raise SparsidError("Without data files a run needs `--start` and `--samples`.")
    if given := [f"--{name}" for name, value in options.items() if value is not None]:
        raise SparsidError(f"Without data files leave {', '.join(given)} out.")


def _from_nothing(card, start: str, samples: int):
    """A dataset without inputs whose states rest at `start`."""
    import numpy as np

    from sparsid.data import Dataset

    state = _parse_start(start, card.states.names)
    return Dataset.from_arrays(
        x=[np.tile(state, (samples, 1))],
        dt=card.dt,
        state_names=card.states.names,
        state_units=card.states.units,
    )


def _from_inputs(card, files, start: str, *, columns, time, dt):
    """A dataset whose states rest at `start`, from files that hold inputs only."""
    import numpy as np

    from sparsid.data import Channels, Dataset, match, read
    from sparsid.data.formats import describes_itself

    if any(describes_itself(path) for path in files):
        raise SparsidError("`--start` is for tables of inputs; a NetCDF dataset has first states.")
    state = _parse_start(start, card.states.names)
    # Columns are read as outputs: a dataset has to have something that is observed.
    given = read(
        files,
        outputs=card.inputs.names,
        columns=listed(columns),
        time=time,
        dt=dt if dt is not None or time is not None else card.dt,
    )
    dataset = Dataset.from_arrays(
        x=[np.tile(state, (t.samples, 1)) for t in given],
        u=[t.y for t in given],
        dt=given.dt,
        state_names=card.states.names,
        input_names=card.inputs.names,
        input_units=given.outputs.units,
    )
    fitting, said = match(dataset, card.states, Channels(), card.inputs, card.dt)
    return fitting, [*given.notes, *(note for note in said if card.inputs.names[0] in note)]


def _parse_start(text: str, names: tuple[str, ...]) -> list[float]:
    given = parse_numbers("--start", text)
    if set(given) != set(names):
        raise SparsidError(f"`--start` needs exactly {', '.join(names)}; got {', '.join(given)}.")
    return [given[name] for name in names]
