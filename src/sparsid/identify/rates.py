"""rate = {kind = "cosine", rate = 1e-3}: the learning rate over a phase, as data."""

from abc import abstractmethod
from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import AfterValidator, Field, model_validator

from sparsid._errors import SparsidError
from sparsid._registry import Registry
from sparsid._tables import EPOCHS, OpenTable, Options

if TYPE_CHECKING:  # a specification is read, and refused, without JAX
    from sparsid.training import AbstractSchedule


class ScheduleOptions(Options):
    """Options of one kind of schedule; they are keys of the table `rate`."""

    @abstractmethod
    def build(self, rate: float) -> "AbstractSchedule":
        """The schedule that begins at `rate`."""


SCHEDULES: Registry[type[ScheduleOptions]] = Registry("kind of rate")


@SCHEDULES.register("constant")
class ConstantOptions(ScheduleOptions):
    """The same rate throughout."""

    def build(self, rate: float) -> "AbstractSchedule":
        from sparsid.training import Constant

        return Constant(rate)


@SCHEDULES.register("step")
class StepOptions(ScheduleOptions):
    """The rate falls by a factor again and again."""

    every: Annotated[int, EPOCHS] = Field(
        default=10, ge=1, description="step: epochs from one fall to the next"
    )
    factor: float = Field(default=0.1, gt=0, description="step: by what the rate is multiplied")

    def build(self, rate: float) -> "AbstractSchedule":
        from sparsid.training import Step

        return Step(rate, self.every, self.factor)


class FallingOptions(ScheduleOptions):
    final: float = Field(default=0.0, ge=0, description="cosine, ramp: the rate at the end")


@SCHEDULES.register("cosine")
class CosineOptions(FallingOptions):
    """The rate falls along half a cosine."""

    def build(self, rate: float) -> "AbstractSchedule":
        from sparsid.training import Cosine

        return Cosine(rate, self.final)


@SCHEDULES.register("ramp")
class RampOptions(FallingOptions):
    """The rate falls along a line, between two shares of the phase."""

    begin: float = Field(
        default=0.5, description="ramp: share of the phase after which the rate falls"
    )
    end: float = Field(default=0.9, description="ramp: share after which it falls no more")

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

    With `whole`, the schedule spans so many epochs, `done` of them before this phase.
    """

    kind: Annotated[str, AfterValidator(SCHEDULES.known)] = Field(
        default="constant", description="how it goes over the phase"
    )
    rate: float = Field(gt=0, description="at the start")
    done: Annotated[int, EPOCHS] = Field(
        default=0, ge=0, description="with `whole`: epochs of the schedule before this phase"
    )
    whole: Annotated[int | None, EPOCHS] = Field(
        default=None, ge=1, description="the schedule spans so many epochs"
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
