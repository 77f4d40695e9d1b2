"""Trains an ensemble by a recipe."""

from dataclasses import replace
from typing import Any, cast

import jax

from sparsid.architectures.capabilities import check_linear_start
from sparsid.data import ScaledDataset
from sparsid.evaluation import free_run_errors
from sparsid.identify.recipes import Recipe
from sparsid.identify.spec import TrainingSpec
from sparsid.training import Callback, Fitted, Monitor, fit_ensemble
from sparsid.training.fitting import check_phases
from sparsid.training.linear import linear_start
from sparsid.training.restarts import best_restarts


def check_recipe(
    recipe: Recipe, train: ScaledDataset, validation: ScaledDataset, settings: TrainingSpec
) -> None:
    """Raises SparsidError if a recipe cannot be trained on these data; trains nothing."""
    if recipe.start == "linear":
        check_linear_start(recipe.architecture)
    if recipe.phases:
        check_phases(recipe.architecture, train, recipe.phases, _monitor(validation, settings))


def run_recipe(
    recipe: Recipe,
    train: ScaledDataset,
    validation: ScaledDataset,
    settings: TrainingSpec,
    callback: Callback | None = None,
) -> Fitted:
    """Trains one recipe's ensemble; member i depends only on the seed and i."""
    key_start, key_fit = jax.random.split(jax.random.key(settings.seed))
    if recipe.own_training is not None:
        return recipe.own_training(recipe, train, validation, settings, callback, key_fit)
    start = None
    if recipe.start == "linear":
        start = linear_start(
            cast(Any, recipe.architecture), train, size=settings.members, key=key_start
        )
    fitted = fit_ensemble(
        recipe.architecture,
        train,
        recipe.phases,
        size=settings.members * recipe.restarts,
        monitor=_monitor(validation, settings),
        callback=callback,
        start=start,
        key=key_fit,
    )
    if recipe.restarts > 1:
        errors = free_run_errors(fitted.ensemble, validation.physical)
        best = best_restarts(errors, recipe.restarts)
        fitted = Fitted(fitted.ensemble.pick(best), fitted.history.pick(best.tolist()))
    content = {"recipe": recipe.name, "seed": settings.seed}
    card = replace(fitted.ensemble.card, training=content | fitted.ensemble.card.training)
    return replace(fitted, ensemble=replace(fitted.ensemble, card=card))


def _monitor(validation: ScaledDataset, settings: TrainingSpec) -> Monitor:
    return Monitor(validation, every=5, keep_best=settings.keep_best)
