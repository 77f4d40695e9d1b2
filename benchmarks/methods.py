"""What a sparsification method costs: a training step with it over a dense step, in one run."""

import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass

import jax
from rich.table import Table

from benchmarks.cases import WIDTHS, Bench
from sparsid._devices import shard
from sparsid.models import DerivativeMLP
from sparsid.sparsify import (
    NOTHING,
    Sparsifier,
    chain,
    dynamic,
    group_l1,
    hold,
    l1,
    magnitude,
    proximal_l1,
    rigl,
    soft_threshold,
    threshold,
    weight_average,
)
from sparsid.training import Phase, Training
from sparsid.training.entering import enter
from sparsid.training.epoch import Program, compiled_epoch, steps_per_epoch

ALLOWED = 1.5  # times the dense step

METHODS: dict[str, Sparsifier] = {
    "dense": NOTHING,
    "l1": l1(1e-4),
    "proximal_l1": proximal_l1(1e-4),
    "group_l1": group_l1(1e-4),
    "threshold": threshold(1e-3),
    "magnitude, every epoch": magnitude(0.8, every=1),
    "magnitude, repeated": magnitude(at=tuple(range(1, 9))),
    "hold": hold(),
    "soft_threshold": soft_threshold(-6.0, decay=1e-2),
    "dynamic (DSR), every epoch": dynamic(0.5, every=1),
    "dynamic by gradient": dynamic(0.5, every=1, growth="gradient"),
    "rigl, every 100 steps": rigl(0.8, every=100),
    "rigl at random, every 100 steps": rigl(0.8, every=100, growth="random"),
    "weight_average": weight_average(),
    "soft_threshold + l1 + average": chain(
        soft_threshold(-6.0), l1(1e-4, of="stored"), weight_average()
    ),
}


@dataclass(frozen=True)
class Cost:
    """Processor's µs a model and step, and its ratio to the dense step of the same round."""

    name: str
    step: float
    ratio: float
    least: float
    most: float
    loss: float


def costs(bench: Bench) -> list[Cost]:
    """Epochs of all methods in turn, so that each round sees the same machine."""
    runs = {name: _Run(bench, method) for name, method in METHODS.items()}
    rounds = [{name: run.epoch() for name, run in runs.items()} for _ in range(1 + bench.repeats)]
    rounds = rounds[1:]  # the first compiles
    found = []
    for name, run in runs.items():
        ratios = [each[name] / each["dense"] for each in rounds]
        step = statistics.median(each[name] for each in rounds) / run.steps
        spread = min(ratios), max(ratios)
        found.append(Cost(name, 1e6 * step, statistics.median(ratios), *spread, run.loss))
    return found


def table(found: Sequence[Cost]) -> Table:
    """The costs, for people."""
    shown = Table(title="A training step with each method, batch 50", title_justify="left")
    heads = ("method", "µs/model/step (processor)", f"ratio (target {ALLOWED:g})", "spread", "loss")
    for at, head in enumerate(heads):
        shown.add_column(head, justify="left" if at == 0 else "right")
    for cost in found:
        spread = f"{cost.least:.2f} to {cost.most:.2f}"
        row = (f"{cost.step:.1f}", f"{cost.ratio:.2f}", spread, f"{cost.loss:.3g}")
        shown.add_row(cost.name, *row)
    return shown


class _Run:
    """One method's networks in training, an epoch at a time."""

    def __init__(self, bench: Bench, method: Sparsifier):
        phase = Phase(2 + bench.repeats, sparsifier=method, batch=50)
        training = Training(DerivativeMLP(widths=WIDTHS), bench.train)
        size = jax.device_count()
        members = enter(training.begin(jax.random.split(jax.random.key(2), size)), [phase] * size)
        self.stack = shard(members.stack)
        self.examples = training.examples(phase.loss)
        self.run, self.epochs, self.done = compiled_epoch(Program.of(phase)), phase.epochs, 0
        self.steps = size * steps_per_epoch(self.examples, phase.batch)
        self.loss = float("nan")

    def epoch(self) -> float:
        """Processor's seconds of one epoch, all cores together."""
        began = time.process_time()
        self.stack, looked = self.run(self.stack, self.done, self.epochs, self.examples, None)
        self.loss = float(looked.loss.mean())
        self.done += 1
        return time.process_time() - began
