"""Specifications of `fit`: frozen objects from TOML tables or options."""

from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Discriminator, Field, Tag, field_validator, model_validator

from sparsid._errors import SparsidError
from sparsid._registry import unknown
from sparsid._tables import TAGS, Table, parse, read_toml
from sparsid.architectures import AbstractArchitecture, AnyArchitecture, default_for
from sparsid.architectures.capabilities import check_linear_start, check_serves
from sparsid.identify.kinds import AUTO, RECIPES
from sparsid.identify.phase_spec import PhaseSpec
from sparsid.identify.second_order_spec import SecondOrderSpec


class DataSpec(Table):
    """[data]: files and columns, and what is held out for validation and test.

    Both shares are of the complete data: of the trajectories if there are at least five, else of
    the time of each. Separate files for validation or test replace the share.
    """

    files: tuple[str, ...] = Field(description="CSV, Parquet or NetCDF, relative to this file")
    states: tuple[str, ...] | None = Field(
        default=None, description="columns of measured states, to be simulated"
    )
    outputs: tuple[str, ...] | None = Field(
        default=None,
        description="columns of outputs, to be simulated instead of `states`",
    )
    inputs: tuple[str, ...] | None = Field(default=None, description="columns of inputs")
    columns: tuple[str, ...] | None = Field(
        default=None, description="names of the columns, for files without a header"
    )
    time: str | None = Field(default=None, description="the column of time")
    dt: float | None = Field(
        default=None,
        description="sampling time in s",
        json_schema_extra={"default": "from the time column"},
    )
    validation_share: float = Field(
        default=0.2, ge=0, lt=1, description="share of the data held out for validation"
    )
    test_share: float = Field(
        default=0.2,
        ge=0,
        lt=1,
        description="share of the data held out for the test; both shares together are below 1",
    )
    validation_files: tuple[str, ...] = Field(
        default=(), description="separate files for validation, which replace the share"
    )
    test_files: tuple[str, ...] = Field(
        default=(), description="separate files for the test, which replace the share"
    )

    @model_validator(mode="after")
    def _leaves_something(self) -> Self:
        check_shares(
            0.0 if self.validation_files else self.validation_share,
            0.0 if self.test_files else self.test_share,
        )
        return self


def check_shares(validation: float, test: float) -> None:
    """Raises SparsidError for shares that leave nothing to train on."""
    if not (validation >= 0 and test >= 0 and validation + test < 1):
        raise SparsidError(
            "The shares held out for validation and test must be at least 0 and together less "
            f"than 1, to leave training data; got {validation:g} and {test:g}."
        )


class TrainingSpec(Table):
    """[training]: number of members, seed and recipe.

    With user-defined phases the recipe is "custom"; `start = "linear"` starts from the linear
    model.
    """

    recipe: str = AUTO
    members: int = Field(default=10, ge=1)
    seed: int = Field(default=0, ge=0, lt=2**63)
    effort: float = Field(default=1.0, gt=0)
    start: Literal["random", "linear"] = "random"
    keep_best: bool = True

    @field_validator("recipe")
    @classmethod
    def _known(cls, name: str) -> str:
        if name != AUTO and name not in RECIPES:
            raise SparsidError(unknown("recipe", name, [AUTO, *RECIPES]))
        return name


def _phase_tag(phase: Any) -> str:
    """The tag of a [[phase]] table or object: training by epochs or second order."""
    if isinstance(phase, dict):
        return TAGS[1] if {"method", "iterations"} & phase.keys() else TAGS[0]
    return TAGS[1] if isinstance(phase, SecondOrderSpec) else TAGS[0]


def _second_order_by_default(phase: Any) -> str:
    """The same; a table without `epochs` is second order."""
    if isinstance(phase, dict):
        return TAGS[0] if "epochs" in phase else TAGS[1]
    return _phase_tag(phase)


_Phases = Annotated[PhaseSpec, Tag(TAGS[0])] | Annotated[SecondOrderSpec, Tag(TAGS[1])]

AnyPhaseSpec = Annotated[_Phases, Discriminator(_phase_tag)]
AnySecondOrderFirst = Annotated[_Phases, Discriminator(_second_order_by_default)]


class FitSpec(Table):
    """A complete specification of `fit`: [data], [model], [training], [[phase]]."""

    data: DataSpec
    model: AnyArchitecture | None = None
    training: TrainingSpec = TrainingSpec()
    phase: tuple[AnyPhaseSpec, ...] = ()
    out: str | None = None

    @property
    def architecture(self) -> AbstractArchitecture | None:
        """The requested model; without one, the default for outputs if these are named."""
        if self.model is None and self.data.outputs:
            return default_for("outputs")
        return self.model

    @model_validator(mode="after")
    def _named_outputs(self) -> Self:
        if self.model is not None and self.model.observes == "outputs" and not self.data.outputs:
            raise SparsidError("A recurrent model simulates outputs; name them (outputs = [...]).")
        return self

    @model_validator(mode="after")
    def _served(self) -> Self:
        for phase in self.phase:
            check_serves(self.architecture or default_for("states"), phase)
        if self.phase and self.training.start == "linear" and self.architecture is not None:
            check_linear_start(self.architecture)
        return self


def read_spec(path: str | Path) -> FitSpec:
    """The specification in a TOML file, whose paths are relative to that file."""
    path = Path(path)
    spec = parse(FitSpec, read_toml(path), str(path))
    data = spec.data
    resolved = {
        name: tuple(str(path.parent / file) for file in getattr(data, name))
        for name in ("files", "validation_files", "test_files")
    }
    out = None if spec.out is None else str(path.parent / spec.out)
    return spec.model_copy(update={"data": data.model_copy(update=resolved), "out": out})
