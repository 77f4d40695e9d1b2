"""The recipe for interpretable models: a small network per state with few inputs."""

from collections.abc import Sequence
from dataclasses import replace
from itertools import product
from typing import Any, cast

import numpy as np
from jaxtyping import Array, Key

from sparsid._errors import SparsidError
from sparsid.architectures import DerivativeMLP
from sparsid.data import ScaledDataset
from sparsid.identify.recipes.recipe import BATCH, Recipe, RecipeKind, Request, epochs_for
from sparsid.identify.spec import TrainingSpec
from sparsid.training import Callback, Fitted
from sparsid.training.readable import LinkPath, Reading, fit_readable


def readable(request: Request) -> Recipe:
    """For noise-free data: a small ReLU network per state, with only the inputs that it needs.

    They learn the derivative through Runge-Kutta steps: with Euler steps, discretisation errors in
    the data would appear as links of the plant (`training.fit_readable`). Raises SparsidError for
    an architecture without a network per state.
    """
    model = request.model
    if model is None:
        model = DerivativeMLP(widths=(24, 24), skip=True, per_state=True, stepper="rk4")
    if not getattr(model, "per_state", False):
        raise SparsidError(
            'The recipe "readable" is for networks per state: set `per_state = true` in [model], '
            "or leave [model] out."
        )
    epochs = epochs_for(request.train.samples, steps=62_000 * request.effort, least=20)
    reading = Reading(epochs, batch=BATCH)

    def train_readable(
        recipe: Recipe,
        train: ScaledDataset,
        validation: ScaledDataset,
        settings: TrainingSpec,
        callback: Callback | None,
        key: Key[Array, ""],
    ) -> Fitted:
        return _train(recipe, reading, train, validation, settings, callback, key)

    return Recipe("readable", model, own_training=train_readable)


READABLE = RecipeKind("states", readable)


def _train(
    recipe: Recipe,
    reading: Reading,
    train: ScaledDataset,
    validation: ScaledDataset,
    settings: TrainingSpec,
    callback: Callback | None,
    key: Key[Array, ""],
) -> Fitted:
    """Trains the networks; the card records which penalties and inputs were selected."""
    done = fit_readable(
        cast(DerivativeMLP, recipe.architecture),
        train,
        validation,
        reading,
        size=settings.members,
        callback=callback,
        key=key,
    )
    content: dict[str, Any] = {"recipe": recipe.name, "seed": settings.seed}
    if (choice := done.strengths) is not None:
        names = train.physical.states.names
        content["l1_per_state"] = dict(zip(names, choice.per_state, strict=True))
        content["l1_tried"] = list(choice.strengths)
        content["joint_free_run"] = {
            "each_strength": [_finite(error) for error in choice.joint],
            "chosen": _finite(choice.joint_chosen),
        }
    fitted = done.fitted
    card = fitted.ensemble.card
    if done.path is not None:
        content["inputs_tried"] = _tried(done.path, card.states.names, card.inputs.names)
    card = replace(card, training=content | card.training)
    return replace(fitted, ensemble=replace(fitted.ensemble, card=card))


def _tried(
    path: LinkPath, states: Sequence[str], inputs: Sequence[str]
) -> dict[str, dict[str, dict[str, Any]]]:
    """For each state and input tested: the number of networks, of removals, and the error ratio.

    The ratio is the median of the squared one-step error without the input over that with it.
    """
    details: dict[str, dict[str, dict[str, Any]]] = {}
    for (i, state), (j, name) in product(enumerate(states), enumerate((*states, *inputs))):
        at = path.tried[:, :, i] == j
        if at.any():
            with np.errstate(divide="ignore", invalid="ignore"):
                cost = np.median(path.error[:, :, i][at] / path.error_with[:, :, i][at])
            gone = int(path.gone[:, :, i][at].sum())
            content = {"networks": int(at.sum()), "gone": gone, "error_ratio": _finite(cost)}
            details.setdefault(state, {})[name] = content
    return details


def _finite(error: float) -> float | None:
    return float(error) if np.isfinite(error) else None  # JSON has no infinity
