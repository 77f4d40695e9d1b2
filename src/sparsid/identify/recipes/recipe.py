"""The recipe: an architecture and its training."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Literal, NamedTuple

from jaxtyping import Array, Key

from sparsid.architectures import AbstractArchitecture
from sparsid.data import Dataset, ScaledDataset
from sparsid.identify.spec import TrainingSpec
from sparsid.training import AnyPhase, Callback, Fitted

BATCH = 128
WINDOW = 100  # samples of a training free run
WINDOWS = 2000  # at most

#: A custom training function: (recipe, train, validation, settings, callback, key) -> fitted.
type OwnTraining = Callable[
    ["Recipe", ScaledDataset, ScaledDataset, TrainingSpec, Callback | None, Key[Array, ""]], Fitted
]


@dataclass(frozen=True)
class Recipe:
    """An architecture and its training phases, or a custom training function."""

    name: str
    architecture: AbstractArchitecture
    phases: tuple[AnyPhase, ...] = ()
    start: Literal["random", "linear"] = "random"
    restarts: int = 1  # networks trained per member; the validation free run selects one
    notes: tuple[str, ...] = ()  # for the user
    own_training: OwnTraining | None = None

    def of(self, model: AbstractArchitecture | None) -> "Recipe":
        """The same with the user's architecture, if given."""
        if model is None:
            return self
        start = self.start if model.linear_path else "random"
        return replace(self, architecture=model, start=start)


@dataclass(frozen=True)
class Request:
    """The arguments of a recipe. `effort` multiplies epochs and iterations."""

    train: Dataset
    validation: Dataset
    model: AbstractArchitecture | None = None
    effort: float = 1.0
    members: int = 10


class RecipeKind(NamedTuple):
    """A registered recipe: what it simulates, and the function that makes it for a request."""

    observes: Literal["states", "outputs"]
    make: Callable[[Request], Recipe]


def window(train: Dataset, validation: Dataset) -> int:
    """Samples of a training free run: `WINDOW`, or the longest record if that is shorter."""
    return min(WINDOW, max(train.lengths), max(validation.lengths))


def epochs_for(examples: int, *, steps: float, least: int, batch: int = BATCH) -> int:
    """The number of epochs for about `steps` steps, between `least` and 300."""
    return min(max(math.ceil(steps * batch / max(examples, 1)), least), 300)
