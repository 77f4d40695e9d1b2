"""What the specifications of all tasks share: seeds, names and observed channels."""

from collections.abc import Iterable, Sequence
from itertools import pairwise
from typing import Any, Literal

from pydantic import Field, field_validator
from pydantic_core import PydanticCustomError

from sparsid._errors import SparsidError
from sparsid._registry import unknown
from sparsid._tables import Table
from sparsid.architectures import AbstractArchitecture

LARGEST_SEED = 2**32 - 1  # limit of a random key
MOST_SEEDS = 10_000  # limit of n in `seeds = n`


class StudyTrainingSpec(Table):
    """[training]: one network per seed; `seeds = 10` is short for 0, 1, ..., 9.

    `start = "linear"` initialises the direct path of every network with the linear model. With
    `equal_steps` networks trained on fewer trajectories (`sizes`) train for more epochs, so that
    all make as many gradient steps as with the largest size (except for the last batch of an
    epoch): epochs are multiplied as by `effort`.
    """

    seeds: tuple[int, ...] = Field(
        default=tuple(range(10)),
        min_length=1,
        description="one network per seed; 10 is short for 0, 1, ..., 9",
        json_schema_extra={"type": "integer up to 10 000, or increasing integers", "default": "10"},
    )
    dtype: Literal["float32", "float64"] = Field(
        default="float32", description="precision of training"
    )
    start: Literal["random", "linear"] = Field(
        default="random",
        description='`"linear"` initialises the direct path of each network with the linear model: '
        "every model needs `skip`, or no hidden layers, and `bias`",
    )
    equal_steps: bool = Field(
        default=False,
        description="with `sizes`: on fewer trajectories epochs are multiplied (as by `effort`) "
        "so that all make as many gradient steps as with the largest size, except for the last "
        "batch of an epoch",
    )

    @field_validator("seeds", mode="before")
    @classmethod
    def _counted(cls, given: Any) -> Any:
        if type(given) is not int:
            return given
        if given > MOST_SEEDS:
            raise PydanticCustomError(
                "seeds", "the number of seeds must be at most {most}", {"most": MOST_SEEDS}
            )
        return list(range(given))


class AbstractStudySpec(Table):
    """Keys of the specifications of all tasks; each task narrows their types."""

    task: Any
    name: str = Field(min_length=1, description="name of the study; a folder holds one study")
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
    """Raises SparsidError unless they increase from at least 0 and are valid for random keys."""
    check_rising("training.seeds", seeds, least=0)
    if seeds[-1] > LARGEST_SEED:
        raise SparsidError(f"Seeds must be at most {LARGEST_SEED}; got {seeds[-1]}.")


def check_seeds_alone(training: StudyTrainingSpec, task: str) -> None:
    """Raises SparsidError for invalid seeds, and if any other key is set."""
    check_seeds(training.seeds)
    given = training.model_dump(exclude_defaults=True)
    if others := [name for name in given if name != "seeds"]:
        raise SparsidError(f"[training] of a {task} study takes only `seeds`; got `{others[0]}`.")


def check_names(names: Sequence[str]) -> None:
    """Raises SparsidError if two names are equal."""
    if twice := [name for name in names if names.count(name) > 1]:
        raise SparsidError(f"Names of configurations must be unique; {twice[0]!r} occurs twice.")


def check_pair(name: str, pair: str | None, names: Sequence[str]) -> None:
    """Raises SparsidError if the `pair` of the configuration `name` does not exist."""
    if pair is not None and pair not in names:
        raise SparsidError(f"`pair` of {name!r}: " + unknown("configuration", pair, names))


def check_rising(name: str, numbers: tuple[int, ...], *, least: int = 1) -> None:
    """Raises SparsidError unless the numbers increase strictly from at least `least`."""
    if any(a >= b for a, b in pairwise((least - 1, *numbers))):
        raise SparsidError(f"`{name}` must increase from at least {least}; got {list(numbers)}.")


def observed(models: Iterable[tuple[str, AbstractArchitecture]]) -> Literal["states", "outputs"]:
    """Whether the models of a study of a simulated process simulate its states or its outputs.

    Raises SparsidError if they differ: errors of different channels cannot be compared.
    """
    by = {model.observes: name for name, model in models}
    if len(by) > 1:
        raise SparsidError(
            "All configurations of a study must simulate the same channels; "
            f"{by['states']!r} simulates states and {by['outputs']!r} outputs: use two studies, "
            "or take data from files and name `outputs`."
        )
    return "outputs" if "outputs" in by else "states"
