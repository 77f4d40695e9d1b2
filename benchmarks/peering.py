"""Runs the peers in their own environment, on the same examples."""

import json
import subprocess
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.cases import Bench
from sparsid.models.least_squares import one_step_examples

PEERS = Path(__file__).parent / "peers"
PYTHON = PEERS / ".venv" / "bin" / "python"
ABSENT = (
    "The peers' environment is not there; `make bench-peers` makes it and comes back here. "
    "Where PyTorch has no wheel for the default python3, name another: "
    "make bench-peers PEER_PYTHON=python3.12"
)


def run_torch(bench: Bench, batch: int = 50) -> list[dict]:
    """What torch_loop.py prints, with the threads it chooses and with one; [] where it is not."""
    if not PYTHON.exists():
        return []
    inputs, targets = one_step_examples(bench.train)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "examples.npz"
        np.savez(path, inputs=inputs.astype(np.float32), targets=targets.astype(np.float32))
        words = [PYTHON, PEERS / "torch_loop.py", path, "--batch", str(batch)]
        words += ["--epochs", str(1 + min(bench.repeats, 5))]
        return [_as_json(words), _as_json([*words, "--threads", "1"])]


def _as_json(words: list) -> dict:
    return json.loads(subprocess.run(words, check=True, capture_output=True, text=True).stdout)
