"""The cases: what users wait for, timed through the calls they make."""

import functools
from collections.abc import Callable
from dataclasses import dataclass

import jax
import numpy as np

from benchmarks.figures import Clock, Figure, timed
from benchmarks.floors import connections, flow_operations, matmul_rate, training_operations
from sparsid.data import Dataset, Normaliser, ScaledDataset
from sparsid.evaluation import forecast, horizon_scores
from sparsid.models import DerivativeMLP, Ensemble
from sparsid.processes import AluminiumCell, replay, simulate
from sparsid.sparsify import NOTHING, Sparsifier, l1
from sparsid.training import Phase, fit_ensemble
from sparsid.training.epoch import steps_per_epoch

MEMBERS = 10
WIDTHS = (25, 25, 25, 25)


@dataclass(frozen=True)
class Bench:
    """The sizes of a run, and the data that its cases share: the aluminium cell's."""

    trajectories: int = 40
    samples: int = 5000
    repeats: int = 7

    def record(self, seed: int) -> Dataset:
        return simulate(
            AluminiumCell(),
            trajectories=self.trajectories,
            samples=self.samples,
            key=jax.random.key(seed),
        )

    @functools.cached_property
    def train(self) -> ScaledDataset:
        recorded = self.record(0)
        return Normaliser.fit(recorded).apply(recorded)

    @functools.cached_property
    def test(self) -> Dataset:
        return self.record(1)

    @functools.cached_property
    def rate(self) -> float:
        return matmul_rate()


def trained(bench: Bench, phase: Phase, *, skip: bool = False, clock: Clock | None = None):
    """`fit_ensemble` as users call it; `clock` gets a lap an epoch."""
    return fit_ensemble(
        DerivativeMLP(widths=WIDTHS, skip=skip),
        bench.train,
        [phase],
        size=MEMBERS,
        callback=None if clock is None else clock.lap,
        key=jax.random.key(2),
    )


def training(
    bench: Bench,
    *,
    name: str,
    what: str,
    batch: int,
    skip: bool = False,
    sparsifier: Sparsifier = NOTHING,
    a_sample: bool = False,
    target: float | None = None,
) -> Figure:
    """Epochs of the whole ensemble; the loop's own looking and the shuffling are in it."""
    phase = Phase(1 + bench.repeats, batch=batch, sparsifier=sparsifier)
    inputs, targets = phase.loss.examples(bench.train)
    clock = Clock()
    fitted = trained(bench, phase, skip=skip, clock=clock)
    steps = MEMBERS * steps_per_epoch((inputs, targets), batch)
    shape = (inputs.shape[1], WIDTHS, targets.shape[1])
    operations = steps * training_operations(*shape, skip=skip, batch=batch)
    return Figure(
        name,
        what,
        "µs/model/sample" if a_sample else "µs/model/step",
        1e-6 * steps * (batch if a_sample else 1),
        clock.laps(),
        target,
        operations / bench.rate,
        {"loss": float(np.mean(fitted.history.epochs[-1].train))},
    )


def free_runs(bench: Bench) -> Figure:
    """All members over all test trajectories, in physical units, as `forecast` gives them."""
    ensemble = trained(bench, Phase(5, batch=512)).ensemble
    laps = timed(lambda: forecast(ensemble, bench.test), bench.repeats)
    runs, steps = MEMBERS * bench.trajectories, bench.samples - 1
    states, inputs = len(bench.test.states), len(bench.test.inputs)
    weights = connections(states + inputs, WIDTHS, states, skip=False)
    return Figure(
        "free-runs",
        f"{runs} free runs of {bench.samples} samples",
        "s",
        1.0,
        laps,
        1.0,
        2 * weights * runs * steps / bench.rate,
        judged(ensemble, bench),
    )


def judged(ensemble: Ensemble, bench: Bench) -> dict[str, float]:
    """How good the free runs are that were timed: of networks trained for seconds."""
    horizon = min(1000, bench.samples)
    truth, _, _ = bench.test.padded()
    scale = ensemble.stacked.scaling.scale
    score = horizon_scores(forecast(ensemble, bench.test), truth, scale=scale, horizons=[horizon])
    mean = score[horizon].rfmse_mean
    return {
        f"diverged at {horizon}": score[horizon].diverged_count,
        f"RFMSE at {horizon}": float("nan") if mean is None else mean,
    }


def simulation(bench: Bench) -> Figure:
    """The plant itself: fixed RK4 in float64."""
    process = AluminiumCell()
    laps = timed(lambda: bench.record(3), bench.repeats)
    steps = bench.trajectories * (bench.samples - 1)
    return Figure(
        "simulate",
        f"{bench.trajectories} x {bench.samples} plant samples",
        "s",
        1.0,
        laps,
        1.0,
        4 * flow_operations(process) * steps / (bench.rate / 2),  # double precision: half as fast
        {"error / std": step_error(process, bench)},
    )


def step_error(process, bench: Bench) -> float:
    """The largest difference to the same runs at half the time step, for a few trajectories."""
    recorded = bench.test[:3]
    x, _, u = recorded.padded()
    finer = Dataset.from_arrays(
        x=np.repeat(x, 2, axis=1),
        u=np.repeat(u, 2, axis=1),
        dt=recorded.dt / 2,
        state_names=recorded.states.names,
        input_names=recorded.inputs.names,
    )
    again, _, _ = replay(process, finer).padded()
    return float(np.max(np.abs(again[:, ::2] - x) / x.std(axis=(0, 1))))


CASES: dict[str, Callable[[Bench], Figure]] = {
    "simulate": simulation,  # first: the others' data comes from it, compiled
    "batch-50": functools.partial(
        training, name="batch-50", what="training 13-25x4-8, batch 50", batch=50, target=16.0
    ),
    "batch-512": functools.partial(
        training,
        name="batch-512",
        what="the same, batch 512",
        batch=512,
        a_sample=True,
        target=0.20,
    ),
    "sparse": functools.partial(
        training,
        name="sparse",
        what="input skip and L1, batch 128",
        batch=128,
        skip=True,
        sparsifier=l1(1e-4),
    ),
    "free-runs": free_runs,
}
