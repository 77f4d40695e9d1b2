"""{method = "lm"}: second-order training, as data."""

from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from sparsid._tables import Table
from sparsid.architectures.capabilities import RECURSION, Need

if TYPE_CHECKING:  # a specification is read, and refused, without JAX
    from sparsid.training import BFGS, Descent, LevenbergMarquardt
    from sparsid.training.windows import Criterion


class RetrainSpec(Table):
    """{iterations = 50}: the second-order training after a removal, on whole records."""

    method: Literal["lm", "bfgs"] = "lm"
    search: Literal["golden", "armijo"] = "golden"
    iterations: int = Field(default=50, ge=1)
    ridge: float = Field(default=1e-4, ge=0)
    damping: float = Field(default=1e-2, gt=0)
    early: bool = True

    def build(self) -> "Descent":
        from sparsid.training import Descent

        return Descent(self._method(), iterations=self.iterations, early=self.early)

    def _method(self) -> "LevenbergMarquardt | BFGS":
        from sparsid.training import BFGS, LevenbergMarquardt

        marquardt = LevenbergMarquardt(start=self.damping, ridge=self.ridge)
        return marquardt if self.method == "lm" else BFGS(self.search)


class DescentSpec(RetrainSpec):
    """{method = "lm", iterations = 200}: a phase of second-order training."""

    iterations: int = Field(default=200, ge=1)
    ridge: float = Field(default=0.0, ge=0)
    damping: float = Field(default=1.0, gt=0)
    early: bool = False
    criterion: Literal["simulation", "prediction"] = "simulation"
    length: int | None = Field(default=None, ge=2)
    stride: int | None = Field(default=None, ge=1)
    shaken: float = Field(default=0.0, ge=0)
    estimated: bool = False
    seconds: float | None = Field(default=None, gt=0)

    @property
    def needs(self) -> Need:
        """What second-order training needs of a model."""
        return RECURSION

    def with_effort(self, effort: float) -> "DescentSpec":
        """The same with its iterations multiplied."""
        return self.model_copy(update={"iterations": max(round(self.iterations * effort), 1)})

    def build(self) -> "Descent":
        return replace(super().build(), criterion=self._criterion(), seconds=self.seconds)

    def _criterion(self) -> "Criterion":
        from sparsid.training import Prediction, Simulation

        if self.criterion == "prediction":
            return Prediction(self.stride)
        return Simulation(self.length, self.stride, self.shaken, estimated=self.estimated)
