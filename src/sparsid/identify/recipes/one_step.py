"""Recipes trained on one-step errors: sparse and dense."""

from sparsid.architectures import DerivativeMLP
from sparsid.data import Dataset
from sparsid.identify.recipes.recipe import BATCH, Recipe, RecipeKind, Request, epochs_for
from sparsid.sparsify import chain, l1, threshold
from sparsid.training import Constant, Cosine, Phase, Step


def sparse_one_step(train: Dataset, *, effort: float = 1.0) -> Recipe:
    """For large, noise-free data: L1, then exact zeros, then training without a penalty.

    The direct linear path is hardly penalised, so that weak linear links are kept. Outside the box
    of the training data the network extrapolates with the linear model (for the evidence see
    docs/choosing-a-method.md). `effort` multiplies the number of epochs.
    """
    epochs = epochs_for(train.samples, steps=62_000 * effort, least=20)
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


def dense_one_step(*, epochs: int = 100) -> Recipe:
    """A dense network 25x4: Adam, initial rate 1e-3, divided by 10 every 10 epochs, batch 50.

    Source: haugstvedt2023.
    """
    phase = Phase(epochs, Step(1e-3, every=10), batch=50)
    return Recipe("dense", DerivativeMLP(widths=(25, 25, 25, 25)), (phase,))


def _one_step(request: Request) -> Recipe:
    return sparse_one_step(request.train, effort=request.effort).of(request.model)


def _dense(request: Request) -> Recipe:
    return dense_one_step(epochs=max(round(100 * request.effort), 1)).of(request.model)


ONE_STEP = RecipeKind("states", _one_step)
DENSE = RecipeKind("states", _dense)
