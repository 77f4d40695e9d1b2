"""What `fit` is asked to do, as data: TOML tables or options become these frozen objects."""

import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

from pydantic import (
    BaseModel,
    ConfigDict,
    Discriminator,
    Field,
    Tag,
    ValidationError,
    field_validator,
)

from sparsid._errors import SparsidError
from sparsid._registry import unknown
from sparsid.models import NARX, DerivativeMLP, FreeRun, OneStep
from sparsid.sparsify import (
    NOTHING,
    Sparsifier,
    chain,
    dynamic,
    group_l1,
    hold,
    l1,
    magnitude,
    proximal_l1,
    repeated_magnitude,
    rigl,
    soft_threshold,
    threshold,
    weight_average,
)
from sparsid.training import SGD, AbstractSchedule, Adam, Constant, Cosine, Part, Phase, Ramp, Step


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class DataSpec(_Table):
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


class RateSpec(_Table):
    """rate = {kind = "cosine", rate = 1e-3, final = 0.0}; kinds: constant, step, cosine, ramp.

    With `whole`, the schedule spans so many epochs, `done` of them before this phase.
    """

    kind: Literal["constant", "step", "cosine", "ramp"] = "constant"
    rate: float = Field(gt=0)
    final: float = Field(default=0.0, ge=0)
    every: int = Field(default=10, ge=1)
    factor: float = Field(default=0.1, gt=0)
    begin: float = 0.5
    end: float = 0.9
    done: int = Field(default=0, ge=0)
    whole: int | None = Field(default=None, ge=1)

    def build(self) -> AbstractSchedule:
        own = self._own()
        return own if self.whole is None else Part(own, self.done, self.whole)

    def _own(self) -> AbstractSchedule:
        if self.kind == "ramp" and not 0 <= self.begin < self.end <= 1:
            raise SparsidError(
                f"A ramp needs 0 <= begin < end <= 1; got {self.begin:g} and {self.end:g}."
            )
        match self.kind:
            case "constant":
                return Constant(self.rate)
            case "step":
                return Step(self.rate, self.every, self.factor)
            case "cosine":
                return Cosine(self.rate, self.final)
            case "ramp":
                return Ramp(self.rate, self.final, self.begin, self.end)


class RolesSpec(_Table):
    """A number of its own for the columns of each role (`sparsify.OwnNumbers`)."""

    first: float | None = Field(default=None, ge=0)
    hidden: float | None = Field(default=None, ge=0)
    skip: float | None = Field(default=None, ge=0)
    direct: float | None = Field(default=None, ge=0)
    output: float | None = Field(default=None, ge=0)


class StrengthsSpec(RolesSpec):
    """proximal_l1 = {weight = 1e-4, skip = 1e-5}: `weight` is the strength where none is given."""

    weight: float = Field(default=0.0, ge=0)


class ThresholdSpec(RolesSpec):
    """threshold = 3e-3, or {below = 3e-3, direct = 1e-4}."""

    below: float = Field(ge=0)


class L1Spec(StrengthsSpec):
    """l1 = {weight = 1e-4, skip = 1e-5}; `of` counts weights as they are used, or as stored."""

    of: Literal["used", "stored"] = "used"


class GroupSpec(_Table):
    """group_l1 = {weight = 1e-4, inputs = 1e-4}."""

    weight: float = Field(ge=0)
    inputs: float | None = Field(default=None, ge=0)


class MagnitudeSpec(_Table):
    """magnitude = {sparsity = 0.8, begin = 0.0, end = 0.75}, or {at = [11, 21], share = 0.25}."""

    sparsity: float = Field(default=0.8, ge=0, lt=1)
    begin: float = Field(default=0.0, ge=0, le=1)
    end: float = Field(default=0.75, ge=0, le=1)
    every: int = Field(default=1, ge=1)
    at_epoch: int | None = Field(default=None, ge=1)
    at: tuple[int, ...] = ()
    share: float = Field(default=0.25, ge=0, lt=1)
    scope: Literal["layer", "global"] = "layer"

    def build(self) -> Sparsifier:
        if self.at:
            return repeated_magnitude(self.at, share=self.share, scope=self.scope)
        return magnitude(**self.model_dump(exclude={"at", "share"}))


class SoftThresholdSpec(_Table):
    """soft_threshold = {start = -6.0, decay = 1e-3}."""

    start: float = -6.0
    decay: float = Field(default=0.0, ge=0)


class DynamicSpec(_Table):
    """dynamic = {sparsity = 0.5, every = 25, target = 150}: DSR, every so many epochs."""

    sparsity: float = Field(default=0.5, ge=0, lt=1)
    every: int = Field(default=25, ge=1)
    target: float = Field(default=150.0, gt=0)
    threshold: float = Field(default=1e-3, gt=0)
    tolerance: float = Field(default=0.1, ge=0)
    growth: Literal["random", "gradient"] = "random"
    start: Literal["zero", "random"] = "zero"


class RiglSpec(_Table):
    """rigl = {sparsity = 0.8, every = 500}: every so many steps."""

    sparsity: float = Field(default=0.8, ge=0, lt=1)
    every: int = Field(default=500, ge=1)
    share: float = Field(default=0.3, gt=0, lt=1)
    end: float = Field(default=0.75, gt=0, le=1)
    growth: Literal["random", "gradient"] = "gradient"


class AverageSpec(_Table):
    """average = true, or {from_fraction = 0.75}: the epochs after that share of the phase count."""

    from_fraction: float = Field(default=0.0, ge=0, lt=1)


def _average_kind(given: Any) -> str:
    return "table" if isinstance(given, dict | AverageSpec) else "switch"


# A told kind, so that what is wrong within the table is said of the table.
Average = Annotated[
    Annotated[bool, Tag("switch")] | Annotated[AverageSpec, Tag("table")],
    Discriminator(_average_kind),
]


EPOCHS = frozenset({"epochs", "done", "whole", "at", "at_epoch"})  # keys that count epochs
STRIDES = {RateSpec: "every", MagnitudeSpec: "every", DynamicSpec: "every"}  # RigL's counts steps


def _stretched[T: _Table](table: T, effort: float) -> T:
    """Every number of epochs in a table and those within it times `effort`, at least 1 (0: 0)."""

    def times(epochs: int) -> int:
        return max(round(epochs * effort), 1) if epochs else 0

    later: dict[str, Any] = {}
    for name, value in table:
        if isinstance(value, _Table):
            later[name] = _stretched(value, effort)
        elif value is not None and (name in EPOCHS or name == STRIDES.get(type(table))):
            later[name] = tuple(map(times, value)) if isinstance(value, tuple) else times(value)
    return table.model_copy(update=later)


class PhaseSpec(_Table):
    """[[phase]]: one phase of training."""

    epochs: int = Field(ge=1)
    rate: RateSpec = RateSpec(rate=1e-3)
    batch: int = Field(default=128, ge=1)
    loss: Literal["one-step", "free-run"] = "one-step"
    window: int = Field(default=100, ge=2)
    stride: int = Field(default=10, ge=1)
    optimiser: Literal["adam", "sgd"] = "adam"
    momentum: float = Field(default=0.0, ge=0, lt=1)
    clip: float | None = Field(default=None, gt=0)
    l1: L1Spec | None = None
    proximal_l1: StrengthsSpec | None = None
    group_l1: GroupSpec | None = None
    threshold: ThresholdSpec | None = None
    magnitude: MagnitudeSpec | None = None
    soft_threshold: SoftThresholdSpec | None = None
    dynamic: DynamicSpec | None = None
    rigl: RiglSpec | None = None
    hold: bool = False
    average: Average = False

    def with_effort(self, effort: float) -> "PhaseSpec":
        """The same with all epochs multiplied, and the epochs at which anything happens."""
        return _stretched(self, effort)

    @field_validator("threshold", mode="before")
    @classmethod
    def _common(cls, given: Any) -> Any:
        return {"below": given} if isinstance(given, int | float) else given

    def build(self) -> Phase:
        self._check_epochs()
        return Phase(
            self.epochs,
            self.rate.build(),
            self._sparsifier(),
            Adam(clip=self.clip) if self.optimiser == "adam" else SGD(self.momentum, self.clip),
            OneStep() if self.loss == "one-step" else FreeRun(self.window, self.stride),
            self.batch,
        )

    def _check_epochs(self) -> None:
        """Pruning that never comes would go unnoticed."""
        if self.magnitude is None:
            return
        given = self.magnitude
        last = max((*given.at, given.at_epoch or 0))
        if last > self.epochs:
            name = "at" if last in given.at else "at_epoch"
            raise SparsidError(
                f"`{name}` of magnitude must be at most the epochs of its own phase, "
                f"{self.epochs}; got {last}."
            )

    def _sparsifier(self) -> Sparsifier:
        """The methods named, in the order in which they may follow each other."""
        asked: tuple[tuple[_Table | None, Callable[..., Sparsifier]], ...] = (
            (self.l1, l1),
            (self.soft_threshold, soft_threshold),
            (self.proximal_l1, proximal_l1),
            (self.group_l1, group_l1),
            (self.dynamic, dynamic),
            (self.rigl, rigl),
            (self.threshold, threshold),
        )
        methods = [make(**table.model_dump()) for table, make in asked if table is not None]
        if self.magnitude is not None:
            methods.append(self.magnitude.build())
        if self.hold:
            methods.append(hold())
        if isinstance(self.average, AverageSpec):
            methods.append(weight_average(**self.average.model_dump()))
        elif self.average:
            methods.append(weight_average())
        return chain(*methods) if methods else NOTHING


class TrainingSpec(_Table):
    """[training]: how many members, from which seed, by which recipe.

    With phases of its own the recipe is "custom"; `start = "linear"` plants the linear model.
    """

    recipe: Literal["auto", "one-step", "free-run", "dense"] = "auto"
    members: int = Field(default=10, ge=1)
    seed: int = Field(default=0, ge=0, lt=2**63)
    effort: float = Field(default=1.0, gt=0)
    start: Literal["random", "linear"] = "random"
    keep_best: bool = True


def _kind(model: Any) -> str:
    """Which architecture a [model] table or object is; a table that does not say is derivative."""
    return model.get("kind", "derivative") if isinstance(model, dict) else model.kind


KINDS = ("derivative", "narx")  # they stand in the place of an error, and in no file
Model = Annotated[
    Annotated[DerivativeMLP, Tag(KINDS[0])] | Annotated[NARX, Tag(KINDS[1])],
    Discriminator(_kind),
]


class FitSpec(_Table):
    """The whole of it: [data], [model], [training], [[phase]]."""

    data: DataSpec
    model: Model | None = None
    training: TrainingSpec = TrainingSpec()
    phase: tuple[PhaseSpec, ...] = ()
    out: str | None = None


def parse[T: BaseModel](kind: type[T], tables: Mapping[str, Any], source: str) -> T:
    """Validates tables; raises SparsidError with one sentence for the first thing wrong."""
    try:
        return kind.model_validate(tables)
    except ValidationError as error:
        raise SparsidError(_sentence(error, kind, source)) from None


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


def read_toml(path: Path) -> dict[str, Any]:
    """The tables of a TOML file. Raises SparsidError if it cannot be read or is none."""
    try:
        return tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SparsidError(f"Cannot read {path}: {error.strerror or error}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SparsidError(f"{path} is not proper TOML: {error}.") from None


def _sentence(error: ValidationError, kind: type[BaseModel], source: str) -> str:
    # A misspelt key also leaves the right one missing: name the cause.
    first = min(error.errors(), key=lambda found: found["type"] != "extra_forbidden")
    place = [part for part in first["loc"] if isinstance(part, str) and part not in KINDS]
    if first["type"] == "extra_forbidden":
        return f"{source}: " + unknown("key", place[-1], _known_keys(kind, place[:-1]))
    where = ".".join(place) or "the specification"
    if first["type"] == "missing":
        return f"{source}: `{where}` is missing; the specification needs it."
    said = first["msg"][0].lower() + first["msg"][1:]
    return f"{source}: `{where}` is not usable ({said}); got {first.get('input')!r}."


def _known_keys(kind: type[BaseModel], place: list[str]) -> list[str]:
    """The keys of the table at `place` below `kind`, found by walking the fields' own types."""
    tables = [kind]
    for part in place:
        fields = [t.model_fields[part] for t in tables if part in t.model_fields]
        # A part that is no field is the name of one of several tables that may stand here.
        tables = [t for f in fields for t in _tables_in(f.annotation)] or tables
    return list(dict.fromkeys(key for table in tables for key in table.model_fields))


def _tables_in(annotation: Any) -> list[type[BaseModel]]:
    """The tables that a type mentions: T | None, tuple[T, ...] and the like."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [table for inner in get_args(annotation) for table in _tables_in(inner)]
