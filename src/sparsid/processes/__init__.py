"""Simulated plants: processes, the signals and controllers that excite them, and simulation."""

from sparsid.processes.aluminium import AluminiumCell
from sparsid.processes.base import PROCESSES, AbstractProcess, add_process, named
from sparsid.processes.controllers import Proportional, ProportionalIntegral
from sparsid.processes.duffing import Duffing
from sparsid.processes.lotka_volterra import LotkaVolterra
from sparsid.processes.neutralisation import Neutralisation
from sparsid.processes.noise import measured
from sparsid.processes.signals import (
    APRBS,
    AbstractSignal,
    Chirp,
    Constant,
    Impulses,
    Multisine,
    Recorded,
    Step,
)
from sparsid.processes.simulate import METHODS, replay, simulate
from sparsid.processes.sources import AbstractSource, Clipped, Deadband, Stack, Sum, play

for _process in (AluminiumCell, Duffing, LotkaVolterra, Neutralisation):
    add_process(_process)

__all__ = [
    "APRBS",
    "METHODS",
    "PROCESSES",
    "AbstractProcess",
    "AbstractSignal",
    "AbstractSource",
    "AluminiumCell",
    "Chirp",
    "Clipped",
    "Constant",
    "Deadband",
    "Duffing",
    "Impulses",
    "LotkaVolterra",
    "Multisine",
    "Neutralisation",
    "Proportional",
    "ProportionalIntegral",
    "Recorded",
    "Stack",
    "Step",
    "Sum",
    "add_process",
    "measured",
    "named",
    "play",
    "replay",
    "simulate",
]
