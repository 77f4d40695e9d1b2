"""What a recipe is: an architecture, and how it is trained."""

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
WINDOWS = 2000  # at most so many, however long the record

#: A way of training of its own: (recipe, train, validation, settings, watch, key) -> fitted.
type OwnTraining = Callable[
    ["Recipe", ScaledDataset, ScaledDataset, TrainingSpec, Callback | None, Key[Array, ""]], Fitted
]


@dataclass(frozen=True)
class Recipe:
    """An architecture and the phases it is trained through, or a way of training of its own."""

    name: str
    architecture: AbstractArchitecture
    phases: tuple[AnyPhase, ...] = ()
    start: Literal["random", "linear"] = "random"
    restarts: int = 1  # networks trained for each member; the validation free run keeps one
    notes: tuple[str, ...] = ()  # what the user should know of the choice
    own_training: OwnTraining | None = None

    def of(self, model: AbstractArchitecture | None) -> "Recipe":
        """The same with the user's architecture, if there is one."""
        if model is None:
            return self
        start = self.start if model.linear_path else "random"
        return replace(self, architecture=model, start=start)


@dataclass(frozen=True)
class Request:
    """What a recipe is made for. `effort` multiplies epochs and iterations."""

    train: Dataset
    validation: Dataset
    model: AbstractArchitecture | None = None
    effort: float = 1.0
    members: int = 10


class RecipeKind(NamedTuple):
    """A registered recipe: what it simulates, and how it is made for a request."""

    observes: Literal["states", "outputs"]
    make: Callable[[Request], Recipe]


def window(train: Dataset, validation: Dataset) -> int:
    """Samples of a training free run: as many as the records allow."""
    return min(WINDOW, max(train.lengths), max(validation.lengths))


def epochs_for(examples: int, *, steps: float, least: int, batch: int = BATCH) -> int:
    """About `steps` steps, but every example seen at least `least` and at most 300 times."""
    return min(max(math.ceil(steps * batch / max(examples, 1)), least), 300)
