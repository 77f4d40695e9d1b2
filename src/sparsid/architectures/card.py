"""The model card: metadata of a model and its training."""

import importlib.metadata
import platform
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from sparsid import __version__
from sparsid.architectures.base import AbstractArchitecture
from sparsid.data import Channels, Dataset


def library_versions() -> dict[str, str]:
    """Versions of sparsid, Python and the numerical libraries."""
    names = ("jax", "jaxlib", "equinox", "optax", "numpy")
    return {"sparsid": __version__, "python": platform.python_version()} | {
        name: importlib.metadata.version(name) for name in names
    }


@dataclass(frozen=True)
class Card:
    """Metadata of a model: channels, sampling time (s), architecture and training.

    `states` are the simulated channels: a plant's measured states or its outputs, according to
    `architecture.observes`. `box` holds the smallest and largest value of each channel over the
    training data, in physical units: {"states": (2, n), "inputs": (2, m)}.
    """

    architecture: AbstractArchitecture
    dt: float
    states: Channels
    inputs: Channels
    box: dict[str, np.ndarray]
    digest: str
    training: dict[str, Any] = field(default_factory=dict)
    versions: dict[str, str] = field(default_factory=library_versions)

    @classmethod
    def describing(cls, train: Dataset, architecture: AbstractArchitecture, **training) -> "Card":
        """The card of a model of this architecture trained on these data."""
        box = {
            name: np.stack([rows.min(axis=0), rows.max(axis=0)])
            for name, rows in {
                "states": np.concatenate([t.x for t in train]),
                "inputs": np.concatenate([t.u for t in train]),
            }.items()
        }
        return cls(
            architecture, train.dt, train.states, train.inputs, box, train.digest(), training
        )
