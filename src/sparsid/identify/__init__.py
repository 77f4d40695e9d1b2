"""A simulator from a user's own data: reading, splitting, recipes, training, choice, pruning."""

from sparsid._tables import parse
from sparsid.identify.fitting import (
    Candidate,
    FitResult,
    fit,
    fit_parts,
    fit_spec,
    simulation_errors,
)
from sparsid.identify.parts import Parts
from sparsid.identify.recipes import Recipe
from sparsid.identify.spec import DataSpec, FitSpec, TrainingSpec, read_spec

__all__ = [
    "Candidate",
    "DataSpec",
    "FitResult",
    "FitSpec",
    "Parts",
    "Recipe",
    "TrainingSpec",
    "fit",
    "fit_parts",
    "fit_spec",
    "parse",
    "read_spec",
    "simulation_errors",
]
