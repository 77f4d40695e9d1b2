"""What belongs to one paper, as data: its numbers as printed, names of its rows, its studies."""

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
