"""Whole jobs: fitting a simulator to data, and the recipes it uses."""

from sparsid.study.fitting import (
    Candidate,
    FitResult,
    Parts,
    fit,
    fit_parts,
    fit_spec,
    simulation_errors,
)
from sparsid.study.recipes import Recipe
from sparsid.study.spec import DataSpec, FitSpec, TrainingSpec, parse, read_spec

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
