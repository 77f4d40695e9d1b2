"""Trajectories and datasets: checks, scaling, reading and writing. NumPy float64; no JAX."""

from sparsid.data.dataset import Channels, Dataset, Trajectory
from sparsid.data.io.files import read, write, write_table
from sparsid.data.io.tables import read_tables
from sparsid.data.matching import joined, match, match_model
from sparsid.data.normaliser import Normaliser, Scale, ScaledDataset

__all__ = [
    "Channels",
    "Dataset",
    "Normaliser",
    "Scale",
    "ScaledDataset",
    "Trajectory",
    "joined",
    "match",
    "match_model",
    "read",
    "read_tables",
    "write",
    "write_table",
]
