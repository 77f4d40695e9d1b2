"""sparsid: sparse neural system identification.

Learns small, stable, readable neural-network simulators of nonlinear dynamical systems from
recorded trajectories. The names below and the subpackages (`sparsid.data.read`) are imported on
first use.
"""

from sparsid._lazy import lazy_attributes

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


__getattr__ = lazy_attributes(__name__, _HOME)


def __dir__():
    return sorted(__all__)
