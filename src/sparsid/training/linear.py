"""The linear model: what every network has to beat."""

import equinox as eqx
import jax
import numpy as np

from sparsid.data import ScaledDataset
from sparsid.models import Card, DerivativeMLP, DerivativeModel, Ensemble
from sparsid.models.parameters import Weight

LINEAR = DerivativeMLP(widths=())


def fit_linear(train: ScaledDataset) -> Ensemble:
    """The linear model by one-step least squares, as an ensemble of one."""
    card = Card.describing(train.physical, LINEAR, method="one-step least squares")
    return Ensemble.of(
        jax.tree.map(lambda leaf: np.asarray(leaf)[None], solve_linear(train)),
        train.normaliser,
        card,
        size=1,
    )


def solve_linear(train: ScaledDataset) -> DerivativeModel:
    """One-step least squares in scaled numbers (minimum norm where columns depend)."""
    rows = np.concatenate([np.hstack([t.x, t.u])[:-1] for t in train.scaled])
    targets = np.concatenate(train.increments())
    design = np.hstack([rows, np.ones((len(rows), 1))])
    solution, *_ = np.linalg.lstsq(design, targets)
    with jax.enable_x64(True):
        blank = LINEAR.build(train, key=jax.random.key(0))
    return eqx.tree_at(
        lambda model: (model.network.layers[0].weight, model.network.layers[0].bias),
        blank,
        (Weight(np.ascontiguousarray(solution[:-1].T), "first"), solution[-1]),
    )
