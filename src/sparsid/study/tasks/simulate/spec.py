"""What a study is, as data: many configurations on one plant's data, judged alike."""

from itertools import pairwise
from typing import Any, Literal, Self

from pydantic import Field, field_validator, model_validator
from pydantic_core import PydanticCustomError

from sparsid import papers
from sparsid._errors import SparsidError
from sparsid._registry import unknown
from sparsid._tables import Table, validated
from sparsid.architectures import DerivativeMLP
from sparsid.architectures.capabilities import check_serves
from sparsid.identify.phase_spec import PhaseSpec
from sparsid.identify.spec import DataSpec
from sparsid.plants import PLANTS

LARGEST_SEED = 2**32 - 1  # what a key takes in
MOST_SEEDS = 10_000  # that `seeds = n` may ask for

SIMULATED = ("train", "validation", "test", "samples", "seed")  # keys of [data] beside a process
RECORDED = (  # and beside files; `dt` may stand beside either
    "states",
    "outputs",
    "inputs",
    "columns",
    "time",
    "validation_share",
    "test_share",
    "validation_files",
    "test_files",
)


class StudyDataSpec(Table):
    """[data]: a built-in process to simulate, or files as `fit` takes them.

    `train`, `validation` and `test` count simulated trajectories of `samples` each. With `sizes`
    each configuration is trained on the first n training trajectories, for each n; the scale of
    all scores is still that of the whole training set, so that rows compare.
    """

    process: str | None = None
    train: int = Field(default=40, ge=1)
    validation: int = Field(default=40, ge=1)
    test: int = Field(default=40, ge=1)
    samples: int = Field(default=5000, ge=2)
    dt: float | None = Field(default=None, gt=0)
    seed: int = Field(default=0, ge=0, lt=2**63)
    sizes: tuple[int, ...] = ()
    files: tuple[str, ...] = ()
    states: tuple[str, ...] | None = None
    outputs: tuple[str, ...] | None = None
    inputs: tuple[str, ...] | None = None
    columns: tuple[str, ...] | None = None
    time: str | None = None
    validation_share: float = Field(default=0.2, ge=0, lt=1)
    test_share: float = Field(default=0.2, gt=0, lt=1)
    validation_files: tuple[str, ...] = ()
    test_files: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _leaves_something(self) -> Self:
        if self.files:
            validated(DataSpec, self._recorded())
        return self

    def recorded(self) -> DataSpec:
        """The part that says how files are read."""
        return DataSpec(**self._recorded())

    def _recorded(self) -> dict[str, Any]:
        return {name: getattr(self, name) for name in DataSpec.model_fields}


class EvaluateSpec(Table):
    """[evaluate]: horizons in samples; `shown` test trajectories of which runs are kept.

    With `long_samples` > 0 every model also runs over fresh test trajectories of that length.
    Errors are in standard deviations of the states over the training set; "test" takes the test
    set's, as haugstvedt2023's code does.
    """

    scale: Literal["train", "test"] = "train"
    horizons: tuple[int, ...] = Field(default=(100, 1000, 2500, 5000), min_length=1)
    long_samples: int = Field(default=0, ge=0)
    long_trajectories: int = Field(default=40, ge=1)
    shown: int = Field(default=3, ge=1)


class StudyTrainingSpec(Table):
    """[training]: one network a seed; `seeds = 10` is short for 0, 1, ..., 9.

    `start = "linear"` plants the linear model in the direct path of every network. With
    `equal_steps` networks trained on fewer trajectories (`sizes`) see them so much more often that
    all make as many gradient steps as with the largest size (but for the last batch of an epoch):
    epochs are multiplied as by `effort`.
    """

    seeds: tuple[int, ...] = Field(default=tuple(range(10)), min_length=1)
    dtype: Literal["float32", "float64"] = "float32"
    start: Literal["random", "linear"] = "random"
    equal_steps: bool = False

    @field_validator("seeds", mode="before")
    @classmethod
    def _counted(cls, given: Any) -> Any:
        if type(given) is not int:
            return given
        if given > MOST_SEEDS:
            raise PydanticCustomError(
                "seeds", "a number of seeds is at most {most}", {"most": MOST_SEEDS}
            )
        return list(range(given))


class BaselineSpec(Table):
    """baseline = {kind = "sindy", library = "quadratic", threshold = 1e-3}: no network at all."""

    kind: Literal["sindy"]
    library: Literal["linear", "quadratic"] = "quadratic"
    threshold: float = Field(default=1e-3, ge=0)


class ConfigurationSpec(Table):
    """[[configuration]]: an architecture and its phases, or a baseline.

    `departure` says what is known to differ from the published row of the same name; `pair` names
    the configuration beside which this one stands (X for X + SWA). `first_seed` is added to every
    seed: other networks than those of another configuration which begins alike.
    """

    name: str = Field(min_length=1)
    departure: str = ""
    pair: str | None = None
    first_seed: int = Field(default=0, ge=0)
    model: DerivativeMLP | None = None
    phases: tuple[PhaseSpec, ...] = ()
    baseline: BaselineSpec | None = None


class ClaimSpec(Table):
    """[[claim]]: `better` has less (or `greater`) of the measure at the horizon than `than`.

    With `sizes` in [data], `size` and `than_size` say which networks are meant: by default the
    largest size stored for `better`, and for `than` the size of `better`.
    """

    text: str
    better: str
    than: str
    measure: Literal["diverged", "rfmse"] = "diverged"
    horizon: int
    expected: Literal["less", "greater"] = "less"
    size: int | None = None
    than_size: int | None = None


class StudySpec(Table):
    """The whole study. `published` names the paper whose numbers are printed beside.

    `effort` multiplies all epochs, and the epochs at which anything happens, once when it is read.
    """

    name: str = Field(min_length=1)
    title: str = ""
    note: str = ""
    published: str | None = None
    effort: float = Field(default=1.0, gt=0)
    data: StudyDataSpec
    evaluate: EvaluateSpec = EvaluateSpec()
    training: StudyTrainingSpec = StudyTrainingSpec()
    configuration: tuple[ConfigurationSpec, ...] = Field(min_length=1)
    claim: tuple[ClaimSpec, ...] = ()

    @property
    def size(self) -> int:
        """How many cells the study has."""
        networks = sum(c.baseline is None for c in self.configuration)
        each = networks * len(self.training.seeds) + len(self.configuration) - networks
        return each * max(len(self.data.sizes), 1)

    def named(self, name: str) -> ConfigurationSpec:
        """The configuration called `name`. Raises SparsidError naming the known ones."""
        for configuration in self.configuration:
            if configuration.name == name:
                return configuration
        raise SparsidError(unknown("configuration", name, [c.name for c in self.configuration]))


def check(study: StudySpec) -> None:
    """Raises SparsidError for what no single table can see."""
    if study.published is not None:
        papers.check(study.published)
    _check_data(study.data)
    _check_rising("evaluate.horizons", study.evaluate.horizons)
    check_seeds(study.training.seeds)
    check_configuration_names([configuration.name for configuration in study.configuration])
    for configuration in study.configuration:
        _check_configuration(configuration, study)
    for claim in study.claim:
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


def check_seeds(seeds: tuple[int, ...]) -> None:
    """Raises SparsidError unless they rise from at least 0 and a key takes them all."""
    _check_rising("training.seeds", seeds, least=0)
    if seeds[-1] > LARGEST_SEED:
        raise SparsidError(f"Seeds must be at most {LARGEST_SEED}; got {seeds[-1]}.")


def check_configuration_names(names: list[str]) -> None:
    """Raises SparsidError where two are equal."""
    if twice := [name for name in names if names.count(name) > 1]:
        raise SparsidError(f"Names of configurations must differ; {twice[0]!r} stands twice.")


def _check_data(data: StudyDataSpec) -> None:
    if (data.process is None) == (not data.files):
        raise SparsidError("[data] needs either a `process` or `files`, and not both.")
    if data.process is not None:
        PLANTS.check(data.process)
    _check_other_kind(data)
    _check_rising("data.sizes", data.sizes)
    if data.process is not None and data.sizes and data.sizes[-1] > data.train:
        raise SparsidError(
            f"`sizes` must be at most `train` ({data.train} trajectories); got {data.sizes[-1]}."
        )


def _check_other_kind(data: StudyDataSpec) -> None:
    """A key that says what it says by default is let through: written out, a study has them all."""
    simulated = data.process is not None
    other, kind, remedy = (
        (RECORDED, "a `process`", "only `files`")
        if simulated
        else (SIMULATED, "`files`", "only a `process`")
    )
    said = data.model_dump(exclude_defaults=True)
    if odd := [name for name in other if name in said]:
        raise SparsidError(f"[data] of {kind} takes no `{odd[0]}`, which {remedy} may have.")


def _check_rising(name: str, numbers: tuple[int, ...], *, least: int = 1) -> None:
    if any(a >= b for a, b in pairwise((least - 1, *numbers))):
        raise SparsidError(f"`{name}` must rise from at least {least}; got {list(numbers)}.")


def _check_configuration(configuration: ConfigurationSpec, study: StudySpec) -> None:
    network = bool(configuration.phases)
    if network == (configuration.baseline is not None):
        raise SparsidError(
            f"The configuration {configuration.name!r} needs either `phases` or a `baseline`, and "
            "not both."
        )
    if configuration.baseline is not None and configuration.model is not None:
        raise SparsidError(
            f"The configuration {configuration.name!r} is a baseline and takes no `model`."
        )
    if configuration.first_seed + study.training.seeds[-1] > LARGEST_SEED:
        raise SparsidError(
            f"Seeds must be at most {LARGEST_SEED}, `first_seed` added; the configuration "
            f"{configuration.name!r} goes up to "
            f"{configuration.first_seed + study.training.seeds[-1]}."
        )
    if configuration.pair is not None:
        study.named(configuration.pair)
    if network and study.training.start == "linear":
        _check_direct_path(configuration)
    for phase in configuration.phases:
        check_serves(configuration.model or DerivativeMLP(), phase)
        phase.build()


def _check_direct_path(configuration: ConfigurationSpec) -> None:
    model = configuration.model or DerivativeMLP()
    if not model.bias or (model.widths and not model.skip):
        raise SparsidError(
            '`start = "linear"` needs a path from inputs to outputs in every network, and biases: '
            f"give the configuration {configuration.name!r} `skip = true` or no hidden layers, and "
            "leave `bias` on."
        )
