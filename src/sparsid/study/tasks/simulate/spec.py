"""Specification of a study of simulators: many configurations on the data of one plant."""

from collections.abc import Iterator
from typing import Literal

from pydantic import Field

from sparsid._tables import Table
from sparsid.architectures import AbstractArchitecture, AnyArchitecture, DerivativeMLP
from sparsid.identify.spec import AnyPhaseSpec, DataSpec
from sparsid.study.spec import (
    AbstractStudySpec,
)


class StudyDataSpec(DataSpec):
    """[data]: a built-in process to simulate, or files as in `fit`.

    `train`, `validation` and `test` are numbers of simulated trajectories of `samples` each. With
    `sizes` each configuration is trained on the first n training trajectories, for each n; scores
    are still scaled by the complete training set, so that rows are comparable.
    """

    files: tuple[str, ...] = Field(
        default=(), description="CSV, Parquet or NetCDF, relative to the study's file"
    )
    process: str | None = Field(
        default=None, description="a built-in plant to simulate; `sparsid processes` lists them"
    )
    train: int = Field(default=40, ge=1, description="simulated trajectories to train on")
    validation: int = Field(default=40, ge=1, description="simulated trajectories for validation")
    test: int = Field(default=40, ge=1, description="simulated trajectories for the test")
    samples: int = Field(default=5000, ge=2, description="samples of each trajectory")
    dt: float | None = Field(
        default=None,
        gt=0,
        description="sampling time in s",
        json_schema_extra={"default": "the process's, or from the time column"},
    )
    seed: int = Field(default=0, ge=0, lt=2**63, description="seed of the simulated data")
    sizes: tuple[int, ...] = Field(
        default=(),
        description="train on the first n trajectories, for each n",
        json_schema_extra={"type": "increasing integers"},
    )
    test_share: float = Field(
        default=0.2,
        gt=0,
        lt=1,
        description="share of all data for the test; with `validation_share` below 1",
    )


class EvaluateSpec(Table):
    """[evaluate]: horizons in samples; runs over the first `shown` test trajectories are stored.

    With `long_samples` > 0 every model also simulates separate test trajectories of that length.
    Errors are in standard deviations of the states over the training set, or with `scale = "test"`
    over the test set.
    """

    scale: Literal["train", "test"] = Field(
        default="train",
        description="the set whose standard deviations are the unit of errors",
    )
    horizons: tuple[int, ...] = Field(
        default=(100, 1000, 2500, 5000),
        min_length=1,
        description="horizons of free runs in samples",
        json_schema_extra={"type": "increasing integers"},
    )
    long_samples: int = Field(
        default=0,
        ge=0,
        description="if above 0, every model also simulates separate trajectories of that length "
        "(with a `process` only)",
    )
    long_trajectories: int = Field(default=40, ge=1, description="number of these trajectories")
    shown: int = Field(
        default=3, ge=1, description="test trajectories whose runs are stored and drawn"
    )


class BaselineSpec(Table):
    """baseline = {kind = "sindy", library = "quadratic", threshold = 1e-3}: not a network."""

    kind: Literal["sindy"] = Field(
        description="a sparse polynomial by PySINDy (`pip install 'sparsid[sindy]'`)"
    )
    library: Literal["linear", "quadratic"] = Field(default="quadratic", description="its terms")
    threshold: float = Field(
        default=1e-3, ge=0, description="smaller coefficients, in scaled units, are set to zero"
    )


class ConfigurationSpec(Table):
    """[[configuration]]: an architecture and its phases, or a baseline.

    `departure` describes known differences from the published row of the same name; `pair` names
    the configuration that this one is compared with (X for X + SWA). `first_seed` is added to every
    seed, to train other networks than a configuration with the same first phases.
    """

    name: str = Field(min_length=1, description="name of its row")
    departure: str = Field(
        default="", description="known differences from the published row of the same name"
    )
    pair: str | None = Field(
        default=None, description="the configuration that this one is compared with"
    )
    first_seed: int = Field(
        default=0,
        ge=0,
        description="added to every seed, to train other networks than a configuration with the "
        "same first phases",
    )
    model: AnyArchitecture | None = Field(
        default=None, description="the architecture", json_schema_extra={"default": "see below"}
    )
    phases: tuple[AnyPhaseSpec, ...] = Field(
        default=(),
        description="phases in order: tables, or names of [phases]",
        json_schema_extra={"type": "list"},
    )
    baseline: BaselineSpec | None = Field(
        default=None, description="a model other than a network, instead of `phases` and `model`"
    )

    @property
    def architecture(self) -> AbstractArchitecture:
        """The model; by default a derivative network."""
        return self.model or DerivativeMLP()


class ClaimSpec(Table):
    """[[claim]]: `better` has a lower (or `greater`) measure at the horizon than `than`.

    With `sizes` in [data], `size` and `than_size` are the sizes of the two: by default the largest
    stored size for `better`, and for `than` the size of `better`.
    """

    text: str = Field(description="the claim in words")
    better: str = Field(description="a configuration")
    than: str = Field(description="the configuration that it is compared with")
    measure: Literal["diverged", "rfmse"] = Field(
        default="diverged", description="the compared measure"
    )
    horizon: int = Field(description="one of `horizons`")
    expected: Literal["less", "greater"] = Field(
        default="less", description="how `better` compares with `than`"
    )
    size: int | None = Field(
        default=None,
        description="number of trajectories that `better` is trained on, one of `sizes`",
        json_schema_extra={"default": "the largest stored"},
    )
    than_size: int | None = Field(
        default=None,
        description="number of trajectories that `than` is trained on",
        json_schema_extra={"default": "as `size`"},
    )


class StudySpec(AbstractStudySpec):
    """A study of simulators. `published` names the paper that results are compared with.

    `effort` multiplies all numbers of epochs, once when the study is read.
    """

    task: Literal["simulate"] = "simulate"
    published: str | None = Field(
        default=None,
        description="a paper (`papers/`) whose numbers are shown for rows of the same name",
    )
    effort: float = Field(
        default=1.0,
        gt=0,
        description="multiplies all numbers of epochs, also those at which something happens",
    )
    data: StudyDataSpec
    evaluate: EvaluateSpec = EvaluateSpec()
    configuration: tuple[ConfigurationSpec, ...] = Field(min_length=1)
    claim: tuple[ClaimSpec, ...] = ()

    @property
    def size(self) -> int:
        """How many cells the study has."""
        networks = sum(c.baseline is None for c in self.configuration)
        each = networks * len(self.training.seeds) + len(self.configuration) - networks
        return each * max(len(self.data.sizes), 1)

    @property
    def horizons(self) -> tuple[int, ...]:
        """In samples, increasing."""
        return self.evaluate.horizons

    @property
    def networks(self) -> Iterator[tuple[str, AbstractArchitecture]]:
        """Names and architectures of the configurations other than baselines."""
        return ((c.name, c.architecture) for c in self.configuration if c.baseline is None)
