"""Identification from recorded data: reading, splitting, recipes, training, selection, pruning.

The names below are imported on first use: a specification is read and validated without JAX.
"""

from typing import TYPE_CHECKING

from sparsid._lazy import lazy_attributes

if TYPE_CHECKING:
    from sparsid._tables import parse
    from sparsid.identify.assessment import Assessment, assess
    from sparsid.identify.errors import simulation_errors
    from sparsid.identify.estimation import Candidate, FitResult, fit, fit_parts, fit_spec
    from sparsid.identify.parts import Parts, read_parts, split
    from sparsid.identify.recipes import Recipe
    from sparsid.identify.spec import DataSpec, FitSpec, TrainingSpec, read_spec

_HOMES = {
    "parse": "sparsid._tables",
    "simulation_errors": "sparsid.identify.errors",
    **dict.fromkeys(
        ("Candidate", "FitResult", "fit", "fit_parts", "fit_spec"), "sparsid.identify.estimation"
    ),
    **dict.fromkeys(("Parts", "read_parts", "split"), "sparsid.identify.parts"),
    "Recipe": "sparsid.identify.recipes",
    **dict.fromkeys(("DataSpec", "FitSpec", "TrainingSpec", "read_spec"), "sparsid.identify.spec"),
    **dict.fromkeys(("Assessment", "assess"), "sparsid.identify.assessment"),
}

__all__ = [
    "Assessment",
    "Candidate",
    "DataSpec",
    "FitResult",
    "FitSpec",
    "Parts",
    "Recipe",
    "TrainingSpec",
    "assess",
    "fit",
    "fit_parts",
    "fit_spec",
    "parse",
    "read_parts",
    "read_spec",
    "simulation_errors",
    "split",
]

__getattr__ = lazy_attributes(__name__, _HOMES)
