"""Cells: one network, or one baseline, each; named by the digest of all that it depends on."""

import fnmatch
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from pydantic import BaseModel

from sparsid._errors import SparsidError
from sparsid.identify.phase_spec import PhaseSpec
from sparsid.models import DerivativeMLP
from sparsid.results import digest
from sparsid.study.tasks.simulate.spec import BaselineSpec, ConfigurationSpec, StudySpec

SCHEMA = 3  # of the specification below: raise it when the same words come to mean another result


@dataclass(frozen=True)
class Cell:
    """One network to train and judge, or one baseline (which has no phases and the seed 0)."""

    name: str  # of the configuration: not part of the specification
    size: int  # training trajectories
    seed: int
    model: DerivativeMLP | None
    phases: tuple[PhaseSpec, ...]
    baseline: BaselineSpec | None
    common: Mapping[str, Any] = field(repr=False)  # what all cells of the study share

    @cached_property
    def specification(self) -> dict[str, Any]:
        """All that the result depends on, in JSON's terms."""
        if self.baseline is not None:
            own: dict[str, Any] = {"baseline": told(self.baseline)}
        else:
            phases = [told(phase) for phase in self.phases]
            own = {"model": told(self.model), "phases": phases}
            # What has since come to mean another result; other cells keep their names.
            if any(phase.unit_sphere is not None for phase in self.phases):
                own["thresholds"] = "in their own scale"
            if self.model is not None and self.model.activation == "binary":
                own["binary"] = "with a narrow slope"
            if self.model is not None and self.model.stepper != "euler":
                own["one_step"] = "through the stepper"  # it once was Euler's whatever the stepper
        return {**self.common, "size": self.size, "seed": self.seed, **own}

    @cached_property
    def key(self) -> str:
        return digest(self.specification)


def plain(spec: BaseModel | None) -> dict[str, Any]:
    """A table in JSON's terms; what is not set is left out."""
    return {} if spec is None else spec.model_dump(mode="json", exclude_none=True)


def told(spec: BaseModel | None) -> dict[str, Any]:
    """What a table says beyond the defaults, so that keys added later rename no cell.

    Who changes a default raises SCHEMA.
    """
    return {} if spec is None else spec.model_dump(mode="json", exclude_defaults=True)


def cells_of(
    study: StudySpec,
    identity: Mapping[str, Any],
    sizes: Sequence[int],
    examples: Mapping[int, int] | None = None,
) -> tuple[Cell, ...]:
    """All cells of the study, configuration by configuration, then size, then seed.

    `examples` counts those of each size, for equal numbers of gradient steps; by default
    trajectories are of one length.
    """
    count = examples or {size: size for size in sizes}
    more = {size: count[max(sizes)] / count[size] for size in sizes}
    common = {
        "schema": SCHEMA,
        "task": "simulate",
        "data": {name: value for name, value in identity.items() if value is not None},
        "dtype": study.training.dtype,
        "evaluate": told(study.evaluate),
    }
    if study.training.start != "random":
        common["start"] = study.training.start
    return tuple(
        Cell(c.name, size, seed, _model(c), _phases(c, more[size], study), c.baseline, common)
        for c in study.configuration
        for size in sizes
        for seed in _seeds(c, study)
    )


def _seeds(configuration: ConfigurationSpec, study: StudySpec) -> tuple[int, ...]:
    if configuration.baseline is not None:
        return (0,)
    return tuple(configuration.first_seed + seed for seed in study.training.seeds)


def _phases(
    configuration: ConfigurationSpec, more: float, study: StudySpec
) -> tuple[PhaseSpec, ...]:
    if not study.training.equal_steps:
        return configuration.phases
    return tuple(phase.with_effort(more) for phase in configuration.phases)


def _model(configuration: ConfigurationSpec) -> DerivativeMLP | None:
    if configuration.baseline is not None:
        return None
    return configuration.model or DerivativeMLP()


def selected(names: Sequence[str], only: str | None) -> frozenset[str]:
    """Those of the names that fit one of the patterns, given by commas ("Dense,L1*").

    None takes all; what is a name, commas and all, is that one. Raises SparsidError for a pattern
    that fits none.
    """
    if only is None:
        return frozenset(names)
    if only in names:
        return frozenset([only])
    patterns = [part.strip() for part in only.split(",") if part.strip()]
    fitting = {p: [n for n in names if fnmatch.fnmatchcase(n, p)] for p in patterns}
    odd = [pattern for pattern, found in fitting.items() if not found]
    if odd or not patterns:
        raise SparsidError(
            f"`--only` takes names or patterns of configurations by commas, of which each must fit "
            f"one; got {(odd or [only])[0]!r}, and the study has {', '.join(names)}."
        )
    return frozenset(name for found in fitting.values() for name in found)
