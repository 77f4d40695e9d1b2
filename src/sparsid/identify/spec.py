"""What `fit` is asked to do, as data: TOML tables or options become these frozen objects."""

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
    """[data]: files and columns, and what is kept back for validation and test.

    Both shares are of the whole: of the trajectories where there are at least five, else of each
    one's time. Files of their own for validation or test replace the share.
    """

    files: tuple[str, ...] = Field(description="CSV, Parquet or NetCDF, relative to this file")
    states: tuple[str, ...] | None = Field(
        default=None, description="columns of measured states, which networks simulate"
    )
    outputs: tuple[str, ...] | None = Field(
        default=None,
        description="columns of outputs, to be simulated as if they were states; instead of "
        "`states`",
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
        default=0.2, ge=0, lt=1, description="kept back for validation, of the whole data"
    )
    test_share: float = Field(
        default=0.2,
        ge=0,
        lt=1,
        description="kept back for the test, of the whole data; both together leave some to train "
        "on",
    )
    validation_files: tuple[str, ...] = Field(
        default=(), description="files of their own for validation, which replace the share"
    )
    test_files: tuple[str, ...] = Field(
        default=(), description="files of their own for the test, which replace the share"
    )

    @model_validator(mode="after")
    def _leaves_something(self) -> Self:
        check_shares(
            0.0 if self.validation_files else self.validation_share,
            0.0 if self.test_files else self.test_share,
        )
        return self


def check_shares(validation: float, test: float) -> None:
    """Raises SparsidError for shares of the whole that leave nothing to train on."""
    if not (validation >= 0 and test >= 0 and validation + test < 1):
        raise SparsidError(
            "The shares kept back for validation and test are of the whole data and must leave "
            f"some to train on: together less than 1; got {validation:g} and {test:g}."
        )


class TrainingSpec(Table):
    """[training]: how many members, from which seed, by which recipe.

    With phases of its own the recipe is "custom"; `start = "linear"` plants the linear model.
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


def _way(phase: Any) -> str:
    """Which way of training a [[phase]] table or object is."""
    if isinstance(phase, dict):
        return TAGS[1] if {"method", "iterations"} & phase.keys() else TAGS[0]
    return TAGS[1] if isinstance(phase, SecondOrderSpec) else TAGS[0]


def _way_of_free_runs(phase: Any) -> str:
    """The same where a table that does not tell is second order."""
    if isinstance(phase, dict):
        return TAGS[0] if "epochs" in phase else TAGS[1]
    return _way(phase)


_Phases = Annotated[PhaseSpec, Tag(TAGS[0])] | Annotated[SecondOrderSpec, Tag(TAGS[1])]

AnyPhaseSpec = Annotated[_Phases, Discriminator(_way)]
AnySecondOrderFirst = Annotated[_Phases, Discriminator(_way_of_free_runs)]


class FitSpec(Table):
    """The whole of it: [data], [model], [training], [[phase]]."""

    data: DataSpec
    model: AnyArchitecture | None = None
    training: TrainingSpec = TrainingSpec()
    phase: tuple[AnyPhaseSpec, ...] = ()
    out: str | None = None

    @property
    def architecture(self) -> AbstractArchitecture | None:
        """The model asked for; where outputs are named without one, the default for outputs."""
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
