"""{method = "lm"}: the specification of second-order training."""

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from sparsid._tables import Table, renamed
from sparsid.architectures.capabilities import RECURSION, Need

if TYPE_CHECKING:  # a specification is read and validated without JAX
    from sparsid.training import BFGS, LevenbergMarquardt, SecondOrderPhase
    from sparsid.training.windows import Criterion


Iterations = Annotated[int, Field(ge=1, description="maximum number")]
Ridge = Annotated[
    float, Field(ge=0, description="weight of the sum of squared weights, added to the error")
]
Damping = Annotated[float, Field(gt=0, description="initial damping of Levenberg-Marquardt")]
Early = Annotated[
    bool,
    Field(
        description="early stopping: returns to the point of least validation error, which is "
        "checked every ten iterations"
    ),
]


class RetrainSpec(Table):
    """{iterations = 50}: the second-order training after a removal, on complete records."""

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
        default=None, ge=2, description="samples of a free run; none: complete records"
    )
    stride: int | None = Field(
        default=None,
        ge=1,
        description="samples between the starts of successive free runs",
    )
    perturbation: float = renamed(
        "perturbation",
        former="shaken",
        default=0.0,
        ge=0,
        description="adds a copy of every window, its initial outputs perturbed by up to so much "
        "(scaled)",
    )
    estimated: bool = Field(
        default=False,
        description="also estimates the initial outputs of windows, for records with noisy first "
        "samples",
    )
    seconds: float | None = Field(
        default=None,
        gt=0,
        description="time limit of the phase, for all networks together; none: no limit",
    )

    @property
    def needs(self) -> Need:
        """What second-order training requires of a model."""
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
