"""sparsid predict"""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sparsid._errors import SparsidError
from sparsid.cli.computing import use_machine
from sparsid.cli.console import print_line, print_notes
from sparsid.cli.options import DataOut, Model, TableOptions, parse_numbers
from sparsid.cli.outputs import Force, check_outputs

if TYPE_CHECKING:
    from sparsid.architectures import Card
    from sparsid.data import Dataset


def command(
    model: Model,
    to: DataOut,
    data: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="[DATA...]",
            help="Data files, with inputs only if --start is given; none with --samples.",
        ),
    ] = None,
    *,
    tables: TableOptions,
    start: Annotated[
        str | None,
        typer.Option(help="Initial state, as in T1=20,T2=35, for data with inputs only."),
    ] = None,
    samples: Annotated[
        int | None,
        typer.Option(help="Number of samples from --start, for a model without inputs.", min=2),
    ] = None,
    member: Annotated[
        int | None, typer.Option(help="One member's run instead of the median of all.", min=0)
    ] = None,
    force: Force = False,
) -> None:
    """Simulates each record from its first sample under its inputs.

    Writes the median over all members, or the run of one member. A model without inputs needs no
    data, only --start and --samples.

    Example: `sparsid predict plant.sparsid tomorrow.csv --start T1=20,T2=35 --out forecast.csv`
    """
    check_outputs([to], inputs=[model, *(data or ())], force=force)

    from sparsid.architectures import read_file
    from sparsid.data import write
    from sparsid.data.formats import check_written

    check_written(to)
    file = read_file(model)
    if member is not None and member >= file.members:
        raise SparsidError(f"`--member` must be below {file.members}; got {member}.")
    dataset, notes = _dataset(file.card, data or [], start, samples, tables)

    from sparsid.evaluation import forecast
    from sparsid.evaluation.box import box_notes
    from sparsid.evaluation.prediction import predicted
    from sparsid.models import Ensemble

    use_machine()
    ensemble = Ensemble.of_file(file)
    if member is not None:
        ensemble = ensemble.pick([member])
    runs = forecast(ensemble, dataset)
    prediction, ended = predicted(file.card, runs, dataset, model=model.name)
    write(prediction, to)
    print_notes([*notes, *ended, *box_notes(file.card, runs, dataset)])
    print_line(f"Wrote free runs over {len(dataset)} trajectories to {to}.")


def _dataset(
    card: "Card", data: Sequence[Path], start: str | None, samples: int | None, tables: TableOptions
) -> "tuple[Dataset, list[str]]":
    """The data to simulate, and notes. Raises SparsidError for conflicting options."""
    from sparsid.identify.model_data import at_rest, read_for, read_inputs_for

    if not data:
        if len(card.inputs):
            names = ", ".join(card.inputs.names)
            raise SparsidError(f"The model has inputs; give data files with {names}.")
        if start is None or samples is None:
            raise SparsidError("Without data files a run needs `--start` and `--samples`.")
        if given := [f"--{name}" for name, value in vars(tables).items() if value is not None]:
            raise SparsidError(f"{', '.join(given)} needs data files; leave it out.")
        return at_rest(card, parse_numbers("--start", start), samples), []
    if samples is not None:
        raise SparsidError("`--samples` is for runs without data; leave it out with data files.")
    if start is None:
        return read_for(card, data, **tables.given())
    if not len(card.inputs):
        raise SparsidError(
            "The model has no inputs to read from data: give `--start` and `--samples` without "
            "data files, or leave `--start` out."
        )
    return read_inputs_for(card, data, parse_numbers("--start", start), **tables.given())
