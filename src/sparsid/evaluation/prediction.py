"""The prediction of an ensemble: the median of its members' free runs, as a dataset."""

import numpy as np
from jaxtyping import Float

from sparsid.data import Dataset
from sparsid.data.median import median_run
from sparsid.evaluation.forecast import finite_lengths
from sparsid.models import Card


def predicted(
    card: Card,
    runs: Float[np.ndarray, "member trajectory T n"],
    dataset: Dataset,
    *,
    model: str,
) -> tuple[Dataset, list[str]]:
    """The median of the members' runs over `dataset`, and notes for the user.

    A run ends before its first NaN or infinite sample. `model` is stored in the attributes.
    """
    median = median_run(runs)
    ends = finite_lengths(median, dataset.lengths)
    notes = [
        f"The run over trajectory {i} became NaN or infinite at sample {end} and ends there."
        for i, (end, n) in enumerate(zip(ends, dataset.lengths, strict=True))
        if end < n
    ]
    found = Dataset.from_arrays(
        x=[run[:end] for run, end in zip(median, ends, strict=True)],
        u=[t.u[:end] for t, end in zip(dataset, ends, strict=True)],
        dt=card.dt,
        state_names=card.states.names,
        input_names=card.inputs.names,
        state_units=card.states.units,
        input_units=card.inputs.units,
        attributes={"model": model, "kind": "free run"},
    )
    return found, notes
