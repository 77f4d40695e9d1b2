"""Models: networks in scaled numbers, their parameters, free runs, saving and loading."""

from sparsid.architectures import NARX, AbstractArchitecture, Card, DerivativeMLP
from sparsid.models.derivative import DerivativeModel
from sparsid.models.ensemble import Ensemble, Simulator
from sparsid.models.model import AbstractModel, OneStepAhead, Recursion, Recursive
from sparsid.models.narx import NARXModel
from sparsid.models.recurrences import ensemble_of, graph_of, recurrence_of, widened
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
    "recurrence_of",
    "rollout",
    "save",
    "widened",
]
