"""The linear model: a baseline for every network, and an optional initialisation."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Key, PyTree

from sparsid.architectures import AbstractArchitecture
from sparsid.architectures.capabilities import check_linear_start
from sparsid.data import ScaledDataset
from sparsid.models import Card, DerivativeMLP, Ensemble
from sparsid.models.least_squares import linear_map
from sparsid.models.parameters import Weight

LINEAR = DerivativeMLP(widths=())


def fit_linear(train: ScaledDataset) -> Ensemble:
    """The linear model by one-step least squares, as an ensemble of one member."""
    weight, bias = linear_map(train)
    with jax.enable_x64(True):
        blank = LINEAR.build(train, key=jax.random.key(0))
        model = eqx.tree_at(
            lambda model: (model.network.layers[0].weight, model.network.layers[0].bias),
            blank,
            (Weight(jnp.asarray(weight), "first"), jnp.asarray(bias)),
        )
    stacked = jax.tree.map(lambda leaf: np.asarray(leaf)[None], model)
    card = Card.describing(train.physical, LINEAR, method="one-step least squares")
    return Ensemble.of(stacked, train.normaliser, card, size=1)


def linear_start(
    architecture: AbstractArchitecture, train: ScaledDataset, *, size: int, key: Key[Array, ""]
) -> PyTree:
    """Stacked models whose direct path from inputs to outputs is initialised to the linear model.

    The direct path of a network with input skip is its last layer's skip columns; without hidden
    layers it is the entire network. Raises SparsidError for an architecture that has none.
    """
    check_linear_start(architecture)
    weight, bias = linear_map(train)
    path = "skip" if getattr(architecture, "widths", ()) else "weight"

    def one(key):
        model = architecture.build(train, key=key)
        last = _last_layer(model)
        columns = getattr(last, path).raw
        initialised = eqx.tree_at(
            lambda layer: (getattr(layer, path).raw, layer.bias),
            last,
            (jnp.reshape(weight, columns.shape), jnp.reshape(bias, last.bias.shape)),
        )
        return eqx.tree_at(_last_layer, model, initialised)

    return jax.vmap(one)(jax.random.split(key, size))


def _last_layer(model):
    """The last layer of the network, or of the stacked networks of the states."""
    return getattr(model.network, "networks", model.network).layers[-1]
