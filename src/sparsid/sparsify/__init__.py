"""Sparsification and averaging methods: the options of each and a record of pure functions.

One file holds both; importing it does not import JAX (`lazy`). `METHODS` maps the name of a method
in the table of a phase to its options.
"""

from sparsid.sparsify.average import WeightAverage, weight_average
from sparsid.sparsify.base import NOTHING, Clock, Seen, Sparsifier
from sparsid.sparsify.chain import chain
from sparsid.sparsify.dynamic import Dynamic, dynamic
from sparsid.sparsify.hold import Hold, hold
from sparsid.sparsify.l1 import L1, l1
from sparsid.sparsify.magnitude import Magnitude, magnitude
from sparsid.sparsify.method import METHODS, Method, constructor
from sparsid.sparsify.proximal import GroupL1, ProximalL1, group_l1, proximal_l1
from sparsid.sparsify.rigl import RigL, rigl
from sparsid.sparsify.soft_threshold import SoftThreshold, soft_threshold
from sparsid.sparsify.sphere import UnitSphere, unit_sphere
from sparsid.sparsify.threshold import Threshold, threshold

METHODS.register("l1")(L1)
METHODS.register("soft_threshold")(SoftThreshold)
METHODS.register("proximal_l1")(ProximalL1)
METHODS.register("group_l1")(GroupL1)
METHODS.register("dynamic")(Dynamic)
METHODS.register("rigl")(RigL)
METHODS.register("threshold")(Threshold)
METHODS.register("magnitude")(Magnitude)
METHODS.register("hold")(Hold)
METHODS.register("average")(WeightAverage)
METHODS.register("unit_sphere")(UnitSphere)

__all__ = [
    "METHODS",
    "NOTHING",
    "Clock",
    "Method",
    "Seen",
    "Sparsifier",
    "chain",
    "constructor",
    "dynamic",
    "group_l1",
    "hold",
    "l1",
    "magnitude",
    "proximal_l1",
    "rigl",
    "soft_threshold",
    "threshold",
    "unit_sphere",
    "weight_average",
]
