"""Data for a trained model: files with all channels, inputs only, or an initial state. No JAX."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from sparsid._errors import SparsidError
from sparsid.architectures import Card
from sparsid.data import Channels, Dataset, match, match_model, read
from sparsid.data.formats import describes_itself


def read_for(
    card: Card,
    files: Sequence[Path],
    *,
    columns: Sequence[str] | None = None,
    time: str | None = None,
    dt: float | None = None,
) -> tuple[Dataset, list[str]]:
    """The files' data with the model's channels, and notes for the user.

    Without `dt` and `time`, tables are assumed to have the model's sampling time, with a note.
    Raises SparsidError if names, units or sampling time do not match.
    """
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
            columns=columns,
            time=time,
            dt=dt,
        )
    observes = card.architecture.observes
    fitting, content = match_model(dataset, observes, card.states, card.inputs, card.dt)
    return fitting, [*notes, *dataset.notes, *content]


def read_inputs_for(
    card: Card,
    files: Sequence[Path],
    start: Mapping[str, float],
    *,
    columns: Sequence[str] | None = None,
    time: str | None = None,
    dt: float | None = None,
) -> tuple[Dataset, list[str]]:
    """A dataset with the constant state `start`, from tables of the model's inputs.

    Raises SparsidError for self-describing files, which have states, and as `read_for` does.
    """
    if any(describes_itself(path) for path in files):
        raise SparsidError("`--start` is for tables of inputs; NetCDF datasets have states.")
    state = _in_order(card, start)
    # Columns are read as outputs: a dataset needs states or outputs.
    given = read(
        files,
        outputs=card.inputs.names,
        columns=columns,
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
    fitting, content = match(dataset, card.states, Channels(), card.inputs, card.dt)
    return fitting, [*given.notes, *(note for note in content if card.inputs.names[0] in note)]


def at_rest(card: Card, start: Mapping[str, float], samples: int) -> Dataset:
    """A dataset with the constant state `start`, for a model without inputs."""
    return Dataset.from_arrays(
        x=[np.tile(_in_order(card, start), (samples, 1))],
        dt=card.dt,
        state_names=card.states.names,
        state_units=card.states.units,
    )


def _in_order(card: Card, start: Mapping[str, float]) -> list[float]:
    names = card.states.names
    if set(start) != set(names):
        raise SparsidError(f"`--start` needs exactly {', '.join(names)}; got {', '.join(start)}.")
    return [start[name] for name in names]
