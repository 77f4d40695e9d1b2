"""The linear output-error (OE) model, trained to simulate a plant's outputs."""

from dataclasses import replace

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key, PyTree

from sparsid.architectures import AbstractArchitecture, Card
from sparsid.data import ScaledDataset
from sparsid.identify.errors import simulation_errors
from sparsid.models import Ensemble
from sparsid.training import (
    Callback,
    LevenbergMarquardt,
    Monitor,
    SecondOrderPhase,
    Simulation,
    fit_ensemble,
)
from sparsid.training.restarts import best_restarts

POLES = (0.0, 0.5, 0.9, 0.99)  # of the models y(k) = pole y(k-1) that training starts from
WINDOW = 200  # samples of the windows trained on before complete records
PATIENCE = 600.0  # seconds a phase may take
IN_WINDOWS, WHOLE = 50, 300  # iterations at most


def fit_output_error(
    architecture: AbstractArchitecture,
    train: ScaledDataset,
    validation: ScaledDataset,
    *,
    callback: Callback | None = None,
    key: Key[Array, ""],
) -> Ensemble:
    """A linear model trained on its free run, as an ensemble of one.

    `architecture` has no hidden layers. The sum of squares has several minima, and an ARX model may
    be unstable in free run: training starts from the ARX model and from first-order models of
    several time constants, on windows and then complete records, and from the latter on complete
    records only. Every run returns to its point of least validation error, and the best is kept.
    The ARX model itself is not a candidate. Raises SparsidError for more parameters than
    second-order training supports, and for records that are too short.
    """
    options = {"monitor": Monitor(validation), "dtype": "float64", "callback": callback, "key": key}
    starts, method = _starts(architecture, train, key=key), LevenbergMarquardt()
    length = max(WINDOW, 6 * architecture.lag)
    within = length < max(train.scaled.lengths)
    windows = Simulation(length, length // 2) if within else Simulation()
    first = SecondOrderPhase(method, windows, IN_WINDOWS, PATIENCE)
    size = 1 + len(POLES)
    moved = fit_ensemble(architecture, train, (first,), size=size, start=starts, **options)
    both = jax.tree.map(
        lambda a, b: np.concatenate([a, b[1:]]), moved.ensemble.stacked.model, starts
    )
    whole, size = SecondOrderPhase(method, Simulation(), WHOLE, PATIENCE, early=True), 2 * size - 1
    done = fit_ensemble(architecture, train, (whole,), size=size, start=both, **options)
    fitted = done.ensemble
    errors, _ = simulation_errors(fitted, validation.physical)
    (best,) = best_restarts(np.nan_to_num(errors.mean(axis=1), nan=np.inf), len(fitted))
    names = ["ARX", *(f"pole {pole:g}" for pole in POLES)]
    names = [*(f"{name}, windows first" for name in names), *names[1:]]
    details = fitted.card.training | {"recipe": "linear, OE", "start": names[best]}
    return replace(fitted.pick([best]), card=replace(fitted.card, training=details))


def fit_arx(architecture: AbstractArchitecture, train: ScaledDataset) -> Ensemble:
    """The linear model by one-step least squares, as an ensemble of one.

    `architecture` has no hidden layers.
    """
    arx = jax.tree.map(lambda leaf: leaf[:1], _starts(architecture, train, key=jax.random.key(0)))
    card = Card.describing(train.physical, architecture, method="one-step least squares")
    return Ensemble.of(arx, train.normaliser, card, size=1)


def _starts(
    architecture: AbstractArchitecture, train: ScaledDataset, *, key: Key[Array, ""]
) -> PyTree:
    """Stacked linear models: the ARX model, then y(k) = pole y(k-1) for each of `POLES`."""
    lag = architecture.lag
    rows = np.concatenate([architecture.regressors(t.x, t.u) for t in train.scaled])
    now = np.concatenate([t.x[lag:] for t in train.scaled])
    before = np.concatenate([t.x[lag - 1 : -1] for t in train.scaled])
    maps = [_least_squares(rows, y) for y in (now, *(pole * before for pole in POLES))]
    weights, biases = (np.stack(arrays) for arrays in zip(*maps, strict=True))
    with jax.enable_x64(True):
        keys = jnp.stack([key] * len(maps))
        blank = jax.vmap(lambda k: architecture.build(train, key=k))(keys)
        return eqx.tree_at(
            lambda model: (model.network.layers[0].weight.raw, model.network.layers[0].bias),
            blank,
            (weights, biases),
        )


def _least_squares(
    rows: Float[np.ndarray, "rows regressors"], targets: Float[np.ndarray, "rows outputs"]
) -> tuple[Float[np.ndarray, "outputs regressors"], Float[np.ndarray, " outputs"]]:
    """(weight, bias) of the linear map from rows to targets."""
    solution, *_ = np.linalg.lstsq(np.hstack([rows, np.ones((len(rows), 1))]), targets)
    return solution[:-1].T, solution[-1]
