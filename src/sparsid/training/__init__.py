"""Training: phases, schedules, one compiled epoch, ensembles over all devices."""

from sparsid._devices import use_cores
from sparsid.training.fitting import Fitted, Monitor, Training, fit_branches, fit_ensemble
from sparsid.training.linear import fit_linear
from sparsid.training.members import Members
from sparsid.training.phases import SGD, Adam, Phase
from sparsid.training.progress import EpochReport, History, Watcher
from sparsid.training.schedules import AbstractSchedule, Constant, Cosine, Part, Ramp, Step

__all__ = [
    "SGD",
    "AbstractSchedule",
    "Adam",
    "Constant",
    "Cosine",
    "EpochReport",
    "Fitted",
    "History",
    "Members",
    "Monitor",
    "Part",
    "Phase",
    "Ramp",
    "Step",
    "Training",
    "Watcher",
    "fit_branches",
    "fit_ensemble",
    "fit_linear",
    "use_cores",
]
