"""Training: phases, schedules, one compiled epoch, ensembles on all devices.

The names below are imported on first use: a specification is read without JAX.
"""

from typing import TYPE_CHECKING

from sparsid._lazy import lazy_attributes

if TYPE_CHECKING:
    from sparsid._devices import use_cores
    from sparsid.training.bfgs import BFGS
    from sparsid.training.fitting import fit_branches, fit_ensemble
    from sparsid.training.levenberg import LevenbergMarquardt
    from sparsid.training.linear import fit_linear
    from sparsid.training.losses import AbstractLoss, FreeRun, OneStep
    from sparsid.training.members import Members
    from sparsid.training.optimisers import SGD, Adam
    from sparsid.training.phases import Phase
    from sparsid.training.progress import Callback, EpochReport, History
    from sparsid.training.pruning import Pruning, PruningPath, prune
    from sparsid.training.schedules import AbstractSchedule, Constant, Cosine, Part, Ramp, Step
    from sparsid.training.second_order import SecondOrderPhase
    from sparsid.training.stopping import Stopping
    from sparsid.training.training import AnyPhase, Fitted, Monitor, Training
    from sparsid.training.windows import Prediction, Simulation

_HOMES = {
    "use_cores": "sparsid._devices",
    "BFGS": "sparsid.training.bfgs",
    "SecondOrderPhase": "sparsid.training.second_order",
    **dict.fromkeys(
        (
            "fit_branches",
            "fit_ensemble",
        ),
        "sparsid.training.fitting",
    ),
    "LevenbergMarquardt": "sparsid.training.levenberg",
    "fit_linear": "sparsid.training.linear",
    **dict.fromkeys(
        (
            "AbstractLoss",
            "FreeRun",
            "OneStep",
        ),
        "sparsid.training.losses",
    ),
    "Members": "sparsid.training.members",
    **dict.fromkeys(
        (
            "SGD",
            "Adam",
        ),
        "sparsid.training.optimisers",
    ),
    "Phase": "sparsid.training.phases",
    **dict.fromkeys(
        (
            "EpochReport",
            "History",
            "Callback",
        ),
        "sparsid.training.progress",
    ),
    **dict.fromkeys(
        (
            "PruningPath",
            "Pruning",
            "prune",
        ),
        "sparsid.training.pruning",
    ),
    **dict.fromkeys(
        (
            "AbstractSchedule",
            "Constant",
            "Cosine",
            "Part",
            "Ramp",
            "Step",
        ),
        "sparsid.training.schedules",
    ),
    "Stopping": "sparsid.training.stopping",
    **dict.fromkeys(
        (
            "AnyPhase",
            "Fitted",
            "Monitor",
            "Training",
        ),
        "sparsid.training.training",
    ),
    **dict.fromkeys(
        (
            "Prediction",
            "Simulation",
        ),
        "sparsid.training.windows",
    ),
}

__all__ = [
    "BFGS",
    "SGD",
    "AbstractLoss",
    "AbstractSchedule",
    "Adam",
    "AnyPhase",
    "Callback",
    "Constant",
    "Cosine",
    "EpochReport",
    "Fitted",
    "FreeRun",
    "History",
    "LevenbergMarquardt",
    "Members",
    "Monitor",
    "OneStep",
    "Part",
    "Phase",
    "Prediction",
    "Pruning",
    "PruningPath",
    "Ramp",
    "SecondOrderPhase",
    "Simulation",
    "Step",
    "Stopping",
    "Training",
    "fit_branches",
    "fit_ensemble",
    "fit_linear",
    "prune",
    "use_cores",
]

__getattr__ = lazy_attributes(__name__, _HOMES)
