"""Linear models, fitted before the networks as baselines."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass

import jax

from sparsid._errors import SparsidError
from sparsid.architectures import AbstractArchitecture
from sparsid.data import ScaledDataset
from sparsid.identify.kinds import BASELINES
from sparsid.identify.output_error import fit_arx, fit_output_error
from sparsid.identify.recipes import linear_free_run
from sparsid.identify.run import run_recipe
from sparsid.identify.spec import TrainingSpec
from sparsid.models import Ensemble
from sparsid.training import Callback, fit_linear
from sparsid.training.progress import Stop

#: Returns an ensemble of one linear model for a request.
type Baseline = Callable[["BaselineRequest"], Ensemble]


@dataclass(frozen=True)
class BaselineRequest:
    """Data and settings of a linear model; `model` is the architecture it is the baseline of."""

    train: ScaledDataset
    validation: ScaledDataset
    model: AbstractArchitecture
    settings: TrainingSpec
    callback: Callback | None = None


def fitted_baselines(
    train: ScaledDataset,
    validation: ScaledDataset,
    model: AbstractArchitecture,
    settings: TrainingSpec,
    stop: Stop,
    callbacks: Callable[[str], Callback | None] | None = None,
) -> Iterator[tuple[str, Ensemble | SparsidError]]:
    """(name, ensemble) of each linear model that the architecture names.

    An interrupted one is left out. For one that cannot be fitted, such as one that is too large for
    second-order training, the error is returned instead of the ensemble.
    """
    single = settings.model_copy(update={"members": 1})
    for name in model.baselines:
        callback = callbacks(name) if callbacks is not None else None
        try:
            found = BASELINES[name](BaselineRequest(train, validation, model, single, callback))
        except SparsidError as error:
            found = error
        if stop.asked:
            return
        yield name, found


def one_step(request: BaselineRequest) -> Ensemble:
    """The linear map from states and inputs to increments, by least squares."""
    return fit_linear(request.train)


def free_run(request: BaselineRequest) -> Ensemble:
    """The same as initial model, then trained on free runs over windows."""
    recipe = linear_free_run(request.train.physical, request.validation.physical)
    parts = request.train, request.validation
    return run_recipe(recipe, *parts, request.settings, request.callback).ensemble


def arx(request: BaselineRequest) -> Ensemble:
    """The linear ARX model with the network's lags, by one-step least squares."""
    return fit_arx(linear_of(request.model), request.train)


def output_error(request: BaselineRequest) -> Ensemble:
    """The same trained on its free run from several starts; validation data select one."""
    return fit_output_error(
        linear_of(request.model),
        request.train,
        request.validation,
        callback=request.callback,
        key=jax.random.key(request.settings.seed),
    )


def linear_of(model: AbstractArchitecture) -> AbstractArchitecture:
    """The architecture without hidden layers."""
    return model.model_copy(update={"widths": (), "skip": False, "bias": True})
