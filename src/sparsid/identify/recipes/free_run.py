"""The recipe for measured data: free runs over windows."""

from dataclasses import replace

from sparsid.architectures import DerivativeMLP
from sparsid.data import Dataset
from sparsid.identify.recipes.recipe import (
    WINDOWS,
    Recipe,
    RecipeKind,
    Request,
    epochs_for,
    window,
)
from sparsid.sparsify import NOTHING, l1, threshold
from sparsid.training import Adam, Cosine, FreeRun, Phase


def sparse_free_run(train: Dataset, validation: Dataset, *, effort: float = 1.0) -> Recipe:
    """For measured data: a small tanh network, trained on free runs from the linear model.

    The free runs cover windows of 100 samples, or shorter ones if the records are shorter.
    """
    stride = max(train.samples // WINDOWS, 5)
    loss, batch = FreeRun(window=window(train, validation), stride=stride), 32
    epochs = epochs_for(train.samples // stride, steps=800 * effort, least=20, batch=batch)
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
    """The linear model trained like the networks of `sparse_free_run`, for a fair comparison."""
    like = sparse_free_run(train, validation).phases[0]
    assert isinstance(like, Phase)
    phase = replace(like, rate=Cosine(3e-3), sparsifier=NOTHING)
    return Recipe("linear, free-run", DerivativeMLP(widths=()), (phase,), start="linear")


def _free_run(request: Request) -> Recipe:
    made = sparse_free_run(request.train, request.validation, effort=request.effort)
    return made.of(request.model)


FREE_RUN = RecipeKind("states", _free_run)
