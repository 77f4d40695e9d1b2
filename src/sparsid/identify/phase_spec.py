"""[[phase]]: a phase of training by epochs, with its sparsifiers, as data."""

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, field_validator

from sparsid._errors import SparsidError
from sparsid._tables import Table
from sparsid.architectures.capabilities import ONE_STEP, Need

if TYPE_CHECKING:  # a specification is read, and refused, without JAX
    from sparsid.sparsify import Sparsifier
    from sparsid.training import AbstractSchedule, Phase


class RateSpec(Table):
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

    def build(self) -> "AbstractSchedule":
        from sparsid.training import Part

        own = self._own()
        return own if self.whole is None else Part(own, self.done, self.whole)

    def _own(self) -> "AbstractSchedule":
        from sparsid.training import Constant, Cosine, Ramp, Step

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


class RolesSpec(Table):
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


class GroupSpec(Table):
    """group_l1 = {weight = 1e-4, inputs = 1e-4}."""

    weight: float = Field(ge=0)
    inputs: float | None = Field(default=None, ge=0)


class MagnitudeSpec(Table):
    """magnitude = {sparsity = 0.8, begin = 0.0, end = 0.75}, or {at = [11, 21], share = 0.25}."""

    sparsity: float = Field(default=0.8, ge=0, lt=1)
    begin: float = Field(default=0.0, ge=0, le=1)
    end: float = Field(default=0.75, ge=0, le=1)
    every: int = Field(default=1, ge=1)
    at_epoch: int | None = Field(default=None, ge=1)
    at: tuple[int, ...] = ()
    share: float = Field(default=0.25, ge=0, lt=1)
    scope: Literal["layer", "global"] = "layer"

    def build(self) -> "Sparsifier":
        from sparsid.sparsify import magnitude, repeated_magnitude

        if self.at:
            return repeated_magnitude(self.at, share=self.share, scope=self.scope)
        return magnitude(**self.model_dump(exclude={"at", "share"}))


class SoftThresholdSpec(Table):
    """soft_threshold = {start = -6.0, decay = 1e-3}."""

    start: float = -6.0
    decay: float = Field(default=0.0, ge=0)


class DynamicSpec(Table):
    """dynamic = {sparsity = 0.5, every = 25, target = 150}: DSR, every so many epochs."""

    sparsity: float = Field(default=0.5, ge=0, lt=1)
    every: int = Field(default=25, ge=1)
    target: float = Field(default=150.0, gt=0)
    threshold: float = Field(default=1e-3, gt=0)
    tolerance: float = Field(default=0.1, ge=0)
    growth: Literal["random", "gradient"] = "random"
    start: Literal["zero", "random"] = "zero"


class RiglSpec(Table):
    """rigl = {sparsity = 0.8, every = 500}: every so many steps."""

    sparsity: float = Field(default=0.8, ge=0, lt=1)
    every: int = Field(default=500, ge=1)
    share: float = Field(default=0.3, gt=0, lt=1)
    end: float = Field(default=0.75, gt=0, le=1)
    growth: Literal["random", "gradient"] = "gradient"


class UnitSphereSpec(Table):
    """unit_sphere = {bound = 8.0}: the largest norm of an input, in scaled numbers.

    Or one for each hidden layer, or "data": the largest norms that the layers see there.
    """

    bound: float | tuple[float, ...] | str
    by: Literal["reparameterisation", "projection"] = "reparameterisation"

    @field_validator("bound", mode="before")
    @classmethod
    def _usable(cls, bound: Any) -> Any:
        from sparsid.sparsify import unit_sphere

        unit_sphere(bound)
        return bound


class AverageSpec(Table):
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


def _stretched[T: Table](table: T, effort: float) -> T:
    """Every number of epochs in a table and those within it times `effort`, at least 1 (0: 0)."""

    def times(epochs: int) -> int:
        return max(round(epochs * effort), 1) if epochs else 0

    later: dict[str, Any] = {}
    for name, value in table:
        if isinstance(value, Table):
            later[name] = _stretched(value, effort)
        elif value is not None and (name in EPOCHS or name == STRIDES.get(type(table))):
            later[name] = tuple(map(times, value)) if isinstance(value, tuple) else times(value)
    return table.model_copy(update=later)


class PhaseSpec(Table):
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
    unit_sphere: UnitSphereSpec | None = None
    hold: bool = False
    average: Average = False

    def with_effort(self, effort: float) -> "PhaseSpec":
        """The same with all epochs multiplied, and the epochs at which anything happens."""
        return _stretched(self, effort)

    @field_validator("threshold", mode="before")
    @classmethod
    def _common(cls, given: Any) -> Any:
        return {"below": given} if isinstance(given, int | float) else given

    @property
    def needs(self) -> Need | None:
        """What its loss needs of a model."""
        return ONE_STEP if self.loss == "one-step" else None

    def build(self) -> "Phase":
        from sparsid.training import SGD, Adam, FreeRun, OneStep, Phase

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

    def _sparsifier(self) -> "Sparsifier":
        """The methods named, in the order in which they may follow each other."""
        from sparsid import sparsify

        asked: tuple[tuple[Table | None, Callable[..., sparsify.Sparsifier]], ...] = (
            (self.l1, sparsify.l1),
            (self.soft_threshold, sparsify.soft_threshold),
            (self.proximal_l1, sparsify.proximal_l1),
            (self.group_l1, sparsify.group_l1),
            (self.dynamic, sparsify.dynamic),
            (self.rigl, sparsify.rigl),
            (self.threshold, sparsify.threshold),
        )
        methods = [make(**table.model_dump()) for table, make in asked if table is not None]
        if self.magnitude is not None:
            methods.append(self.magnitude.build())
        if self.hold:
            methods.append(sparsify.hold())
        if isinstance(self.average, AverageSpec):
            methods.append(sparsify.weight_average(**self.average.model_dump()))
        elif self.average:
            methods.append(sparsify.weight_average())
        if self.unit_sphere is not None:
            methods.append(sparsify.unit_sphere(**self.unit_sphere.model_dump()))
        return sparsify.chain(*methods) if methods else sparsify.NOTHING
