"""Models: networks in scaled numbers, their parameters, free runs, losses, saving and loading."""

from sparsid.models.derivative import DerivativeMLP, DerivativeModel
from sparsid.models.ensemble import Card, Ensemble, Simulator
from sparsid.models.graphs import graph_of
from sparsid.models.losses import AbstractLoss, FreeRun, OneStep
from sparsid.models.rollout import rollout
from sparsid.models.storage import load, save

__all__ = [
    "AbstractLoss",
    "Card",
    "DerivativeMLP",
    "DerivativeModel",
    "Ensemble",
    "FreeRun",
    "OneStep",
    "Simulator",
    "graph_of",
    "load",
    "rollout",
    "save",
]
