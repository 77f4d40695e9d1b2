"""{method = "lm"}: second-order training, as data."""

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from sparsid._tables import Table, renamed
from sparsid.architectures.capabilities import RECURSION, Need

if TYPE_CHECKING:  # a specification is read, and refused, without JAX
    from sparsid.training import BFGS, LevenbergMarquardt, SecondOrderPhase
    from sparsid.training.windows import Criterion


Iterations = Annotated[int, Field(ge=1, description="at most")]
Ridge = Annotated[
    float, Field(ge=0, description="times the sum of squared weights, added to the error")
]
Damping = Annotated[float, Field(gt=0, description="of Levenberg-Marquardt's first step")]
Early = Annotated[
    bool,
    Field(
        description="goes back to the point of least validation error, looked for every ten "
        "iterations"
    ),
]


class RetrainSpec(Table):
    """{iterations = 50}: the second-order training after a removal, on whole records."""

    method: Literal["lm", "bfgs"] = Field(default="lm", description="Levenberg-Marquardt, or BFGS")
    search: Literal["golden", "armijo"] = Field(default="golden", description="line search of BFGS")
    iterations: Iterations = 50
    ridge: Ridge = 1e-4
    damping: Damping = 1e-2
    early: Early = True

    def build(self) -> "SecondOrderPhase":
        from sparsid.training import SecondOrderPhase

        return SecondOrderPhase(self._method(), iterations=self.iterations, early=self.early)

    def _method(self) -> "LevenbergMarquardt | BFGS":
        from sparsid.training import BFGS, LevenbergMarquardt

        marquardt = LevenbergMarquardt(start=self.damping, ridge=self.ridge)
        return marquardt if self.method == "lm" else BFGS(self.search)


class SecondOrderSpec(RetrainSpec):
    """{method = "lm", iterations = 200}: a phase of second-order training."""

    iterations: Iterations = 200
    ridge: Ridge = 0.0
    damping: Damping = 1.0
    early: Early = False
    criterion: Literal["simulation", "prediction"] = Field(
        default="simulation",
        description="free run (parallel), or one step ahead (series-parallel)",
    )
    length: int | None = Field(
        default=None, ge=2, description="samples of a free run; none: whole records"
    )
    stride: int | None = Field(
        default=None,
        ge=1,
        description="samples from the start of one free run to that of the next",
    )
    perturbation: float = renamed(
        "perturbation",
        former="shaken",
        default=0.0,
        ge=0,
        description="every window a second time, its initial outputs perturbed by up to so "
        "much, scaled",
    )
    estimated: bool = Field(
        default=False,
        description="the outputs that windows start from are unknowns too, for records whose first "
        "samples are noisy",
    )
    seconds: float | None = Field(
        default=None,
        gt=0,
        description="the phase ends after so long, for all networks; none: no limit",
    )

    @property
    def needs(self) -> Need:
        """What second-order training needs of a model."""
        return RECURSION

    def with_effort(self, effort: float) -> "SecondOrderSpec":
        """The same with its iterations multiplied."""
        return self.model_copy(update={"iterations": max(round(self.iterations * effort), 1)})

    def build(self) -> "SecondOrderPhase":
        return replace(super().build(), criterion=self._criterion(), seconds=self.seconds)

    def _criterion(self) -> "Criterion":
        from sparsid.training import Prediction, Simulation

        if self.criterion == "prediction":
            return Prediction(self.stride)
        return Simulation(self.length, self.stride, self.perturbation, estimated=self.estimated)
