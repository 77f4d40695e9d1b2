"""Runs the peers in their own environment, on the same examples."""

import json
import subprocess
import tempfile
from pathlib import Path

import numpy as np

from benchmarks.cases import Bench
from sparsid.models import OneStep

PEERS = Path(__file__).parent / "peers"
PYTHON = PEERS / ".venv" / "bin" / "python"
ABSENT = (
    "The peers' environment is not there; `make bench-peers` makes it and comes back here. "
    "Where PyTorch has no wheel for the default python3, name another: "
    "make bench-peers PEER_PYTHON=python3.12"
)


def run_torch(bench: Bench, batch: int = 50) -> dict | None:
    """What benchmarks/peers/torch_loop.py prints, or None where it cannot run."""
    if not PYTHON.exists():
        return None
    inputs, targets = OneStep().examples(bench.train)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "examples.npz"
        np.savez(path, inputs=inputs.astype(np.float32), targets=targets.astype(np.float32))
        words = [PYTHON, PEERS / "torch_loop.py", path, "--batch", str(batch)]
        words += ["--epochs", str(1 + bench.repeats)]
        done = subprocess.run(words, check=True, capture_output=True, text=True)
    return json.loads(done.stdout)
