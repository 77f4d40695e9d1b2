"""The linear models that every network has to beat, fitted before it."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import jax

from sparsid._errors import SparsidError
from sparsid.architectures import AbstractArchitecture
from sparsid.data import ScaledDataset
from sparsid.identify.kinds import BASELINES
from sparsid.identify.output_error import fit_output_error
from sparsid.identify.recipes import Recipe, linear_free_run
from sparsid.identify.recipes.recurrent import PATIENCE
from sparsid.identify.run import run_recipe
from sparsid.identify.spec import TrainingSpec
from sparsid.models import Ensemble
from sparsid.training import Descent, LevenbergMarquardt, Prediction, Watcher, fit_linear
from sparsid.training.progress import Stop

LEAST_SQUARES = Descent(LevenbergMarquardt(start=1e-9), Prediction(), 10, PATIENCE)

#: Gives an ensemble of one linear model for a request.
type Baseline = Callable[["BaselineRequest"], Ensemble]


@dataclass(frozen=True)
class BaselineRequest:
    """What a linear model is fitted to; `model` is the architecture that it stands beside."""

    train: ScaledDataset
    validation: ScaledDataset
    model: AbstractArchitecture
    settings: TrainingSpec
    watch: Watcher | None = None

    def run(self, recipe: Recipe) -> Ensemble:
        """The ensemble that a recipe trains."""
        return run_recipe(recipe, self.train, self.validation, self.settings, self.watch).ensemble


def fitted_baselines(
    train: ScaledDataset,
    validation: ScaledDataset,
    model: AbstractArchitecture,
    settings: TrainingSpec,
    stop: Stop,
    watching: Callable[[str], Watcher | None] | None = None,
) -> Iterator[tuple[str, Ensemble]]:
    """(name, ensemble) of each linear model that the architecture names.

    One that the user interrupts is not among them, nor one that cannot be fitted: an ARX that is
    unstable in free run, from which no output-error model can begin, or one too large for J'J.
    """
    alone = settings.model_copy(update={"members": 1})
    for name in model.baselines:
        watch = watching(name) if watching is not None else None
        try:
            ensemble = BASELINES[name](BaselineRequest(train, validation, model, alone, watch))
        except SparsidError:
            continue
        if stop.asked:
            return
        yield name, ensemble


def one_step(request: BaselineRequest) -> Ensemble:
    """The linear map from states and inputs to increments, by least squares."""
    return fit_linear(request.train)


def free_run(request: BaselineRequest) -> Ensemble:
    """The same, trained on free runs over windows from there on."""
    return request.run(linear_free_run(request.train.physical, request.validation.physical))


def arx(request: BaselineRequest) -> Ensemble:
    """The linear model with the network's lags, by least squares one step ahead."""
    return request.run(Recipe("linear, ARX", linear_of(request.model), (LEAST_SQUARES,)))


def output_error(request: BaselineRequest) -> Ensemble:
    """The same trained on its free run: the best on validation data, from several starts."""
    return fit_output_error(
        linear_of(request.model),
        request.train,
        request.validation,
        watch=request.watch,
        key=jax.random.key(request.settings.seed),
    )


def linear_of(model: AbstractArchitecture) -> AbstractArchitecture:
    """The architecture without hidden layers."""
    return model.model_copy(update={"widths": (), "skip": False, "bias": True})
