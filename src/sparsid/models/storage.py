"""Saving and loading of ensembles as model files."""

from pathlib import Path

from sparsid.architectures import read_file
from sparsid.models.ensemble import Ensemble


def save(ensemble: Ensemble, path: str | Path) -> None:
    """Writes `ensemble` to `path` atomically. Raises SparsidError if it cannot."""
    ensemble.save(path)


def load(path: str | Path) -> Ensemble:
    """The ensemble saved at `path`; loading runs no code.

    Raises SparsidError for a file that is missing, damaged, truncated, not a model file, or of a
    newer schema.
    """
    return Ensemble.of_file(read_file(path))
