"""A dataset as one pandas DataFrame, for the formats that write tables."""

from typing import TYPE_CHECKING

import numpy as np

from sparsid.data.dataset import Dataset
from sparsid.data.io.blocks import TRAJECTORY
from sparsid.data.io.headings import with_unit
from sparsid.data.kinds import KINDS

if TYPE_CHECKING:
    import pandas as pd


def as_frame(dataset: Dataset) -> "pd.DataFrame":
    """Columns trajectory, time, states, outputs and inputs, with the unit in the heading.

    Duplicate names are prefixed with their kind: "state T [K]" and "output T [K]".
    """
    import pandas as pd

    lengths = dataset.lengths
    data: dict[str, np.ndarray] = {
        TRAJECTORY: np.repeat(np.arange(len(dataset)), lengths),
        "time [s]": np.concatenate([np.arange(n) for n in lengths]) * dataset.dt,
    }
    taken = [TRAJECTORY, "time", *(n for kind in KINDS for n in dataset.channels(kind).names)]
    for kind in KINDS:
        channels = dataset.channels(kind)
        for at, (name, unit) in enumerate(zip(channels.names, channels.units, strict=True)):
            own = name if taken.count(name) == 1 else f"{kind.singular} {name}"
            data[with_unit(own, unit)] = np.concatenate([t.values(kind)[:, at] for t in dataset])
    return pd.DataFrame(data)
