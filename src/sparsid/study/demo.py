"""The demonstration: sparse and dense ensembles of the aluminium cell, judged over 14 hours."""

from collections.abc import Callable
from dataclasses import dataclass

import jax
import numpy as np

from sparsid.data import Dataset, Normaliser
from sparsid.evaluation import (
    HorizonScore,
    Sparsity,
    error_over_time,
    forecast,
    horizon_scores,
    sparsity,
)
from sparsid.identify.estimation import Watching
from sparsid.identify.parts import Parts
from sparsid.identify.recipes import Recipe, published_dense, sparse_one_step
from sparsid.identify.run import run_recipe
from sparsid.identify.spec import TrainingSpec
from sparsid.models import Ensemble
from sparsid.processes import AluminiumCell, simulate
from sparsid.training import Fitted
from sparsid.training.progress import interruptible

HORIZONS = (100, 1000, 2500, 5000)


@dataclass(frozen=True)
class Size:
    """How much of everything; the default is the published experiment's."""

    trajectories: int = 40
    samples: int = 5000
    members: int = 10
    dense_epochs: int = 100
    effort: float = 1.0

    @property
    def horizons(self) -> tuple[int, ...]:
        return tuple(h for h in HORIZONS if h <= self.samples) or (self.samples,)


@dataclass(frozen=True)
class Judged:
    """One ensemble on the test set. Runs are (member, trajectory, T, n) in physical units."""

    fitted: Fitted
    runs: np.ndarray
    scores: dict[int, HorizonScore]
    error: np.ndarray  # e(t) of every run (member, trajectory, T)
    sparsity: Sparsity

    @property
    def ensemble(self) -> Ensemble:
        return self.fitted.ensemble


def plant_data(size: Size, seed: int) -> Parts:
    """Training, validation and test trajectories of the cell, from keys of their own."""

    def draw(key) -> Dataset:
        return simulate(
            AluminiumCell(), trajectories=size.trajectories, samples=size.samples, key=key
        )

    train, validation, test = map(draw, jax.random.split(jax.random.key(seed), 3))
    return Parts(train, validation, test)


def demo_recipes(size: Size, train: Dataset) -> dict[str, Recipe]:
    """The sparse recipe of `fit`, and the published dense network."""
    return {
        "sparse": sparse_one_step(train, effort=size.effort),
        "dense": published_dense(epochs=size.dense_epochs),
    }


def train_and_judge(
    parts: Parts, size: Size, seed: int, *, watching: Watching, tell: Callable[[str], None]
) -> dict[str, Judged]:
    """Both ensembles trained on `parts.train` and judged on `parts.test`, which chooses nothing.

    The last weights count, as published: validation is only looked at.
    """
    scale = Normaliser.fit(parts.train)
    train, validation = scale.apply(parts.train), scale.apply(parts.validation)
    settings = TrainingSpec(members=size.members, seed=seed, keep_best=False)
    judged = {}
    with interruptible() as stop:
        for name, recipe in demo_recipes(size, parts.train).items():
            fitted = run_recipe(recipe, train, validation, settings, watching(recipe.name))
            for sentence in fitted.history.sentences():
                tell(f"{name}: {sentence}")
            judged[name] = judge(fitted, parts.test or parts.validation, size.horizons)
            if stop.asked:
                break
    return judged


def judge(fitted: Fitted, test: Dataset, horizons: tuple[int, ...]) -> Judged:
    """Free runs of every member over every test trajectory."""
    truth, _, _ = test.padded()
    scale = fitted.ensemble.stacked.scaling.scale
    runs = forecast(fitted.ensemble, test)
    return Judged(
        fitted,
        runs,
        horizon_scores(runs, truth, scale=scale, horizons=horizons),
        error_over_time(runs, truth, scale=scale),
        sparsity(fitted.ensemble),
    )
