"""Trajectories and datasets: checks, scaling, reading and writing. NumPy float64; no JAX."""

from sparsid.data.dataset import Channels, Dataset, Trajectory
from sparsid.data.matching import joined, match
from sparsid.data.normaliser import Normaliser, Scale, ScaledDataset
from sparsid.data.readers import read
from sparsid.data.tables import read_tables, write_table

__all__ = [
    "Channels",
    "Dataset",
    "Normaliser",
    "Scale",
    "ScaledDataset",
    "Trajectory",
    "joined",
    "match",
    "read",
    "read_tables",
    "write_table",
]
