"""Simulated arrays as a Dataset: trajectories end before their first NaN or infinite value."""

from collections.abc import Sequence

import numpy as np

from sparsid._errors import SparsidError
from sparsid._types import Batch
from sparsid.data import Channels, Dataset
from sparsid.processes.base import AbstractProcess


def to_dataset(
    process: AbstractProcess,
    integrated: tuple[Batch, Batch, Batch],
    lengths: Sequence[int],
    *,
    dt: float,
    method: str,
    notes: Sequence[str] = (),
) -> Dataset:
    """The finite part of every trajectory (x, y, u), with a note on each that is truncated.

    Raises SparsidError if fewer than two samples of a trajectory are finite.
    """
    kept = [_finite_rows(*(a[i, :length] for a in integrated)) for i, length in enumerate(lengths)]
    truncated = [
        _truncation_note(i, finite, length, dt)
        for i, (finite, length) in enumerate(zip(kept, lengths, strict=True))
        if finite < length
    ]
    x, y, u = ([r[:n] for r, n in zip(array, kept, strict=True)] for array in integrated)
    return Dataset.from_arrays(
        x,
        y,
        u,
        dt=dt,
        state_names=process.states.names,
        output_names=process.outputs.names,
        input_names=process.inputs.names,
        state_units=process.states.units,
        output_units=process.outputs.units,
        input_units=process.inputs.units,
        notes=(*notes, *truncated),
        attributes={
            "process": process.name,
            "settings": repr(process),
            "method": method,
            "reference": process.facts.reference,
        },
    )


def _finite_rows(*records: np.ndarray) -> int:
    """The number of rows before the first one with a NaN or infinite value in any record."""
    bad = ~np.concatenate([np.isfinite(record) for record in records], axis=1).all(axis=1)
    return int(bad.argmax()) if bad.any() else len(bad)


def _truncation_note(i: int, finite: int, length: int, dt: float) -> str:
    """A note on a trajectory that became NaN or infinite; raises if fewer than 2 rows remain."""
    when = f"sample {finite} of {length} ({finite * dt:g} s)"
    if finite < 2:
        raise SparsidError(
            f"Trajectory {i} became NaN or infinite at {when}, and a trajectory needs at least 2 "
            "samples: use a smaller `dt`, another initial state or another key."
        )
    return f"Trajectory {i} became NaN or infinite at {when}; the {finite} samples before are kept."


def check_channels(process_name: str, what: str, own: Channels, given: Channels) -> list[str]:
    """Names of the given channels without a stated unit.

    Raises SparsidError if names or stated units differ from those of the process.
    """
    if sorted(own.names) != sorted(given.names):
        raise SparsidError(
            f"The process {process_name} has the {what} {', '.join(own.names)}; the data has "
            f"{', '.join(given.names) or 'none'}."
        )
    units = dict(zip(given.names, given.units, strict=True))
    for name, unit in zip(own.names, own.units, strict=True):
        if units[name] not in (None, unit):
            raise SparsidError(
                f"The process {process_name} has {name} in {unit}; the data has it in "
                f"{units[name]}: convert it first."
            )
    return [name for name in own.names if units[name] is None]
