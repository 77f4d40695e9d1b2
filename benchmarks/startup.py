"""python -m benchmarks.startup: what the command line costs before it computes anything.

Processor time of whole processes, user and system, with byte code and compiled programs kept:
medians of several calls, the target beside each.
"""

import argparse
import json
import os
import resource
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.table import Table

SAMPLES = 200
MAKE_MODEL = """
import jax
from sparsid.architectures import DerivativeMLP
from sparsid.data import Normaliser, read
from sparsid.training import Phase, fit_ensemble
data = read("plant.csv", states=("T1", "T2"), inputs=("Q",), dt=10.0)
model = DerivativeMLP(widths=(25, 25, 25, 25), skip=True)
phases = (Phase(epochs=1, batch=50),)
scaled = Normaliser.fit(data).apply(data)
fit_ensemble(model, scaled, phases, size=10, key=jax.random.key(0)).ensemble.save("plant.sparsid")
"""


@dataclass(frozen=True)
class Case:
    """A call of the command line, its exit code, and the processor time in s it should take."""

    what: str
    target: float
    arguments: tuple[str, ...]
    code: int = 0


FIT = ("fit", "plant.csv", "--states", "Tx", "--dt", "10", "--out", "new.sparsid")
CASES = (
    Case("--help", 0.3, ("--help",)),
    Case("info of ten members", 0.8, ("info", "plant.sparsid")),
    Case("fit, a wrong column", 1.0, FIT, 2),
    Case("score, a wrong column", 1.0, ("score", "plant.sparsid", "other.csv"), 2),
    Case("predict, a wrong column", 1.0, ("predict", "plant.sparsid", "other.csv", "--out", "o"), 2),
    Case("the second predict", 2.0, ("predict", "plant.sparsid", "plant.csv", "--out", "o.csv")),
)


def main(words: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.startup", description=__doc__)
    parser.add_argument("--repeats", type=int, default=7, help="calls of each")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write the figures as JSON")
    asked = parser.parse_args(words)
    with tempfile.TemporaryDirectory(prefix="sparsid-startup-") as folder:
        _prepare(Path(folder))
        found = {case.what: _measured(case, Path(folder), asked.repeats) for case in CASES}
    _show(found)
    if asked.out:
        asked.out.write_text(json.dumps(found, indent=2) + "\n")


def _prepare(folder: Path) -> None:
    """Data, data of other columns, and a model of ten members."""
    rows = np.random.default_rng(0).uniform(size=(SAMPLES, 3))
    for name, header in (("plant", "T1,T2,Q"), ("other", "T1,Tx,Q")):
        np.savetxt(folder / f"{name}.csv", rows, delimiter=",", header=header, comments="")
    _run([sys.executable, "-c", MAKE_MODEL], folder)


def _measured(case: Case, folder: Path, repeats: int) -> list[float]:
    """Processor time of each call in s; the first one, which keeps what it can, not counted."""
    command = [sys.executable, "-m", "sparsid", *case.arguments]
    return [_run(command, folder, case.code) for _ in range(repeats + 1)][1:]


def _run(command: list[str], folder: Path, code: int = 0) -> float:
    """The processor time of a process and of those that it started, in s."""
    kept = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"}
    environment = {**kept, "XDG_CACHE_HOME": str(folder / "cache")}
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != code:
        sys.exit(f"{' '.join(command)} ended with {done.returncode}:\n{done.stderr}")
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


def _show(found: dict[str, list[float]]) -> None:
    table = Table(title="Start-up: processor time of whole processes, s", title_justify="left")
    for at, head in enumerate(("call", "median", "spread", "target")):
        table.add_column(head, justify="left" if at == 0 else "right")
    for case in CASES:
        times = found[case.what]
        spread = f"{min(times):.2f} to {max(times):.2f}"
        table.add_row(case.what, f"{statistics.median(times):.2f}", spread, f"{case.target:g}")
    Console(highlight=False).print(table)


if __name__ == "__main__":
    main()
