"""Named ways of training that need no knowledge of neural networks."""

import math
from dataclasses import dataclass, replace
from typing import Literal

import jax

from sparsid._errors import SparsidError
from sparsid._registry import unknown
from sparsid.data import Dataset
from sparsid.models import NARX, AbstractArchitecture, DerivativeMLP
from sparsid.sparsify import NOTHING, chain, l1, threshold
from sparsid.training import (
    Adam,
    AnyPhase,
    Constant,
    Cosine,
    Descent,
    FreeRun,
    LevenbergMarquardt,
    Phase,
    Prediction,
    Simulation,
    Step,
)
from sparsid.training.descent import LARGEST
from sparsid.training.layout import Layout
from sparsid.training.readable import Reading

BATCH = 128
WINDOW = 100  # samples of a training free run
RECIPES = ("auto", "one-step", "free-run", "readable", "dense")
WINDOWS = 2000  # at most so many, however long the record
LONGEST = 5000  # samples of a free run in training; longer records are cut into windows
MOST_SAMPLES = 200_000  # that all windows of a phase may have together
MOST_SENSITIVITIES = 200_000_000  # numbers that follow the windows of all networks on the march
RESTARTED = 1000  # trainable numbers up to which four networks a member are tried
PATIENCE = 600.0  # seconds a phase of second-order training may take


@dataclass(frozen=True)
class Recipe:
    """An architecture and the phases it is trained through."""

    name: str
    architecture: AbstractArchitecture
    phases: tuple[AnyPhase, ...]
    start: Literal["random", "linear"] = "random"
    restarts: int = 1  # networks trained for each member; the validation free run keeps one
    notes: tuple[str, ...] = ()  # what the user should know of the choice
    reading: Reading | None = None  # networks made for reading have a way of their own: no phases


def sparse_one_step(train: Dataset, *, effort: float = 1.0) -> Recipe:
    """For clean, plentiful data: L1, then exact zeros, then training on without a penalty.

    The direct linear path is hardly penalised, so that weak linear links live. Outside the box of
    the training data the network goes on along the linear model (docs/choosing-a-method.md holds
    the evidence). `effort` multiplies the number of epochs.
    """
    epochs = _epochs(train.samples, steps=62_000 * effort, least=20)
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


def sparse_free_run(train: Dataset, validation: Dataset, *, effort: float = 1.0) -> Recipe:
    """For measured data: free runs over windows, from the linear model on; a small tanh layer.

    The windows are 100 samples long, or as long as the records allow.
    """
    window = _window(train, validation)
    stride = max(train.samples // WINDOWS, 5)
    loss, batch = FreeRun(window, stride), 32
    epochs = _epochs(train.samples // stride, steps=800 * effort, least=20, batch=batch)
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


def readable(train: Dataset, *, effort: float = 1.0) -> Recipe:
    """For clean data and people who want to see: a small ReLU network for each state.

    Each takes the inputs that it needs and no others (`training.fit_readable`). They learn the
    derivative through Runge-Kutta steps: trained on Euler's, they would take the traces that the
    steps' length leaves in the data for links of the plant.
    """
    epochs = _epochs(train.samples, steps=62_000 * effort, least=20)
    model = DerivativeMLP(widths=(24, 24), skip=True, per_state=True, stepper="rk4")
    return Recipe("readable", model, (), reading=Reading(epochs, batch=BATCH))


def recurrent(
    train: Dataset,
    validation: Dataset,
    architecture: NARX,
    *,
    effort: float = 1.0,
    members: int = 10,
) -> Recipe:
    """For inputs and outputs alone: Levenberg-Marquardt on free runs that grow longer.

    Short windows first, then longer ones that must also forget a wrong start, then whole records.
    Of every network the validation free run keeps the best moment of the last phase, and of several
    a member one. A phase ends after `PATIENCE` seconds. Networks of more than `LARGEST` numbers are
    trained by Adam instead, over windows, and the user is told.
    """
    longest = max(train.lengths)
    numbers = _numbers(train, architecture)
    if numbers > LARGEST:
        loss = FreeRun(_window(train, validation), max(train.samples // WINDOWS, 5))
        epochs = _epochs(train.samples // loss.stride, steps=4000 * effort, least=20, batch=32)
        phase = Phase(epochs, Cosine(3e-3, 1e-4), optimiser=Adam(clip=1.0), loss=loss, batch=32)
        note = (
            f"The network has {numbers} trainable numbers, more than the {LARGEST} that "
            "Levenberg-Marquardt takes: Adam trains it, over windows."
        )
        return Recipe("recurrent, Adam", architecture, (phase,), notes=(note,))
    method = LevenbergMarquardt(ridge=1e-4)

    def descent(iterations: int, criterion: Simulation, *, early: bool = False) -> Descent:
        most = max(round(iterations * effort), 1)
        return Descent(method, criterion, most, PATIENCE * effort, early)

    restarts = 4 if numbers <= RESTARTED else 1
    lag = max(architecture.output_lags, architecture.input_lags)
    followed = numbers * architecture.output_lags * len(train.states) * members * restarts

    def windows(length: int, **options) -> Simulation:
        fewest = train.samples * max(length / MOST_SAMPLES, followed / MOST_SENSITIVITIES)
        stride = max(length // 2, math.ceil(fewest))
        return Simulation(length, stride, **options) if length < longest else Simulation()

    whole = windows(LONGEST) if longest > LONGEST else Simulation()
    phases = (
        descent(60, windows(max(50, 3 * lag))),
        descent(60, windows(max(100, 6 * lag), shaken=1.0, settling=max(40, 3 * lag))),
        descent(300, whole, early=True),
    )
    return Recipe("recurrent", architecture, phases, restarts=restarts)


def linear_recurrent(train: Dataset, architecture: NARX) -> dict[str, Recipe]:
    """The linear models with the same lags: ARX by least squares, and OE from there on."""
    linear = architecture.model_copy(update={"widths": (), "skip": False, "bias": True})
    least_squares = Descent(LevenbergMarquardt(start=1e-9), Prediction(), 10, PATIENCE)
    free_run = Descent(LevenbergMarquardt(), Simulation(), 100, PATIENCE)
    return {
        "linear, ARX": Recipe("linear, ARX", linear, (least_squares,)),
        "linear, OE": Recipe("linear, OE", linear, (least_squares, free_run)),
    }


def _window(train: Dataset, validation: Dataset) -> int:
    """Samples of a training free run: as many as the records allow."""
    return min(WINDOW, max(train.lengths), max(validation.lengths))


def _numbers(train: Dataset, architecture: NARX) -> int:
    """Trainable numbers of the network for this data."""
    one = architecture.skeleton(len(train.states), len(train.inputs), key=jax.random.key(0))
    return Layout.of(one).size


def linear_free_run(train: Dataset, validation: Dataset) -> Recipe:
    """The linear model trained as `sparse_free_run` trains its networks: the fair comparison."""
    like = sparse_free_run(train, validation).phases[0]
    assert isinstance(like, Phase)
    phase = replace(like, rate=Cosine(3e-3), sparsifier=NOTHING)
    return Recipe("linear, free-run", DerivativeMLP(widths=()), (phase,), start="linear")


def published_dense(*, epochs: int = 100) -> Recipe:
    """The dense network of haugstvedt2023: 25x4, Adam 1e-3, rate / 10 every 10 epochs, batch 50."""
    phase = Phase(epochs, Step(1e-3, every=10), batch=50)
    return Recipe("dense", DerivativeMLP(widths=(25, 25, 25, 25)), (phase,))


def candidates(
    recipe: str, train: Dataset, validation: Dataset, *, effort: float = 1.0
) -> list[Recipe]:
    """The recipes behind a name; "auto" tries two and lets the validation free run decide."""
    match recipe:
        case "auto":
            return [
                sparse_one_step(train, effort=effort),
                sparse_free_run(train, validation, effort=effort),
            ]
        case "one-step":
            return [sparse_one_step(train, effort=effort)]
        case "free-run":
            return [sparse_free_run(train, validation, effort=effort)]
        case "readable":
            return [readable(train, effort=effort)]
        case "dense":
            return [published_dense(epochs=max(round(100 * effort), 1))]
    raise SparsidError(unknown("recipe", recipe, RECIPES))


def _epochs(examples: int, *, steps: float, least: int, batch: int = BATCH) -> int:
    """About `steps` steps, but every example seen at least `least` and at most 300 times."""
    return min(max(math.ceil(steps * batch / max(examples, 1)), least), 300)
