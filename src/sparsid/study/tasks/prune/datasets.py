"""The records of a study of pruning paths: one each for training, validation and test."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import jax
import numpy as np

from sparsid.architectures import AbstractArchitecture
from sparsid.data import Dataset, Normaliser, Scale, ScaledDataset
from sparsid.identify.prune import pruning_windows
from sparsid.processes import measured, named, simulate
from sparsid.study.spec import observed
from sparsid.study.tasks.prune.spec import PathStudySpec
from sparsid.training.windows import Windows


@dataclass(frozen=True)
class PathData:
    """The three records in one scale; their states are the channels that the models simulate."""

    train: ScaledDataset
    validation: ScaledDataset
    test: ScaledDataset

    @cached_property
    def _cut(self) -> dict[AbstractArchitecture, tuple[Windows, ...]]:
        return {}

    def windows(self, architecture: AbstractArchitecture) -> tuple[Windows, ...]:
        """The windows of each record for the networks of an architecture."""
        if architecture not in self._cut:
            train, validation, test = self.train, self.validation, self.test
            cut = pruning_windows(architecture, train, validation, test)
            self._cut[architecture] = tuple(part for part in cut if part is not None)
        return self._cut[architecture]


def prepare(study: PathStudySpec) -> PathData:
    """The records of a study, simulated with its seed."""
    spec, key = study.data, jax.random.key(study.data.seed)
    records = simulate(named(spec.process), trajectories=3, samples=spec.samples, key=key)
    if observed(study.networks) == "outputs":
        records = records.outputs_as_states()
    scale = _scale(records[:1], spec.scale)
    if spec.noise:
        names = records.states.names
        noise = dict(zip(names, spec.noise * scale.states.scale, strict=True))
        clean, noisy = records, measured(records, noise, key=jax.random.fold_in(key, 1))
        records = replace(clean, trajectories=(*noisy.trajectories[:2], clean.trajectories[2]))
    return PathData(*(scale.apply(records[i : i + 1]) for i in range(3)))


def truth(study: PathStudySpec, data: PathData) -> Dataset:
    """The test record."""
    return data.test.physical


def _scale(train: Dataset, given: Mapping[str, tuple[float, float]]) -> Normaliser:
    fitted = Normaliser.fit(train)

    def own(scale: Scale, names: tuple[str, ...]) -> Scale:
        pairs = zip(scale.offset, scale.scale, strict=True)
        both = [given.get(name, pair) for name, pair in zip(names, pairs, strict=True)]
        offset, width = np.array(both).T
        return Scale(offset, width)

    return replace(
        fitted,
        states=own(fitted.states, train.states.names),
        inputs=own(fitted.inputs, train.inputs.names),
    )
