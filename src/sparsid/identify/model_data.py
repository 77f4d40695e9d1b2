"""Data for a trained model: files with its channels, with its inputs, or a start alone. No JAX."""

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
    """The files' data with the model's channels, and what should be said about it.

    A table says nothing of its sampling time (s) unless asked: then the model's is taken, with a
    note. Raises SparsidError where names, units or sampling time do not fit.
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
    """A dataset whose states rest at `start`, from tables that hold the model's inputs only.

    Raises SparsidError for files that have states of their own, and as `read_for` does.
    """
    if any(describes_itself(path) for path in files):
        raise SparsidError("`--start` is for tables of inputs; a NetCDF dataset has first states.")
    state = _in_order(card, start)
    # Columns are read as outputs: a dataset has to have something that is observed.
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
    """A dataset without inputs whose states rest at `start`, for a model without inputs."""
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
