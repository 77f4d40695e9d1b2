"""rate = {kind = "cosine", rate = 1e-3}: the specification of a learning rate schedule."""

from abc import abstractmethod
from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import AfterValidator, Field, model_validator

from sparsid._errors import SparsidError
from sparsid._registry import Registry
from sparsid._tables import EPOCHS, OpenTable, Options

if TYPE_CHECKING:  # a specification is read and validated without JAX
    from sparsid.training import AbstractSchedule


class ScheduleOptions(Options):
    """Options of one kind of schedule, which are keys of the table `rate`."""

    @abstractmethod
    def build(self, rate: float) -> "AbstractSchedule":
        """The schedule with initial value `rate`."""


SCHEDULES: Registry[type[ScheduleOptions]] = Registry("kind of rate")


@SCHEDULES.register("constant")
class ConstantOptions(ScheduleOptions):
    """A constant rate."""

    def build(self, rate: float) -> "AbstractSchedule":
        from sparsid.training import Constant

        return Constant(rate)


@SCHEDULES.register("step")
class StepOptions(ScheduleOptions):
    """The rate is multiplied by a factor at regular intervals."""

    every: Annotated[int, EPOCHS] = Field(
        default=10, ge=1, description="step: epochs from one decay to the next"
    )
    factor: float = Field(default=0.1, gt=0, description="step: factor of each decay")

    def build(self, rate: float) -> "AbstractSchedule":
        from sparsid.training import Step

        return Step(rate, self.every, self.factor)


class FallingOptions(ScheduleOptions):
    final: float = Field(default=0.0, ge=0, description="cosine, ramp: final rate")


@SCHEDULES.register("cosine")
class CosineOptions(FallingOptions):
    """Cosine decay of the rate."""

    def build(self, rate: float) -> "AbstractSchedule":
        from sparsid.training import Cosine

        return Cosine(rate, self.final)


@SCHEDULES.register("ramp")
class RampOptions(FallingOptions):
    """Linear decay of the rate, between two shares of the phase."""

    begin: float = Field(
        default=0.5, description="ramp: share of the phase at which the decay begins"
    )
    end: float = Field(default=0.9, description="ramp: share at which the decay ends")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if not 0 <= self.begin < self.end <= 1:
            raise SparsidError(
                f"A ramp needs 0 <= begin < end <= 1; got {self.begin:g} and {self.end:g}."
            )
        return self

    def build(self, rate: float) -> "AbstractSchedule":
        from sparsid.training import Ramp

        return Ramp(rate, self.final, self.begin, self.end)


class RateSpec(OpenTable):
    """rate = {kind = "cosine", rate = 1e-3, final = 0.0}; other keys are those of the kinds.

    With `whole`, the schedule spans so many epochs, of which `done` precede this phase.
    """

    kind: Annotated[str, AfterValidator(SCHEDULES.known)] = Field(
        default="constant", description="schedule over the phase"
    )
    rate: float = Field(gt=0, description="initial rate")
    done: Annotated[int, EPOCHS] = Field(
        default=0, ge=0, description="with `whole`: epochs of the schedule before this phase"
    )
    whole: Annotated[int | None, EPOCHS] = Field(
        default=None, ge=1, description="epochs that the schedule spans; none: those of the phase"
    )

    if TYPE_CHECKING:  # keys from registries too

        def __init__(self, **keys: Any): ...

    @classmethod
    def inlined(cls) -> tuple[type[ScheduleOptions], ...]:
        return tuple(SCHEDULES[name] for name in SCHEDULES)

    def build(self) -> "AbstractSchedule":
        from sparsid.training import Part

        own = self.options_of(SCHEDULES[self.kind]).build(self.rate)
        return own if self.whole is None else Part(own, self.done, self.whole)
