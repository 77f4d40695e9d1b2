"""Specification of a study of simulators: many configurations on the data of one plant."""

from collections.abc import Iterator
from typing import Any, Literal

from pydantic import Field

from sparsid import papers
from sparsid._errors import SparsidError
from sparsid._registry import unknown
from sparsid._tables import Table
from sparsid.architectures import AbstractArchitecture, AnyArchitecture, DerivativeMLP
from sparsid.architectures.capabilities import check_linear_start, check_serves
from sparsid.identify.spec import AnyPhaseSpec, DataSpec
from sparsid.plants import PLANTS
from sparsid.study.spec import (
    LARGEST_SEED,
    AbstractStudySpec,
    check_names,
    check_pair,
    check_rising,
    check_seeds,
    observed,
)

SIMULATED = ("train", "validation", "test", "samples", "seed")  # keys of [data] with a process
RECORDED = tuple(DataSpec.model_fields.keys() - {"files", "dt"})  # and with files


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


def check(study: StudySpec) -> None:
    """Raises SparsidError for conflicts between tables."""
    if study.published is not None:
        papers.check(study.published)
    _check_data(study.data)
    _check_observed(study)
    check_rising("evaluate.horizons", study.evaluate.horizons)
    check_seeds(study.training.seeds)
    check_names([configuration.name for configuration in study.configuration])
    for configuration in study.configuration:
        _check_configuration(configuration, study)
    for claim in study.claim:
        _check_claim(claim, study)


def _check_claim(claim: ClaimSpec, study: StudySpec) -> None:
    study.named(claim.better)
    study.named(claim.than)
    if claim.horizon not in study.evaluate.horizons:
        raise SparsidError(
            f"`horizon` of a claim must be one of {list(study.evaluate.horizons)}; "
            f"got {claim.horizon}."
        )
    for size in (claim.size, claim.than_size):
        if size is not None and size not in study.data.sizes:
            raise SparsidError(
                f"A claim's `size` and `than_size` must be among `sizes` of [data], "
                f"{list(study.data.sizes)}; got {size}."
            )


def _check_data(data: StudyDataSpec) -> None:
    if (data.process is None) == (not data.files):
        raise SparsidError("[data] needs either a `process` or `files`, not both.")
    if data.process is not None:
        PLANTS.check(data.process)
    _check_other_kind(data)
    check_rising("data.sizes", data.sizes)
    if data.process is not None and data.sizes and data.sizes[-1] > data.train:
        raise SparsidError(
            f"`sizes` must be at most `train` ({data.train} trajectories); got {data.sizes[-1]}."
        )


def _check_other_kind(data: StudyDataSpec) -> None:
    """Refuses keys of the other kind; defaults are allowed, as a written-out study has all keys."""
    simulated = data.process is not None
    other, kind, remedy = (
        (RECORDED, "a `process`", "only `files`")
        if simulated
        else (SIMULATED, "`files`", "only a `process`")
    )
    content = data.model_dump(exclude_defaults=True)
    if invalid := [name for name in other if name in content]:
        raise SparsidError(f"[data] of {kind} takes no `{invalid[0]}`; {remedy} may have it.")


def _check_observed(study: StudySpec) -> None:
    """Recurrent models need outputs: those of the process, or those named for files."""
    if study.data.process is not None:
        observed([*study.networks, *_baselines(study)])
        return
    recurrent = [name for name, model in study.networks if model.observes == "outputs"]
    if recurrent and not study.data.outputs:
        raise SparsidError(
            f"The configuration {recurrent[0]!r} simulates outputs; name them in [data] "
            "(outputs = [...])."
        )


def _baselines(study: StudySpec) -> Iterator[tuple[str, AbstractArchitecture]]:
    """Baselines simulate states, as a derivative network does."""
    return ((c.name, DerivativeMLP()) for c in study.configuration if c.baseline is not None)


def _check_configuration(configuration: ConfigurationSpec, study: StudySpec) -> None:
    network = bool(configuration.phases)
    if network == (configuration.baseline is not None):
        raise SparsidError(
            f"The configuration {configuration.name!r} needs either `phases` or a `baseline`, "
            "not both."
        )
    if configuration.baseline is not None and configuration.model is not None:
        raise SparsidError(
            f"The configuration {configuration.name!r} is a baseline and takes no `model`."
        )
    if configuration.first_seed + study.training.seeds[-1] > LARGEST_SEED:
        raise SparsidError(
            f"Seeds plus `first_seed` must be at most {LARGEST_SEED}; the configuration "
            f"{configuration.name!r} goes up to "
            f"{configuration.first_seed + study.training.seeds[-1]}."
        )
    check_pair(configuration.name, configuration.pair, [c.name for c in study.configuration])
    if network and study.training.start == "linear":
        _check_linear_start(configuration)
    for phase in configuration.phases:
        check_serves(configuration.architecture, phase)
        phase.build()


def _check_linear_start(configuration: ConfigurationSpec) -> None:
    try:
        check_linear_start(configuration.architecture)
    except SparsidError as error:
        raise SparsidError(f"The configuration {configuration.name!r}: {error}") from None


def expand(tables: dict[str, Any], own: dict[str, Any], source: str) -> dict[str, Any]:
    """The tables with named lists of phases replaced by the phases.

    Raises SparsidError for an unknown name, and for a list of the file's own that is not used.
    """
    tables = dict(tables)
    phases = tables.pop("phases", {})
    if not isinstance(phases, dict):
        raise SparsidError(
            f"{source}: `phases` holds tables by name ([phases.start]); got {phases!r}."
        )
    given = tables.get("configuration")
    if isinstance(given, list):
        tables["configuration"] = [_with_phases(table, phases, source) for table in given]
        _check_used(own.get("phases", {}), given, source)
    return tables


def _check_used(own_phases: dict[str, Any], configurations: list[Any], source: str) -> None:
    used = {
        phase
        for table in configurations
        if isinstance(table, dict) and isinstance(table.get("phases"), list)
        for phase in table["phases"]
        if isinstance(phase, str)
    }
    if idle := [name for name in own_phases if name not in used]:
        raise SparsidError(
            f"{source}: no configuration uses the phases {idle[0]!r}; name them in the `phases` of "
            "one, or leave them out."
        )


def _with_phases(table: Any, named_phases: dict[str, Any], source: str) -> Any:
    """A configuration with its named phases written out; an invalid one is left unchanged."""
    if not isinstance(table, dict) or not isinstance(table.get("phases"), list):
        return table
    phases = []
    for phase in table["phases"]:
        if not isinstance(phase, str):
            phases.append(phase)
        elif phase not in named_phases:
            raise SparsidError(f"{source}: " + unknown("list of phases", phase, named_phases))
        else:
            found = named_phases[phase]
            phases += found if isinstance(found, list) else [found]
    return table | {"phases": phases}


def with_effort(study: StudySpec) -> StudySpec:
    """The study with its effort applied to the phases."""
    configurations = tuple(
        c.model_copy(update={"phases": tuple(p.with_effort(study.effort) for p in c.phases)})
        for c in study.configuration
    )
    return study.model_copy(update={"configuration": configurations, "effort": 1.0})
