"""Training: phases, schedules, one compiled epoch, ensembles over all devices."""

from sparsid._devices import use_cores
from sparsid.training.bfgs import BFGS
from sparsid.training.descent import Descent
from sparsid.training.fitting import Fitted, Monitor, Training, fit_branches, fit_ensemble
from sparsid.training.levenberg import LevenbergMarquardt
from sparsid.training.linear import fit_linear
from sparsid.training.members import Members
from sparsid.training.phases import SGD, Adam, Phase
from sparsid.training.progress import EpochReport, History, Watcher
from sparsid.training.pruning import Path, Pruning, prune
from sparsid.training.schedules import AbstractSchedule, Constant, Cosine, Part, Ramp, Step
from sparsid.training.stopping import Stopping
from sparsid.training.windows import Prediction, Simulation

__all__ = [
    "BFGS",
    "SGD",
    "AbstractSchedule",
    "Adam",
    "Constant",
    "Cosine",
    "Descent",
    "EpochReport",
    "Fitted",
    "History",
    "LevenbergMarquardt",
    "Members",
    "Monitor",
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
