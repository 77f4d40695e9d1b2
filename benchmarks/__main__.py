"""python -m benchmarks: one table of what was measured, the floor beside each figure."""

import argparse
import json
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import jax
from rich.console import Console
from rich.table import Table

import sparsid
from benchmarks.cases import CASES, Bench
from benchmarks.figures import Figure
from benchmarks.methods import costs
from benchmarks.methods import table as table_of_costs
from benchmarks.peering import ABSENT, run_torch

QUICK = Bench(trajectories=10, samples=1000, repeats=3)
console = Console(highlight=False, width=None if sys.stdout.isatty() else 160)


def main(words: Sequence[str] | None = None) -> int:
    asked = _asked(words)
    sparsid.use_cores(asked.cores)
    bench = QUICK if asked.quick else Bench()
    console.print(f"{device()}; {bench.rate / 1e9:.0f} GFLOP/s in single-precision products")
    figures = [CASES[name](bench) for name in asked.only]
    console.print(table(figures))
    if busy(figures):
        console.print(
            "Something else had the cores: read cpu, or measure again on an idle machine."
        )
    methods = costs(bench) if asked.methods else []
    if methods:
        console.print(table_of_costs(methods))
    peers = _peers(bench, figures) if asked.peers else []
    if asked.out:
        found = {
            "device": device(),
            "operations_per_second": bench.rate,
            "quick": asked.quick,
            "figures": [figure.as_json() for figure in figures],
            "methods": [asdict(cost) for cost in methods],
            "peers": peers,
        }
        asked.out.write_text(json.dumps(found, indent=2) + "\n")
    return 1 if asked.peers and not peers else 0


def device() -> str:
    """What JAX computes on."""
    first = jax.devices()[0]
    return f"JAX {jax.__version__} on {jax.device_count()} x {first.device_kind}"


def busy(figures: Sequence[Figure]) -> bool:
    """Whether work waited for cores: far more time by the clock than by the processor."""
    details = [figure.as_json() for figure in figures]
    waited = any(each["median"] > 1.5 * each["processor_time"] for each in details)
    return jax.default_backend() == "cpu" and waited


def table(figures: Sequence[Figure]) -> Table:
    """Median, spread and processor's time in the figure's unit, with its target and floor."""
    shown = Table(title="Speed", title_justify="left")
    for at, head in enumerate(
        ("what", "unit", "median", "spread", "cpu", "target", "floor", "compile, s", "accuracy")
    ):
        shown.add_column(head, justify="left" if at in (0, 1, 8) else "right")
    for figure in figures:
        details = figure.as_json()
        shown.add_row(
            figure.what,
            figure.unit,
            _number(details["median"]),
            f"{_number(details['least'])} to {_number(details['most'])}",
            _number(details["processor_time"]),
            "-" if figure.target is None else f"{figure.target:g}",
            _number(details["floor"]),
            f"{details['compile_seconds']:.1f}",
            ", ".join(f"{what} {value:.3g}" for what, value in figure.accuracy.items()),
        )
    return shown


def _peers(bench: Bench, figures: Sequence[Figure]) -> list[dict]:
    """Runs the peers and tells how they compare with the case "batch-50"."""
    ours = next((figure.as_json() for figure in figures if figure.name == "batch-50"), None)
    peers = run_torch(bench)
    if not peers:
        console.print(ABSENT, markup=False)
    for peer in peers:
        took, cpu = peer["us_per_model_and_step"], peer["processor_time"]
        content = (
            f"{peer['peer']}, {peer['threads']} threads, batch 50: {_number(took)} µs/model/step "
            f"({_number(peer['least'])} to {_number(peer['most'])}), processor's time "
            f"{_number(cpu)}, loss {_number(peer['training_loss'])}"
        )
        if ours is not None:
            peer["ratio"] = took / ours["median"]
            peer["ratio_of_processor_time"] = cpu / (ours["processor_time"] * jax.device_count())
            content += (
                f"; sparsid is {peer['ratio']:.0f} times as fast on all cores, "
                f"{peer['ratio_of_processor_time']:.0f} times a core"
            )
        console.print(f"{content}.")
    return peers


def _number(value: float) -> str:
    return f"{value:.3g}"


def _asked(words: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--only", action="append", choices=CASES, help="this case; may be repeated")
    parser.add_argument(
        "--quick", action="store_true", help="less data, fewer repeats: a smoke test"
    )
    parser.add_argument(
        "--methods", action="store_true", help="also what each sparsification method costs"
    )
    parser.add_argument(
        "--peers", action="store_true", help="also the loop in PyTorch, and the ratio"
    )
    parser.add_argument("--cores", type=int, help="processor cores to use (default: all)")
    parser.add_argument("--out", type=Path, metavar="FILE", help="write everything as JSON")
    asked = parser.parse_args(words)
    asked.only = asked.only or list(CASES)
    return asked


if __name__ == "__main__":
    sys.exit(main())
