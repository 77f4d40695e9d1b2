"""The cells of a study of simulators: each is one network or one baseline."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from sparsid.architectures import AbstractArchitecture
from sparsid.identify.phase_spec import PhaseSpec
from sparsid.identify.second_order_spec import SecondOrderSpec
from sparsid.study.cells import hashed_model, hashed_options
from sparsid.study.task import Cell
from sparsid.study.tasks.simulate.datasets import StudyData
from sparsid.study.tasks.simulate.spec import BaselineSpec, ConfigurationSpec, StudySpec

SCHEMA = 3  # of a cell's specification; raise it when equal options give another result


type Phases = tuple[PhaseSpec | SecondOrderSpec, ...]


@dataclass(frozen=True)
class Network:
    """What a cell trains: a network on `size` trajectories, or a baseline without phases."""

    size: int
    seed: int
    model: AbstractArchitecture | None
    phases: Phases
    baseline: BaselineSpec | None
    dtype: str

    def hashed_options(self) -> dict[str, Any]:
        """What the result depends on besides the study, as JSON values."""
        if self.model is None:
            return {"baseline": hashed_options(self.baseline)}
        content: dict[str, Any] = {
            "model": hashed_model(self.model, usual="derivative"),
            "phases": [hashed_options(phase) for phase in self.phases],
        }
        # Marks of options whose meaning has changed; other cells keep their keys.
        if any(getattr(phase, "unit_sphere", None) is not None for phase in self.phases):
            content["thresholds"] = "in their own scale"
        if getattr(self.model, "activation", None) == "binary":
            content["binary"] = "with a narrow slope"
        if getattr(self.model, "stepper", "euler") != "euler":
            content["one_step"] = "through the stepper"  # it used to be Euler for every stepper
        return content


def cells(study: StudySpec, data: StudyData) -> tuple[Cell[Network], ...]:
    """All cells of the study, by configuration, size and seed."""
    sizes = study.data.sizes or (len(data.train),)
    examples = {size: data.train[:size].samples - size for size in sizes}
    return cells_of(study, data.identity, examples)


def cells_of(
    study: StudySpec, identity: Mapping[str, Any], examples: Mapping[int, int]
) -> tuple[Cell[Network], ...]:
    """The same for data of this `identity`.

    `examples` is the number of training examples of each size, for equal numbers of gradient steps.
    """
    most = examples[max(examples)]
    common: dict[str, Any] = {
        "schema": SCHEMA,
        "task": "simulate",
        "data": {name: value for name, value in identity.items() if value is not None},
        "dtype": study.training.dtype,
        "evaluate": hashed_options(study.evaluate),
    }
    if study.training.start != "random":
        common["start"] = study.training.start
    return tuple(
        _cell(c, Network(size, seed, *_training(c, study, most / count)), common)
        for c in study.configuration
        for size, count in examples.items()
        for seed in _seeds(c, study)
    )


def _cell(
    configuration: ConfigurationSpec, network: Network, common: dict[str, Any]
) -> Cell[Network]:
    place = {"size": network.size, "seed": network.seed}
    return Cell(configuration.name, place, {**common, **place, **network.hashed_options()}, network)


def _training(
    c: ConfigurationSpec, study: StudySpec, more: float
) -> tuple[AbstractArchitecture | None, Phases, BaselineSpec | None, str]:
    phases = c.phases
    if study.training.equal_steps:  # second-order iterations use all data
        phases = tuple(p if isinstance(p, SecondOrderSpec) else p.with_effort(more) for p in phases)
    model = None if c.baseline is not None else c.architecture
    return model, phases, c.baseline, study.training.dtype


def _seeds(configuration: ConfigurationSpec, study: StudySpec) -> tuple[int, ...]:
    if configuration.baseline is not None:
        return (0,)
    return tuple(configuration.first_seed + seed for seed in study.training.seeds)
