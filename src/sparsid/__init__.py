"""sparsid: sparse neural system identification.

Learns small, stable, readable neural-network simulators of nonlinear dynamical systems from
recorded trajectories. The names below, and the packages inside (`sparsid.data.read`), load on first
use: importing sparsid does nothing else.
"""

import importlib
import importlib.util

__version__ = "0.1.0"

_HOME = {
    "Dataset": "sparsid.data",
    "Normaliser": "sparsid.data",
    "simulate": "sparsid.processes",
    "replay": "sparsid.processes",
    "fit": "sparsid.identify",
    "fit_ensemble": "sparsid.training",
    "Phase": "sparsid.training",
    "load": "sparsid.models",
    "forecast": "sparsid.evaluation",
    "horizon_scores": "sparsid.evaluation",
    "use_cores": "sparsid.training",
    "SparsidError": "sparsid._errors",
}

__all__ = [
    "Dataset",
    "Normaliser",
    "Phase",
    "SparsidError",
    "__version__",
    "fit",
    "fit_ensemble",
    "forecast",
    "horizon_scores",
    "load",
    "replay",
    "simulate",
    "use_cores",
]


def __getattr__(name: str):
    if name in _HOME:
        return getattr(importlib.import_module(_HOME[name]), name)
    if not name.startswith("_") and importlib.util.find_spec(f"sparsid.{name}"):
        return importlib.import_module(f"sparsid.{name}")
    raise AttributeError(f"module 'sparsid' has no attribute {name!r}")


def __dir__():
    return sorted(__all__)
