"""The data of a study: simulated from a seed, or read from files."""

from dataclasses import dataclass
from typing import Any

import jax
import numpy as np
from jaxtyping import Int

from sparsid._errors import SparsidError
from sparsid.data import Dataset
from sparsid.identify.parts import Parts, read_parts, without_constant_inputs
from sparsid.processes import named, simulate
from sparsid.study.spec import observed
from sparsid.study.tasks.simulate.spec import StudySpec


@dataclass(frozen=True)
class StudyData:
    """Training, validation and test data, and long test trajectories if the study has any.

    `identity` names the data in every cell's specification: the process, counts and seed, or the
    digests of the files' contents (a path does not tell whether a file has changed).
    """

    train: Dataset
    validation: Dataset
    test: Dataset
    long: Dataset | None
    identity: dict[str, Any]
    notes: tuple[str, ...] = ()
    monitored: bool = True  # False: no validation data; `validation` is the training part

    @property
    def shown_index(self) -> Int[np.ndarray, " points"]:
        """Stored samples of a run: at most 251, evenly spaced, with the first and the last."""
        longest = max(self.test.lengths)
        return np.unique(np.linspace(0, longest - 1, min(longest, 251)).astype(int))


def prepare(study: StudySpec) -> StudyData:
    """Simulates or reads the study's data. Raises SparsidError if they are too short or too few."""
    data = _simulated(study) if study.data.process is not None else _read(study)
    longest = max(data.test.lengths)
    if study.evaluate.horizons[-1] > longest:
        raise SparsidError(
            f"`horizons` must be at most {longest} (the longest test trajectory); "
            f"got {study.evaluate.horizons[-1]}."
        )
    if study.data.sizes and study.data.sizes[-1] > len(data.train):
        raise SparsidError(
            f"`sizes` must be at most {len(data.train)} (the training trajectories); "
            f"got {study.data.sizes[-1]}."
        )
    return data


def _simulated(study: StudySpec) -> StudyData:
    spec, evaluate = study.data, study.evaluate
    process = named(spec.process or "")
    keys = jax.random.split(jax.random.key(spec.seed), 4)

    outputs = observed(study.networks) == "outputs"

    def draw(trajectories: int, samples: int, key) -> Dataset:
        drawn = simulate(process, trajectories=trajectories, samples=samples, dt=spec.dt, key=key)
        return drawn.outputs_as_states() if outputs else drawn

    counts = (spec.train, spec.validation, spec.test)
    train, validation, test = (draw(n, spec.samples, keys[i]) for i, n in enumerate(counts))
    long = None
    if evaluate.long_samples:
        long = draw(evaluate.long_trajectories, evaluate.long_samples, keys[3])
    names = ("process", "train", "validation", "test", "samples", "dt", "seed")
    identity = {name: getattr(spec, name) for name in names}
    notes = [n for part in (train, validation, test, long) if part is not None for n in part.notes]
    return StudyData(train, validation, test, long, identity, tuple(dict.fromkeys(notes)))


def _read(study: StudySpec) -> StudyData:
    if study.evaluate.long_samples:
        raise SparsidError(
            "`long_samples` needs a `process` that can be simulated; set it to 0 for data from "
            "files."
        )
    parts, notes = without_constant_inputs(read_parts(study.data))
    test = _present(parts)
    identity = {
        "train": parts.train.digest(),
        "validation": parts.validation.digest(),
        "test": test.digest(),
    }
    monitored = parts.chooses == "validation"
    return StudyData(parts.train, parts.validation, test, None, identity, notes, monitored)


def _present(parts: Parts) -> Dataset:
    if parts.test is None:
        raise SparsidError("A study needs test data: `test_share` above 0, or `test_files`.")
    return parts.test


def truth(study: StudySpec, data: StudyData) -> Dataset:
    """The test trajectories for which rows store runs."""
    return data.test[: study.evaluate.shown]
