"""Training: phases, schedules, one compiled epoch, ensembles over all devices."""

from sparsid._devices import use_cores
from sparsid.training.bfgs import BFGS
from sparsid.training.descent import Descent
from sparsid.training.fitting import fit_branches, fit_ensemble
from sparsid.training.levenberg import LevenbergMarquardt
from sparsid.training.linear import fit_linear
from sparsid.training.losses import AbstractLoss, FreeRun, OneStep
from sparsid.training.members import Members
from sparsid.training.optimisers import SGD, Adam
from sparsid.training.phases import Phase
from sparsid.training.progress import EpochReport, History, Watcher
from sparsid.training.pruning import Path, Pruning, prune
from sparsid.training.schedules import AbstractSchedule, Constant, Cosine, Part, Ramp, Step
from sparsid.training.stopping import Stopping
from sparsid.training.training import AnyPhase, Fitted, Monitor, Training
from sparsid.training.windows import Prediction, Simulation

__all__ = [
    "BFGS",
    "SGD",
    "AbstractLoss",
    "AbstractSchedule",
    "Adam",
    "AnyPhase",
    "Constant",
    "Cosine",
    "Descent",
    "EpochReport",
    "Fitted",
    "FreeRun",
    "History",
    "LevenbergMarquardt",
    "Members",
    "Monitor",
    "OneStep",
    "Part",
    "Path",
    "Phase",
    "Prediction",
    "Pruning",
    "Ramp",
    "Simulation",
    "Step",
    "Stopping",
    "Training",
    "Watcher",
    "fit_branches",
    "fit_ensemble",
    "fit_linear",
    "prune",
    "use_cores",
]
