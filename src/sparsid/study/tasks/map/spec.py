"""Specification of a study of fitting known functions in several parameter spaces."""

from typing import Annotated, Literal

from pydantic import Field

from sparsid._errors import SparsidError
from sparsid._tables import Table
from sparsid.architectures.base import check_widths
from sparsid.graph.activations import ACTIVATIONS
from sparsid.identify.phase_spec import PhaseSpec, RateSpec
from sparsid.study.spec import AbstractStudySpec, check_names, check_pair, check_seeds_alone
from sparsid.study.tasks.map.functions import FUNCTIONS


class ProblemSpec(Table):
    """[[problem]]: a function, the network that fits it, and the training budget.

    Every configuration trains on it at each of `rates`, which decay to a hundredth along a cosine.
    A start is successful if its test error, in standard deviations of the function, is at most
    `below`.
    """

    name: str = Field(min_length=1, description="title of its table")
    function: str = Field(
        description="sin(4 pi x), Franke's function, the derivative of the electrolysis cell",
        json_schema_extra={"type": '`"sine"`, `"franke"`, `"aluminium"`'},
    )
    train: int = Field(default=200, ge=10, description="number of training points")
    test: int = Field(default=2000, ge=10, description="number of test points")
    seed: int = Field(default=0, ge=0, lt=2**32, description="seed of the points")
    widths: tuple[int, ...] = Field(min_length=1, description="units of the hidden layers")
    activation: str = Field(
        default="relu",
        description="activation of the hidden units",
        json_schema_extra={"type": '`"relu"`, `"binary"`'},
    )
    epochs: int = Field(ge=1, description="passes over the training points")
    batch: int = Field(default=50, ge=1, description="points per step")
    rates: tuple[Annotated[float, Field(gt=0)], ...] = Field(
        min_length=1, description="initial rates; each decays to a hundredth along a cosine"
    )
    below: float = Field(
        gt=0,
        description="largest test error of a successful start, in standard deviations of the "
        "function",
    )

    def phase(self, rate: float) -> PhaseSpec:
        """The training at one rate."""
        schedule = RateSpec(kind="cosine", rate=rate, final=rate / 100)
        return PhaseSpec(epochs=self.epochs, batch=self.batch, rate=schedule)


class MapConfigurationSpec(Table):
    """[[configuration]]: the parameter space of the network and its initialisation.

    `space`: "free", or the unit sphere by "reparameterisation" or "projection". `start`:
    "standard" (He-normal, thresholds zero), or "spread" (unit rows, thresholds uniform within
    their bounds), also for free networks. `bounds`: those of the "domain", or the largest norms of
    the inputs to each layer over the "data" at the start. `pair` is the configuration that it is
    compared with.
    """

    name: str = Field(min_length=1, description="name of its row")
    space: Literal["free", "reparameterisation", "projection"] = Field(
        default="free", description="parameter space: unconstrained, or the unit sphere"
    )
    start: Literal["standard", "spread"] = Field(
        default="standard",
        description="He-normal with thresholds zero; or unit rows with thresholds uniform within "
        "their bounds",
    )
    bounds: Literal["domain", "data"] = Field(
        default="domain",
        description="bounds of the thresholds: of the domain, or the largest norms of the inputs "
        "to each layer at the start",
    )
    pair: str | None = Field(
        default=None, description="the configuration that this one is compared with, start by start"
    )


class MapStudySpec(AbstractStudySpec):
    """A study of fitting functions."""

    task: Literal["map"]
    problem: tuple[ProblemSpec, ...] = Field(min_length=1)
    configuration: tuple[MapConfigurationSpec, ...] = Field(min_length=1)

    @property
    def size(self) -> int:
        """How many cells the study has."""
        each = len(self.configuration) * len(self.training.seeds)
        return each * sum(len(problem.rates) for problem in self.problem)


def check(study: MapStudySpec) -> None:
    """Raises SparsidError for conflicts between tables."""
    names = [configuration.name for configuration in study.configuration]
    check_names(names)
    check_seeds_alone(study.training, "map")
    check_names([problem.name for problem in study.problem])
    for problem in study.problem:
        FUNCTIONS[problem.function]
        check_widths(problem.widths)
        if problem.activation not in ("relu", "binary"):
            ACTIVATIONS.check(problem.activation)
            raise SparsidError(
                "The unit sphere needs the activation relu or binary; the problem "
                f"{problem.name!r} has {problem.activation!r}."
            )
    for configuration in study.configuration:
        check_pair(configuration.name, configuration.pair, names)
