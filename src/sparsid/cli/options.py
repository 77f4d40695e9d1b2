"""Options that several verbs share, how data is read for a model, and what is said of both."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sparsid._errors import SparsidError

if TYPE_CHECKING:
    import numpy as np

    from sparsid.architectures import Card
    from sparsid.data import Dataset

Files = Annotated[
    list[Path],
    typer.Argument(
        metavar="DATA...",
        help="Data files; a table is one trajectory, or several by its column 'trajectory'.",
    ),
]
Model = Annotated[Path, typer.Argument(metavar="MODEL", help="A model file.")]
Columns = Annotated[
    str | None, typer.Option(help="Names of the columns of a table without header, by commas.")
]
Time = Annotated[str | None, typer.Option(help="The time column of a table, in s or as dates.")]
Dt = Annotated[float | None, typer.Option(help="Sampling time in s.")]
Seed = Annotated[int, typer.Option(help="Seed of everything random.", min=0, max=2**63 - 1)]


def listed(names: str | None) -> tuple[str, ...] | None:
    """Names given by commas; None if none were given."""
    if names is None:
        return None
    return tuple(name.strip() for name in names.split(",") if name.strip())


def read_for(
    card: "Card",
    files: Sequence[Path],
    *,
    columns: str | None,
    time: str | None,
    dt: float | None,
) -> "tuple[Dataset, list[str]]":
    """The files' data with the model's channels, and what should be said about it.

    A table says nothing of its sampling time unless asked: then the model's is taken, aloud.
    Raises SparsidError where names, units or sampling time do not fit.
    """
    from sparsid.data import match_model, read
    from sparsid.data.formats import describes_itself

    notes: list[str] = []
    if all(describes_itself(path) for path in files):
        dataset = read(files, dt=dt)
    else:
        if dt is None and time is None:
            dt = card.dt
            notes.append(f"The sampling time of the model, {dt:g} s, is assumed for the data.")
        dataset = read(
            files,
            states=card.states.names,
            inputs=card.inputs.names,
            columns=listed(columns),
            time=time,
            dt=dt,
        )
    observes = card.architecture.observes
    fitting, said = match_model(dataset, observes, card.states, card.inputs, card.dt)
    return fitting, [*notes, *dataset.notes, *said]


def parse_numbers(option: str, text: str) -> dict[str, float]:
    """name=value pairs by commas. Raises SparsidError for anything else."""
    try:
        pairs = [pair.split("=") for pair in text.split(",")]
        return {name.strip(): float(value) for name, value in pairs}
    except ValueError:
        raise SparsidError(
            f"`{option}` takes name=value by commas, as in T1=20; got {text!r}."
        ) from None


def box_notes(card: "Card", runs: "np.ndarray", dataset: "Dataset") -> list[str]:
    """Sentences on runs, and on inputs of the data, that leave the box of the training data."""
    from sparsid.evaluation import box_exits

    told = [box_exits(runs, card.box["states"]).sentence(card.states.names, card.dt)]
    if len(card.inputs):
        _, _, u = dataset.padded()
        inputs = box_exits(u, card.box["inputs"])
        told += [inputs.sentence(card.inputs.names, card.dt, what="records of inputs")]
    return [sentence for sentence in told if sentence]


def parse_horizons(text: str | None, longest: int) -> list[int]:
    """Horizons given by commas; by default the published ones that fit, and the whole record."""
    if text is None:
        return sorted({h for h in (100, 1000, 2500, 5000) if h <= longest} | {longest})
    try:
        return [int(part) for part in text.split(",")]
    except ValueError:
        raise SparsidError(
            f"`--horizons` takes whole numbers of samples by commas, as in 100,1000; got {text!r}."
        ) from None
