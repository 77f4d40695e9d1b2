"""The file of long free runs that left the box of the training data."""

import csv
import io
from collections.abc import Iterator
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from sparsid.study.results import StudyResults

EXITS = "long_exits.csv"
HEADER = "configuration,size,seed,trajectory,sample,time_s,state,diverged"


def exits_csv(results: "StudyResults") -> str | None:
    """One line per run: when and in which state it left the box; None without long runs."""
    if not any(found.has(lambda s: s.long) for found in results.configurations):
        return None
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([HEADER.split(","), *_exits(results)])
    return text.getvalue()


def _exits(results: "StudyResults") -> Iterator[tuple[object, ...]]:
    for found in results.configurations:
        if not found.has(lambda s: s.long):
            continue
        sample = found.series(lambda s: s.long and s.long.exit_sample)
        state = found.series(lambda s: s.long and s.long.exit_state)
        diverged = found.series(lambda s: s.long and s.long.diverged)
        for at, run in zip(*(sample >= 0).nonzero(), strict=True):
            when, what = int(sample[at, run]), results.states[int(state[at, run])]
            seed, time = found.seeds[at], f"{when * results.dt:g}"
            yield found.name, found.size, seed, run, when, time, what, int(diverged[at, run])
