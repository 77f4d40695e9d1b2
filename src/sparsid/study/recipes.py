"""Named ways of training that need no knowledge of neural networks."""

import math
from dataclasses import dataclass
from typing import Literal

from sparsid._errors import SparsidError
from sparsid._registry import unknown
from sparsid.data import Dataset
from sparsid.models import DerivativeMLP, FreeRun
from sparsid.sparsify import chain, l1, threshold
from sparsid.training import Adam, Constant, Cosine, Phase, Step

BATCH = 128
WINDOW = 100  # samples of a training free run
RECIPES = ("auto", "one-step", "free-run", "dense")
WINDOWS = 2000  # at most so many, however long the record


@dataclass(frozen=True)
class Recipe:
    """An architecture and the phases it is trained through."""

    name: str
    architecture: DerivativeMLP
    phases: tuple[Phase, ...]
    start: Literal["random", "linear"] = "random"


def sparse_one_step(train: Dataset, *, effort: float = 1.0) -> Recipe:
    """For clean, plentiful data: L1, then exact zeros, then training on without a penalty.

    The direct linear path is hardly penalised, so that weak linear links live. Outside the box of
    the training data the network goes on along the linear model (docs/choosing-a-method.md holds
    the evidence). `effort` multiplies the number of epochs.
    """
    epochs = _epochs(train.samples, steps=62_000 * effort, least=20)
    short = max(epochs // 4, 1)
    cut = threshold(3e-3, direct=1e-4)
    return Recipe(
        "one-step",
        DerivativeMLP(widths=(25, 25, 25, 25), activation="silu", skip=True, clip="linear"),
        (
            Phase(epochs, Cosine(3e-3, 3e-4), l1(4e-5, direct=1e-6), batch=BATCH),
            Phase(short, Constant(7e-4), chain(cut, l1(1e-5, direct=1e-6)), batch=BATCH),
            Phase(epochs, Cosine(1e-3), cut, batch=BATCH),
        ),
    )


def sparse_free_run(train: Dataset, validation: Dataset, *, effort: float = 1.0) -> Recipe:
    """For measured data: free runs over windows, from the linear model on; a small tanh layer.

    The windows are 100 samples long, or as long as the records allow.
    """
    window = min(WINDOW, max(train.lengths), max(validation.lengths))
    stride = max(train.samples // WINDOWS, 5)
    loss, batch = FreeRun(window, stride), 32
    epochs = _epochs(train.samples // stride, steps=800 * effort, least=20, batch=batch)
    gentle = Adam(clip=1.0)
    return Recipe(
        "free-run",
        DerivativeMLP(widths=(15,), activation="tanh", skip=True),
        (
            Phase(epochs, Cosine(3e-3, 5e-4), l1(1e-3), gentle, loss, batch),
            Phase(max(epochs // 2, 1), Cosine(5e-4), threshold(below=5e-3), gentle, loss, batch),
        ),
        start="linear",
    )


def linear_free_run(train: Dataset, validation: Dataset) -> Recipe:
    """The linear model trained as `sparse_free_run` trains its networks: the fair comparison."""
    like = sparse_free_run(train, validation).phases[0]
    phase = Phase(like.epochs, Cosine(3e-3), optimiser=like.optimiser, loss=like.loss, batch=32)
    return Recipe("linear, free-run", DerivativeMLP(widths=()), (phase,), start="linear")


def published_dense(*, epochs: int = 100) -> Recipe:
    """The dense network of haugstvedt2023: 25x4, Adam 1e-3, rate / 10 every 10 epochs, batch 50."""
    phase = Phase(epochs, Step(1e-3, every=10), batch=50)
    return Recipe("dense", DerivativeMLP(widths=(25, 25, 25, 25)), (phase,))


def candidates(
    recipe: str, train: Dataset, validation: Dataset, *, effort: float = 1.0
) -> list[Recipe]:
    """The recipes behind a name; "auto" tries two and lets the validation free run decide."""
    match recipe:
        case "auto":
            return [
                sparse_one_step(train, effort=effort),
                sparse_free_run(train, validation, effort=effort),
            ]
        case "one-step":
            return [sparse_one_step(train, effort=effort)]
        case "free-run":
            return [sparse_free_run(train, validation, effort=effort)]
        case "dense":
            return [published_dense(epochs=max(round(100 * effort), 1))]
    raise SparsidError(unknown("recipe", recipe, RECIPES))


def _epochs(examples: int, *, steps: float, least: int, batch: int = BATCH) -> int:
    """About `steps` steps, but every example seen at least `least` and at most 300 times."""
    return min(max(math.ceil(steps * batch / max(examples, 1)), least), 300)
