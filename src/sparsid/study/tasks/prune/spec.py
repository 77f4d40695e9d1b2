"""Specification of a study of pruning paths: networks trained on their free run, then pruned."""

from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from sparsid import papers
from sparsid._errors import SparsidError
from sparsid._registry import unknown
from sparsid._tables import Table, renamed
from sparsid.architectures import NARX, AbstractArchitecture, AnyOutputArchitecture
from sparsid.architectures.capabilities import check_serves
from sparsid.identify.second_order_spec import RetrainSpec
from sparsid.identify.spec import AnySecondOrderFirst
from sparsid.plants import PLANTS
from sparsid.study.spec import (
    AbstractStudySpec,
    check_names,
    check_pair,
    check_seeds_alone,
    observed,
)

if TYPE_CHECKING:  # reading a specification does not load JAX
    from sparsid.training import Pruning

SAME_IN_PAIRS = ("model", "start", "restarts", "train", "refine")


class PathDataSpec(Table):
    """[data]: one simulated record of a process for each of training, validation and test.

    `scale` gives offset and scale of channels by name, [7.0, 5.0]; by default those of the training
    record. `noise` is the standard deviation of the outputs' measurement noise, in scaled units,
    in the training and validation records; the test record has no noise.
    """

    process: str = Field(description="a built-in plant")
    samples: int = Field(default=3000, ge=10, description="samples of each record")
    seed: int = Field(default=0, ge=0, lt=2**32, description="seed of the records")
    noise: float = Field(
        default=0.0,
        ge=0,
        description="standard deviation of the measurement noise on the outputs, in scaled units, "
        "of training and validation records; the test record has no noise",
    )
    scale: dict[str, tuple[float, float]] = Field(
        default_factory=dict,
        description="offset and scale of channels by name, [7.0, 5.0]",
        json_schema_extra={"type": "table", "default": "the training record's"},
    )


class PruneSpec(Table):
    """prune = {ranking = "obs", retrain = {iterations = 50}}: how weights are removed.

    Unless `robust`, no removal is undone, no training stops early, and a path ends when only
    negative saliencies remain.
    """

    ranking: Literal["obs", "obd"] = Field(
        default="obs", description="Optimal Brain Surgeon, or Damage with exact second derivatives"
    )
    robust: bool = Field(
        default=True,
        description="undo removals that retraining cannot compensate; false: no removal is undone, "
        "no training stops early (as published, with `tiny = 0` and `least = 0`)",
    )
    factor: float = Field(
        default=1.3, gt=1, description="largest factor by which the training error may rise"
    )
    validation_factor: float = renamed(
        "validation_factor",
        former="guard",
        default=1.05,
        gt=1,
        description="largest factor by which the validation error may rise at a removal; when no "
        "weight can be removed, this limit is dropped and `factor` is squared",
    )
    tiny: float = Field(
        default=1e-3,
        ge=0,
        description="several weights are removed at once while their predicted cost is below this "
        "share of the error",
    )
    at_once: float = Field(
        default=0.1,
        gt=0,
        le=1,
        description="largest share of the remaining weights that is removed at once",
    )
    least: int = Field(default=5, ge=0, description="number of weights at which a path ends")
    damping: float = Field(
        default=0.0, ge=0, description="limits how far OBS moves the other weights"
    )
    retrain: RetrainSpec = Field(
        default=RetrainSpec(),
        description="second-order training after each removal",
        json_schema_extra={"default": "50 iterations, `early`"},
    )

    def build(self) -> "Pruning":
        from sparsid.training import Pruning

        retrain = self.retrain.build()
        return Pruning(
            self.ranking,
            self.factor if self.robust else None,
            self.tiny,
            self.at_once,
            self.least,
            replace(retrain, early=retrain.early and self.robust),
            self.damping,
            self.validation_factor if self.robust else None,
        )


class PathConfigurationSpec(Table):
    """[[configuration]]: an architecture, how it starts and is trained, and how it is pruned.

    Of `restarts` networks per seed, the one of least validation error after `train` is kept and
    trained further by `refine`. `published` names the group of the paper's networks that these are
    compared with, `pair` the configuration that prunes the same networks differently.
    """

    name: str = Field(min_length=1, description="name of the configuration")
    model: AnyOutputArchitecture = Field(
        default=NARX(),
        description='`kind = "narx"` and the keys below, or another kind of model',
        json_schema_extra={"default": "NARX of 20 tanh units"},
    )
    start: Literal["uniform", "small"] = Field(
        default="small", description="weights from U[-1, 1] as published, or from U[-0.3, 0.3]"
    )
    restarts: int = Field(
        default=1,
        ge=1,
        description="networks per seed; the one of least validation error after `train` is kept",
    )
    train: tuple[AnySecondOrderFirst, ...] = Field(
        min_length=1,
        description="phases of training, below",
        json_schema_extra={"type": "list of tables"},
    )
    refine: tuple[AnySecondOrderFirst, ...] = Field(
        default=(),
        description="further phases for the network that was kept",
        json_schema_extra={"type": "list of tables"},
    )
    prune: PruneSpec = Field(
        default=PruneSpec(),
        description="how weights are removed",
        json_schema_extra={"default": "see below"},
    )
    published: str | None = Field(
        default=None, description='a group of the paper\'s networks (`"N20"`), for comparison'
    )
    pair: str | None = Field(
        default=None, description="the configuration that prunes the same networks differently"
    )


class PathStudySpec(AbstractStudySpec):
    """A study of pruning paths. `published` names the paper that results are compared with."""

    task: Literal["prune"]
    published: str | None = Field(
        default=None, description="a paper (`papers/`) whose numbers are shown for comparison"
    )
    data: PathDataSpec
    configuration: tuple[PathConfigurationSpec, ...] = Field(min_length=1)

    @property
    def size(self) -> int:
        """How many cells the study has."""
        return len(self.configuration) * len(self.training.seeds)

    @property
    def networks(self) -> list[tuple[str, AbstractArchitecture]]:
        """Names and architectures of the configurations."""
        return [(c.name, c.model) for c in self.configuration]


def check(study: PathStudySpec) -> None:
    """Raises SparsidError for conflicts between tables."""
    check_seeds_alone(study.training, "pruning")
    _check_published(study)
    plant = PLANTS[study.data.process]
    channels = plant.outputs if observed(study.networks) == "outputs" else plant.states
    known = (*channels.names, *plant.inputs.names)
    for name, (_, scale) in study.data.scale.items():
        if name not in known:
            raise SparsidError(unknown("channel of [data] scale", name, known))
        if not scale > 0:
            raise SparsidError(f"The scale of {name} must be positive; got {scale:g}.")
    names = [c.name for c in study.configuration]
    check_names(names)
    for c in study.configuration:
        for phase in (*c.train, *c.refine):
            check_serves(c.model, phase)
        check_pair(c.name, c.pair, names)
        if c.pair is not None:
            _check_same_networks(c, study.configuration[names.index(c.pair)])


def _check_same_networks(c: PathConfigurationSpec, other: PathConfigurationSpec) -> None:
    unlike = [part for part in SAME_IN_PAIRS if getattr(c, part) != getattr(other, part)]
    if unlike:
        raise SparsidError(
            f"A pair must prune the same networks; {c.name!r} and {other.name!r} differ in "
            f"{', '.join(unlike)}. Make them equal, or drop `pair`."
        )


def _check_published(study: PathStudySpec) -> None:
    if study.published is not None:
        papers.check(study.published)
    for name in (c.published for c in study.configuration if c.published is not None):
        if study.published is None:
            raise SparsidError(
                "`published` of a configuration needs `published` of the study, which names the "
                f"paper; set it, or leave {name!r} out."
            )
        papers.paper(study.published).group(name)
