"""Several trajectories in one table: blocks of rows with equal value in the column trajectory."""

from collections.abc import Callable
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np

from sparsid._errors import SparsidError

if TYPE_CHECKING:
    import pandas as pd

TRAJECTORY = "trajectory"
_REMEDY = "sort the rows by it, or rename the column if it numbers something else"


def blocks(column: "pd.Series", place: Callable[[int], str]) -> list[slice]:
    """The rows of each trajectory. `place(k)` names row k in messages.

    Raises SparsidError for missing values, a value that reappears, or blocks of one row.
    """
    missing = np.flatnonzero(column.isna())
    if len(missing):
        raise SparsidError(
            f"The column {TRAJECTORY} must name the trajectory of each row; "
            f"{place(int(missing[0]))} a value is missing: fill it in, or rename the column."
        )
    values = column.to_numpy()
    starts = (np.flatnonzero(values[1:] != values[:-1]) + 1).tolist()
    seen = set()
    for start, stop in (parts := list(pairwise([0, *starts, len(values)]))):
        if values[start] in seen:
            raise SparsidError(
                f"The column {TRAJECTORY} must keep the rows of a trajectory together; "
                f"{place(start)} {values[start]} reappears: {_REMEDY}."
            )
        if stop - start < 2:
            raise SparsidError(
                f"A trajectory needs at least 2 samples; by the column {TRAJECTORY}, that "
                f"{place(start)} has 1: {_REMEDY}."
            )
        seen.add(values[start])
    return [slice(start, stop) for start, stop in parts]


def details(name: str, parts: int) -> list[str]:
    """Notes for the user on the table `name`."""
    if parts == 1:
        return []
    return [f"{name} is read as {parts} trajectories, which its column {TRAJECTORY} numbers."]
