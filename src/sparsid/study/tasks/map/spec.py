"""A study of fitting known functions, as data: one problem after the other, in several spaces."""

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
    """[[problem]]: a function, the network that is to fit it, and the budget for all.

    Every configuration trains on it at each of `rates`, which fall to a hundredth along a cosine. A
    start has succeeded where the test error, in standard deviations of the function, is at most
    `below`.
    """

    name: str = Field(min_length=1, description="what its table is called")
    function: str = Field(
        description="sin(4 pi x), Franke's function, the derivative of the electrolysis cell",
        json_schema_extra={"type": '`"sine"`, `"franke"`, `"aluminium"`'},
    )
    train: int = Field(default=200, ge=10, description="points to train on")
    test: int = Field(default=2000, ge=10, description="points of the test")
    seed: int = Field(default=0, ge=0, lt=2**32, description="seed of the points")
    widths: tuple[int, ...] = Field(min_length=1, description="units of the hidden layers")
    activation: str = Field(
        default="relu",
        description="what hidden units compute",
        json_schema_extra={"type": '`"relu"`, `"binary"`'},
    )
    epochs: int = Field(ge=1, description="passes over the points")
    batch: int = Field(default=50, ge=1, description="points a step")
    rates: tuple[Annotated[float, Field(gt=0)], ...] = Field(
        min_length=1, description="first rates; each falls to a hundredth along a cosine"
    )
    below: float = Field(
        gt=0,
        description="a start has succeeded if its test error is at most this, in standard "
        "deviations of the function",
    )

    def phase(self, rate: float) -> PhaseSpec:
        """The training at one rate."""
        schedule = RateSpec(kind="cosine", rate=rate, final=rate / 100)
        return PhaseSpec(epochs=self.epochs, batch=self.batch, rate=schedule)


class MapConfigurationSpec(Table):
    """[[configuration]]: where the network is trained and what it starts from.

    `space`: "free", or on the unit sphere by "reparameterisation" or "projection". `start`:
    "standard" (He-normal, thresholds zero), or "spread" (rows on the sphere, thresholds uniform
    within their bounds), for free networks too. `bounds` are those of the "domain", or the largest
    norms that a network's layers see over the "data" at its start. `pair` is what it is compared
    with.
    """

    name: str = Field(min_length=1, description="what its row is called")
    space: Literal["free", "reparameterisation", "projection"] = Field(
        default="free", description="where it is trained: freely, or on the unit sphere"
    )
    start: Literal["standard", "spread"] = Field(
        default="standard",
        description="He-normal with thresholds zero; or unit rows with thresholds uniform over "
        "what they can see",
    )
    bounds: Literal["domain", "data"] = Field(
        default="domain",
        description="of the thresholds: for certain, or the largest norms that a network's layers "
        "see at its start",
    )
    pair: str | None = Field(
        default=None, description="the configuration that this one is compared with, start by start"
    )


class MapStudySpec(AbstractStudySpec):
    """The whole study."""

    task: Literal["map"]
    problem: tuple[ProblemSpec, ...] = Field(min_length=1)
    configuration: tuple[MapConfigurationSpec, ...] = Field(min_length=1)

    @property
    def size(self) -> int:
        """How many cells the study has."""
        each = len(self.configuration) * len(self.training.seeds)
        return each * sum(len(problem.rates) for problem in self.problem)


def check(study: MapStudySpec) -> None:
    """Raises SparsidError for what no single table can see."""
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
                "The unit sphere is for the activations relu and binary; the problem "
                f"{problem.name!r} has {problem.activation!r}."
            )
    for configuration in study.configuration:
        check_pair(configuration.name, configuration.pair, names)
