"""The linear models that every network has to beat, fitted before it."""

from collections.abc import Callable, Iterator

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
from sparsid.training import Descent, LevenbergMarquardt, Prediction, fit_linear
from sparsid.training.progress import Stop

LEAST_SQUARES = Descent(LevenbergMarquardt(start=1e-9), Prediction(), 10, PATIENCE)

#: (train, validation, the network's architecture, settings) -> an ensemble of one linear model.
type Baseline = Callable[
    [ScaledDataset, ScaledDataset, AbstractArchitecture, TrainingSpec], Ensemble
]


def fitted_baselines(
    train: ScaledDataset,
    validation: ScaledDataset,
    model: AbstractArchitecture,
    settings: TrainingSpec,
    stop: Stop,
) -> Iterator[tuple[str, Ensemble]]:
    """(name, ensemble) of each linear model that the architecture names.

    One that the user interrupts is not among them, nor one that cannot be fitted: an ARX that is
    unstable in free run, from which no output-error model can begin, or one too large for J'J.
    """
    alone = settings.model_copy(update={"members": 1})
    for name in model.baselines:
        try:
            ensemble = BASELINES[name](train, validation, model, alone)
        except SparsidError:
            continue
        if stop.asked:
            return
        yield name, ensemble


def one_step(
    train: ScaledDataset,
    validation: ScaledDataset,
    model: AbstractArchitecture,
    settings: TrainingSpec,
) -> Ensemble:
    """The linear map from states and inputs to increments, by least squares."""
    return fit_linear(train)


def free_run(
    train: ScaledDataset,
    validation: ScaledDataset,
    model: AbstractArchitecture,
    settings: TrainingSpec,
) -> Ensemble:
    """The same, trained on free runs over windows from there on."""
    recipe = linear_free_run(train.physical, validation.physical)
    return run_recipe(recipe, train, validation, settings).ensemble


def arx(
    train: ScaledDataset,
    validation: ScaledDataset,
    model: AbstractArchitecture,
    settings: TrainingSpec,
) -> Ensemble:
    """The linear model with the network's lags, by least squares one step ahead."""
    recipe = Recipe("linear, ARX", linear_of(model), (LEAST_SQUARES,))
    return run_recipe(recipe, train, validation, settings).ensemble


def output_error(
    train: ScaledDataset,
    validation: ScaledDataset,
    model: AbstractArchitecture,
    settings: TrainingSpec,
) -> Ensemble:
    """The same trained on its free run: the best on validation data, from several starts."""
    key = jax.random.key(settings.seed)
    return fit_output_error(linear_of(model), train, validation, key=key)


def linear_of(model: AbstractArchitecture) -> AbstractArchitecture:
    """The architecture without hidden layers."""
    return model.model_copy(update={"widths": (), "skip": False, "bias": True})
