"""The linear models that every network has to beat, fitted before it."""

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

#: Gives an ensemble of one linear model for a request.
type Baseline = Callable[["BaselineRequest"], Ensemble]


@dataclass(frozen=True)
class BaselineRequest:
    """What a linear model is fitted to; `model` is the architecture that it stands beside."""

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

    One that the user interrupts is not among them; of one that cannot be fitted, too large for
    second-order training, say, it gives the error.
    """
    alone = settings.model_copy(update={"members": 1})
    for name in model.baselines:
        callback = callbacks(name) if callbacks is not None else None
        try:
            found = BASELINES[name](BaselineRequest(train, validation, model, alone, callback))
        except SparsidError as error:
            found = error
        if stop.asked:
            return
        yield name, found


def one_step(request: BaselineRequest) -> Ensemble:
    """The linear map from states and inputs to increments, by least squares."""
    return fit_linear(request.train)


def free_run(request: BaselineRequest) -> Ensemble:
    """The same, trained on free runs over windows from there on."""
    recipe = linear_free_run(request.train.physical, request.validation.physical)
    parts = request.train, request.validation
    return run_recipe(recipe, *parts, request.settings, request.callback).ensemble


def arx(request: BaselineRequest) -> Ensemble:
    """The linear model with the network's lags, by least squares one step ahead."""
    return fit_arx(linear_of(request.model), request.train)


def output_error(request: BaselineRequest) -> Ensemble:
    """The same trained on its free run: the best on validation data, from several starts."""
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
