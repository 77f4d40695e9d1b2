"""A study of pruning paths, as data: networks trained on their free run, then pruned."""

from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from pydantic import Field

from sparsid import papers
from sparsid._errors import SparsidError
from sparsid._registry import unknown
from sparsid._tables import Table
from sparsid.architectures import NARX, AbstractArchitecture, AnyOutputArchitecture
from sparsid.architectures.capabilities import check_serves
from sparsid.identify.descent_spec import RetrainSpec
from sparsid.identify.spec import AnySecondOrderFirst
from sparsid.plants import PLANTS
from sparsid.study.spec import (
    StudyTrainingSpec,
    check_names,
    check_pair,
    check_seeds_alone,
    observed,
)

if TYPE_CHECKING:  # a specification is read, and refused, without JAX
    from sparsid.training import Pruning

SAME_IN_PAIRS = ("model", "start", "restarts", "train", "refine")


class PathDataSpec(Table):
    """[data]: one record of a process for each part, in a scale of its own.

    `scale` gives offset and scale of channels by name, [7.0, 5.0]; others are those of the training
    record. `noise` is the standard deviation of the outputs' measurement noise, in scaled numbers,
    on training and validation records alike; the test record stays clean.
    """

    process: str
    samples: int = Field(default=3000, ge=10)
    seed: int = Field(default=0, ge=0, lt=2**32)
    noise: float = Field(default=0.0, ge=0)
    scale: dict[str, tuple[float, float]] = Field(default_factory=dict)


class PruneSpec(Table):
    """prune = {ranking = "obs", retrain = {iterations = 50}}; how weights go.

    Not `robust`: nothing is undone, nothing stops early, and a path ends where only negative
    saliencies are left.
    """

    ranking: Literal["obs", "obd"] = "obs"
    robust: bool = True
    factor: float = Field(default=1.3, gt=1)
    guard: float = Field(default=1.05, gt=1)
    tiny: float = Field(default=1e-3, ge=0)
    at_once: float = Field(default=0.1, gt=0, le=1)
    least: int = Field(default=5, ge=0)
    damping: float = Field(default=0.0, ge=0)
    retrain: RetrainSpec = RetrainSpec()

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
            self.guard if self.robust else None,
        )


class PathConfigurationSpec(Table):
    """[[configuration]]: an architecture, how it starts and is trained, and how it is pruned.

    Of `restarts` networks a seed the validation record keeps one after `train`, which goes on by
    `refine`. `published` names the group of the paper's networks
    that these are shown beside, `pair` the configuration that prunes the same networks in another
    way.
    """

    name: str = Field(min_length=1)
    model: AnyOutputArchitecture = NARX()
    start: Literal["uniform", "small"] = "small"
    restarts: int = Field(default=1, ge=1)
    train: tuple[AnySecondOrderFirst, ...] = Field(min_length=1)
    refine: tuple[AnySecondOrderFirst, ...] = ()
    prune: PruneSpec = PruneSpec()
    published: str | None = None
    pair: str | None = None


class PathStudySpec(Table):
    """The whole study. `published` names the paper whose numbers are printed beside."""

    task: Literal["prune"]
    name: str = Field(min_length=1)
    title: str = ""
    note: str = ""
    published: str | None = None
    data: PathDataSpec
    training: StudyTrainingSpec = StudyTrainingSpec()
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
    """Raises SparsidError for what no single table can see."""
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
            f"A pair prunes the same networks; {c.name!r} and {other.name!r} differ in "
            f"{', '.join(unlike)}. Make them equal, or drop `pair`."
        )


def _check_published(study: PathStudySpec) -> None:
    if study.published is not None:
        papers.check(study.published)
    for name in (c.published for c in study.configuration if c.published is not None):
        if study.published is None:
            raise SparsidError(
                f"`published` of a configuration names networks of the paper that the study's own "
                f"`published` names, which is missing; give it, or leave {name!r} out."
            )
        papers.paper(study.published).group(name)
