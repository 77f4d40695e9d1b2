"""The recipe for input-output data: a recurrent network trained on its free run."""

import math
from typing import cast

from sparsid._errors import SparsidError
from sparsid.architectures import NARX, AbstractArchitecture
from sparsid.data import Dataset
from sparsid.identify.recipes.recipe import (
    WINDOWS,
    Recipe,
    RecipeKind,
    Request,
    epochs_for,
    window,
)
from sparsid.training import (
    Adam,
    Cosine,
    FreeRun,
    LevenbergMarquardt,
    Phase,
    SecondOrderPhase,
    Simulation,
)
from sparsid.training.second_order import LARGEST

LONGEST = 5000  # samples of a free run in training; longer records are split into windows
MOST_SAMPLES = 200_000  # of all windows of a phase together
MOST_SENSITIVITIES = 200_000_000  # numbers carried through the windows of all networks
RESTARTED = 1000  # trainable parameters up to which four networks per member are trained
PATIENCE = 600.0  # seconds a phase of second-order training may take


def recurrent(
    train: Dataset,
    validation: Dataset,
    architecture: NARX,
    *,
    effort: float = 1.0,
    members: int = 10,
) -> Recipe:
    """For input-output data: Levenberg-Marquardt on free runs of increasing length.

    Short windows first, then longer ones with perturbed initial outputs, then complete records.
    The validation free run selects the best iteration of the last phase, and one of several
    networks per member. A phase ends after `PATIENCE` seconds. Networks of more than `LARGEST`
    parameters are trained by Adam on windows instead, with a note.
    """
    longest = max(train.lengths)
    parameters = trained_numbers(train, architecture)
    if parameters > LARGEST:
        return _by_adam(train, validation, architecture, parameters, effort)
    method = LevenbergMarquardt(ridge=1e-4)

    def phase(iterations: int, criterion: Simulation, *, early: bool = False) -> SecondOrderPhase:
        most = max(round(iterations * effort), 1)
        return SecondOrderPhase(method, criterion, most, PATIENCE * effort, early)

    restarts, lag = 4 if parameters <= RESTARTED else 1, architecture.lag
    carried = parameters * architecture.output_lags * len(train.states) * members * restarts

    def windows(length: int, **options) -> Simulation:
        fewest = train.samples * max(length / MOST_SAMPLES, carried / MOST_SENSITIVITIES)
        stride = max(length // 2, math.ceil(fewest))
        return Simulation(length, stride, **options) if length < longest else Simulation()

    whole = windows(LONGEST) if longest > LONGEST else Simulation()
    phases = (
        phase(60, windows(max(50, 3 * lag))),
        phase(60, windows(max(100, 6 * lag), perturbation=1.0, burn_in=max(40, 3 * lag))),
        phase(300, whole, early=True),
    )
    return Recipe("recurrent", architecture, phases, restarts=restarts)


def _by_adam(
    train: Dataset, validation: Dataset, architecture: NARX, parameters: int, effort: float
) -> Recipe:
    loss = FreeRun(window=window(train, validation), stride=max(train.samples // WINDOWS, 5))
    epochs = epochs_for(train.samples // loss.stride, steps=4000 * effort, least=20, batch=32)
    phase = Phase(epochs, Cosine(3e-3, 1e-4), optimiser=Adam(clip=1.0), loss=loss, batch=32)
    note = (
        f"The network has {parameters} trainable parameters, more than the {LARGEST} that "
        "Levenberg-Marquardt supports: it is trained by Adam on windows."
    )
    return Recipe("recurrent, Adam", architecture, (phase,), notes=(note,))


def trained_numbers(train: Dataset, architecture: AbstractArchitecture) -> int:
    """The number of trainable parameters of a model of this architecture for this data."""
    arrays = architecture.arrays(len(train.states), len(train.inputs)).values()
    return sum(array.size for array in arrays if array.trained)


def _recurrent(request: Request) -> Recipe:
    model = request.model or NARX()
    if "recurrent" not in model.recipes:
        raise SparsidError(
            f'The recipe "recurrent" is for recurrent networks; a model of kind {model.kind!r} has '
            f"{', '.join(model.recipes)}."
        )
    options = {"effort": request.effort, "members": request.members}
    return recurrent(request.train, request.validation, cast(NARX, model), **options)


RECURRENT = RecipeKind("outputs", _recurrent)
