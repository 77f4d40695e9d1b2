"""The sparsity of an ensemble."""

from sparsid.graph.sparsity import Sparsity, sparsity_of
from sparsid.models import Ensemble


def sparsity(ensemble: Ensemble, *, below: float = 1e-3) -> Sparsity:
    """Shares of weights that are exactly zero, and of those smaller than `below` (scaled)."""
    return sparsity_of(ensemble.weights(), below=below)
