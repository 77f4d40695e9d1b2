"""Sparsification and averaging methods, each a record of pure functions."""

from sparsid.sparsify.average import weight_average
from sparsid.sparsify.base import NOTHING, Clock, Seen, Sparsifier
from sparsid.sparsify.chain import chain
from sparsid.sparsify.dynamic import dynamic
from sparsid.sparsify.hold import hold
from sparsid.sparsify.l1 import l1
from sparsid.sparsify.magnitude import magnitude, repeated_magnitude
from sparsid.sparsify.proximal import group_l1, proximal_l1
from sparsid.sparsify.rigl import rigl
from sparsid.sparsify.soft_threshold import soft_threshold
from sparsid.sparsify.sphere import unit_sphere
from sparsid.sparsify.threshold import threshold

__all__ = [
    "NOTHING",
    "Clock",
    "Seen",
    "Sparsifier",
    "chain",
    "dynamic",
    "group_l1",
    "hold",
    "l1",
    "magnitude",
    "proximal_l1",
    "repeated_magnitude",
    "rigl",
    "soft_threshold",
    "threshold",
    "unit_sphere",
    "weight_average",
]
