"""Data of papers: printed numbers, names of rows, and the studies that reproduce them."""

from sparsid.papers.numbers import FreeRuns, NetworkErrors, PublishedNetwork
from sparsid.papers.paper import Paper, check, paper, papers, presets

__all__ = [
    "FreeRuns",
    "NetworkErrors",
    "Paper",
    "PublishedNetwork",
    "check",
    "paper",
    "papers",
    "presets",
]
