"""What `fit` is asked to do, as data: TOML tables or options become these frozen objects."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag

from sparsid._tables import TAGS, Table, parse, read_toml
from sparsid.architectures import AnyArchitecture
from sparsid.identify.descent_spec import DescentSpec
from sparsid.identify.phase_spec import PhaseSpec


class DataSpec(Table):
    """[data]: files and columns, and what is kept back for validation and test.

    The share is of the trajectories where there are at least five, else of each one's time. Files
    of their own for validation or test replace the share.
    """

    files: tuple[str, ...]
    states: tuple[str, ...] | None = None
    outputs: tuple[str, ...] | None = None
    inputs: tuple[str, ...] | None = None
    columns: tuple[str, ...] | None = None
    time: str | None = None
    dt: float | None = None
    validation_share: float = Field(default=0.2, ge=0, lt=1)
    test_share: float = Field(default=0.2, ge=0, lt=1)
    validation_files: tuple[str, ...] = ()
    test_files: tuple[str, ...] = ()


class TrainingSpec(Table):
    """[training]: how many members, from which seed, by which recipe.

    With phases of its own the recipe is "custom"; `start = "linear"` plants the linear model.
    """

    recipe: Literal["auto", "one-step", "free-run", "readable", "dense"] = "auto"
    members: int = Field(default=10, ge=1)
    seed: int = Field(default=0, ge=0, lt=2**63)
    effort: float = Field(default=1.0, gt=0)
    start: Literal["random", "linear"] = "random"
    keep_best: bool = True


def _way(phase: Any) -> str:
    """Which way of training a [[phase]] table or object is."""
    if isinstance(phase, dict):
        return TAGS[1] if {"method", "iterations"} & phase.keys() else TAGS[0]
    return TAGS[1] if isinstance(phase, DescentSpec) else TAGS[0]


AnyPhaseSpec = Annotated[
    Annotated[PhaseSpec, Tag(TAGS[0])] | Annotated[DescentSpec, Tag(TAGS[1])],
    Discriminator(_way),
]


class FitSpec(Table):
    """The whole of it: [data], [model], [training], [[phase]]."""

    data: DataSpec
    model: AnyArchitecture | None = None
    training: TrainingSpec = TrainingSpec()
    phase: tuple[AnyPhaseSpec, ...] = ()
    out: str | None = None


def read_spec(path: str | Path) -> FitSpec:
    """The specification in a TOML file; its file names are relative to it."""
    path = Path(path)
    spec = parse(FitSpec, read_toml(path), str(path))
    data = spec.data
    beside = {
        name: tuple(str(path.parent / file) for file in getattr(data, name))
        for name in ("files", "validation_files", "test_files")
    }
    out = None if spec.out is None else str(path.parent / spec.out)
    return spec.model_copy(update={"data": data.model_copy(update=beside), "out": out})
