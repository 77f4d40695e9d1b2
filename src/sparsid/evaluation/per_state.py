"""Errors of each state separately, for ensembles with one network per state."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from sparsid._devices import over_members, padding
from sparsid._errors import SparsidError
from sparsid.data import Dataset, ScaledDataset
from sparsid.evaluation.fitting_data import matched
from sparsid.models import Ensemble
from sparsid.models.least_squares import one_step_examples
from sparsid.models.parameters import resolve

ROWS = 20_000  # evenly spaced rows of a dataset for one-step errors


def alone_errors(ensemble: Ensemble, dataset: Dataset) -> Float[np.ndarray, "member states"]:
    """Mean |error| of free runs of each state, the other states taken from the record.

    In training standard deviations, mean over trajectories of their means over time; inf if a run
    becomes NaN or infinite. Raises SparsidError for a model that simulates outputs, and for data
    that do not match it.
    """
    if ensemble.card.architecture.observes != "states":
        raise SparsidError("Errors per state need a model of states; a recurrent model has none.")
    scaling = ensemble.stacked.scaling
    dataset, _ = matched(ensemble.card, dataset)
    x, _, u = dataset.padded()
    x = (x - scaling.offset) / scaling.scale
    u = (u - scaling.input_offset) / scaling.input_scale
    with jax.enable_x64(True):
        runs = np.asarray(_runs()(_padded(ensemble), x, u))[: len(ensemble)]
    with np.errstate(invalid="ignore"):
        errors = [
            np.abs(runs[:, i, :n] - x[i, :n]).mean(axis=1) for i, n in enumerate(dataset.lengths)
        ]
    mean = np.mean(errors, axis=0)
    return np.where(np.isfinite(mean), mean, np.inf)


def one_step_errors(
    ensemble: Ensemble, scaled: ScaledDataset
) -> Float[np.ndarray, "member states"]:
    """Mean squared error of each state's scaled increment over one sample, over at most `ROWS`."""
    inputs, targets = one_step_examples(scaled)
    at = np.unique(np.linspace(0, len(inputs) - 1, min(len(inputs), ROWS)).astype(int))
    found = _one_step()(_padded(ensemble), jnp.asarray(inputs[at].T), jnp.asarray(targets[at].T))
    errors = np.asarray(found, float)[: len(ensemble)]
    return np.where(np.isfinite(errors), errors, np.inf)


def _padded(ensemble: Ensemble):
    """The stacked models, padded to a multiple of the devices."""
    whole = np.resize(np.arange(len(ensemble)), len(ensemble) + padding(len(ensemble)))
    return jax.tree.map(lambda leaf: leaf[whole], ensemble.stacked.model)


@functools.cache
def _runs():
    def one(model, x, u):
        resolved = resolve(model)
        states = jnp.arange(x.shape[-1])

        def advance(own, row):
            recorded, inputs = row

            def later(i):
                return resolved.step(recorded.at[i].set(own[i]), inputs)[0][i]

            return jax.vmap(later)(states), own

        return jax.vmap(lambda x, u: jax.lax.scan(advance, x[0], (x, u))[1])(x, u)

    return over_members(one)


@functools.cache
def _one_step():
    def one(model, inputs, targets):
        return jnp.mean((resolve(model).one_step(inputs) - targets) ** 2, axis=1)

    return over_members(one)
