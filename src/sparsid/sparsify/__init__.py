"""Sparsification and averaging methods, each a record of pure functions."""

from sparsid.sparsify.average import weight_average
from sparsid.sparsify.base import NOTHING, Clock, Seen, Sparsifier
from sparsid.sparsify.chain import chain
from sparsid.sparsify.l1 import l1
from sparsid.sparsify.threshold import threshold

__all__ = ["NOTHING", "Clock", "Seen", "Sparsifier", "chain", "l1", "threshold", "weight_average"]
