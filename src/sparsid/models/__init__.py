"""Models: networks in scaled numbers, their parameters, free runs, saving and loading."""

from sparsid.models.architecture import AbstractArchitecture
from sparsid.models.derivative import DerivativeMLP, DerivativeModel
from sparsid.models.ensemble import Card, Ensemble, Simulator
from sparsid.models.graphs import ensemble_of, graph_of
from sparsid.models.model import AbstractModel, OneStepAhead, Recursion, Recursive
from sparsid.models.narx import NARX, NARXModel
from sparsid.models.rollout import rollout
from sparsid.models.storage import load, save

__all__ = [
    "NARX",
    "AbstractArchitecture",
    "AbstractModel",
    "Card",
    "DerivativeMLP",
    "DerivativeModel",
    "Ensemble",
    "NARXModel",
    "OneStepAhead",
    "Recursion",
    "Recursive",
    "Simulator",
    "ensemble_of",
    "graph_of",
    "load",
    "rollout",
    "save",
]
