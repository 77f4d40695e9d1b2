"""What the specifications of all tasks share: seeds, names, and what is observed."""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any, Literal

from pydantic import Field, field_validator
from pydantic_core import PydanticCustomError

from sparsid._errors import SparsidError
from sparsid._registry import unknown
from sparsid._tables import Table
from sparsid.architectures import AbstractArchitecture

LARGEST_SEED = 2**32 - 1  # what a key takes in
MOST_SEEDS = 10_000  # that `seeds = n` may ask for


class StudyTrainingSpec(Table):
    """[training]: one network a seed; `seeds = 10` is short for 0, 1, ..., 9.

    `start = "linear"` plants the linear model in the direct path of every network. With
    `equal_steps` networks trained on fewer trajectories (`sizes`) see them so much more often that
    all make as many gradient steps as with the largest size (but for the last batch of an epoch):
    epochs are multiplied as by `effort`.
    """

    seeds: tuple[int, ...] = Field(
        default=tuple(range(10)),
        min_length=1,
        description="one network a seed; 10 is short for 0, 1, ..., 9",
        json_schema_extra={"type": "integer up to 10 000, or rising integers", "default": "10"},
    )
    dtype: Literal["float32", "float64"] = Field(
        default="float32", description="precision of training"
    )
    start: Literal["random", "linear"] = Field(
        default="random",
        description='`"linear"` plants the linear model in the direct path of each network: every '
        "model needs `skip`, or no hidden layers, and `bias`",
    )
    equal_steps: bool = Field(
        default=False,
        description="with `sizes`: on fewer trajectories epochs are multiplied (as by `effort`) "
        "so that all make as many gradient steps as with the largest size, but for the last batch "
        "of an epoch",
    )

    @field_validator("seeds", mode="before")
    @classmethod
    def _counted(cls, given: Any) -> Any:
        if type(given) is not int:
            return given
        if given > MOST_SEEDS:
            raise PydanticCustomError(
                "seeds", "a number of seeds is at most {most}", {"most": MOST_SEEDS}
            )
        return list(range(given))


class AbstractStudySpec(Table):
    """What the specifications of all tasks have; a task declares its own types of these keys."""

    task: Any
    name: str = Field(
        min_length=1, description="what the study is called; a folder holds one study"
    )
    title: str = Field(default="", description="heading of the page")
    note: str = Field(default="", description="a paragraph below the heading")
    training: StudyTrainingSpec = StudyTrainingSpec()
    configuration: tuple[Any, ...] = Field(min_length=1)

    def named(self, name: str) -> Any:
        """The configuration called `name`. Raises SparsidError naming the known ones."""
        for configuration in self.configuration:
            if configuration.name == name:
                return configuration
        raise SparsidError(unknown("configuration", name, [c.name for c in self.configuration]))


def check_seeds(seeds: tuple[int, ...]) -> None:
    """Raises SparsidError unless they rise from at least 0 and a key takes them all."""
    check_rising("training.seeds", seeds, least=0)
    if seeds[-1] > LARGEST_SEED:
        raise SparsidError(f"Seeds must be at most {LARGEST_SEED}; got {seeds[-1]}.")


def check_seeds_alone(training: StudyTrainingSpec, task: str) -> None:
    """Raises SparsidError for seeds that are not usable, and where anything else is set."""
    check_seeds(training.seeds)
    content = training.model_dump(exclude_defaults=True)
    if odd := [name for name in content if name != "seeds"]:
        raise SparsidError(f"[training] of a {task} study takes `seeds` alone; got `{odd[0]}`.")


def check_names(names: Sequence[str]) -> None:
    """Raises SparsidError where two are equal."""
    if twice := [name for name in names if names.count(name) > 1]:
        raise SparsidError(f"Names of configurations must differ; {twice[0]!r} stands twice.")


def check_pair(name: str, pair: str | None, names: Sequence[str]) -> None:
    """Raises SparsidError where the configuration `name` is compared with one that is not there."""
    if pair is not None and pair not in names:
        raise SparsidError(f"`pair` of {name!r}: " + unknown("configuration", pair, names))


def check_rising(name: str, numbers: tuple[int, ...], *, least: int = 1) -> None:
    """Raises SparsidError unless the numbers rise from at least `least`."""
    if any(a >= b for a, b in pairwise((least - 1, *numbers))):
        raise SparsidError(f"`{name}` must rise from at least {least}; got {list(numbers)}.")


def observed(models: Iterable[tuple[str, AbstractArchitecture]]) -> Literal["states", "outputs"]:
    """What the models of a simulated process's study simulate, by names of configurations.

    Raises SparsidError where they differ: errors of different channels do not compare.
    """
    by = {model.observes: name for name, model in models}
    if len(by) > 1:
        raise SparsidError(
            "The configurations of a study are judged on the same channels; "
            f"{by['states']!r} simulates states and {by['outputs']!r} outputs: make two studies "
            "of them, or take data from files and name `outputs`."
        )
    return "outputs" if "outputs" in by else "states"
