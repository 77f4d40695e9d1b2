"""Whole jobs: fitting a simulator to data with its recipes, and studies of many configurations."""

from sparsid.study.fitting import (
    Candidate,
    FitResult,
    fit,
    fit_parts,
    fit_spec,
    simulation_errors,
)
from sparsid.study.parts import Parts
from sparsid.study.reading import read_study
from sparsid.study.recipes import Recipe
from sparsid.study.running import Outcome, run_study
from sparsid.study.spec import DataSpec, FitSpec, TrainingSpec, read_spec
from sparsid.study.studies import StudySpec
from sparsid.study.summary import StudyResults, load_results
from sparsid.study.tables import parse

__all__ = [
    "Candidate",
    "DataSpec",
    "FitResult",
    "FitSpec",
    "Outcome",
    "Parts",
    "Recipe",
    "StudyResults",
    "StudySpec",
    "TrainingSpec",
    "fit",
    "fit_parts",
    "fit_spec",
    "load_results",
    "parse",
    "read_spec",
    "read_study",
    "run_study",
    "simulation_errors",
]
