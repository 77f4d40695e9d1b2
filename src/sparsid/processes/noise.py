"""Measurement noise added to trajectories; it does not affect the plant."""

from collections.abc import Mapping
from dataclasses import replace

import jax
import numpy as np
from jaxtyping import Array, Key

from sparsid.data import Dataset
from sparsid.plants import check_noise


def measured(dataset: Dataset, noise: Mapping[str, float], *, key: Key[Array, ""]) -> Dataset:
    """`dataset` with white Gaussian noise on the named states and outputs.

    `noise` gives standard deviations by channel, in the channel's unit. Noise is independent
    between trajectories and channels. Raises SparsidError for unknown channels and invalid standard
    deviations.
    """
    known = (*dataset.states.names, *dataset.outputs.names)
    check_noise(noise, known)
    spread = np.array([noise.get(name, 0.0) for name in known])
    noisy = []
    for i, t in enumerate(dataset):
        with jax.enable_x64(True):
            drawn = jax.random.normal(jax.random.fold_in(key, i), (len(known), t.samples), float)
        added = np.asarray(drawn).T * spread
        n = len(dataset.states)
        noisy.append(replace(t, x=t.x + added[:, :n], y=t.y + added[:, n:]))
    content = ", ".join(f"{name} {deviation:g}" for name, deviation in noise.items())
    attributes = dict(dataset.attributes) | {"noise": content}
    return replace(dataset, trajectories=tuple(noisy), attributes=attributes)
