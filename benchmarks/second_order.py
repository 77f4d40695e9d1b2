"""Second-order training of recurrent networks: what an iteration costs, beside plain ways.

    python -m benchmarks.second_order [--networks 10] [--repeats 20]

The pH reactor's record of 3000 samples, networks of 20 hidden units (121 numbers). "Forward
differentiation" is the Jacobian by jax.jacfwd through the free run, as one would write it. Accuracy
stands beside time: the largest difference of J'J over its largest entry, the median of the networks
(one whose run is chaotic, with sensitivities of 1e13, agrees to three digits only). Optimistix's
Levenberg-Marquardt takes the same networks from the same start, compiled over all of them.
"""

import argparse
import functools
import statistics
import time
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import optimistix

import sparsid
from sparsid.data import Normaliser
from sparsid.models import NARX
from sparsid.processes import named, simulate
from sparsid.training import BFGS, LevenbergMarquardt, SecondOrderPhase
from sparsid.training.curvature import (
    Point,
    Quadratic,
    diagonal,
    error,
    gradient,
    outputs,
    program,
    quadratic,
)
from sparsid.training.layout import Layout
from sparsid.training.second_order import run_second_order
from sparsid.training.starts import points_of, stacked
from sparsid.training.windows import Simulation, Windows, windows

LIVING = 50
ITERATIONS = 10


def forward(layout: Layout, feedback: bool, point: Point, data: Windows) -> Quadratic:
    """The Gauss-Newton model by forward differentiation through the whole free run."""

    def residuals(theta):
        content = outputs(layout, feedback, point._replace(theta=theta), data)
        return ((content - data.y) * data.counts[..., None]).ravel()

    off = residuals(point.theta)
    jacobian = jax.jacfwd(residuals)(point.theta)
    return Quadratic(off @ off, jacobian.T @ off, jacobian.T @ jacobian)


def by_optimistix(layout: Layout, data: Windows, iterations: int) -> Callable[[Point], jax.Array]:
    """Points to errors after so many iterations of Optimistix's Levenberg-Marquardt, compiled."""
    solver = optimistix.LevenbergMarquardt(rtol=1e-12, atol=1e-12)

    def one(point: Point) -> jax.Array:
        def residuals(theta, _):
            content = outputs(layout, True, point._replace(theta=theta), data)
            return ((content - data.y) * data.counts[..., None]).ravel()

        found = optimistix.least_squares(
            residuals, solver, point.theta, max_steps=iterations, throw=False
        )
        return jnp.sum(residuals(found.value, None) ** 2)

    return jax.jit(jax.vmap(one))


def seconds(work: Callable[[], object], repeats: int) -> float:
    jax.block_until_ready(work())
    found = []
    for _ in range(repeats):
        began = time.perf_counter()
        jax.block_until_ready(work())
        found.append(time.perf_counter() - began)
    return statistics.median(found)


def problem(networks: int) -> tuple[Layout, Point, Windows]:
    """Networks from the default start after twenty iterations, and the record they fit."""
    record = simulate(named("neutralisation"), trajectories=1, samples=3000, key=jax.random.key(0))
    plain = record.outputs_as_states()
    scaled = Normaliser.fit(plain).apply(plain)
    keys = jax.random.split(jax.random.key(1), networks)
    models = jax.vmap(lambda key: NARX(widths=(20,)).build(scaled, key=key))(keys)
    layout, points = points_of(models)
    data = windows(scaled, Simulation(), lag=2)
    return (
        layout,
        run_second_order(layout, points, data, SecondOrderPhase(iterations=20)).points,
        data,
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--networks", type=int, default=10)
    parser.add_argument("--repeats", type=int, default=20)
    asked = parser.parse_args()
    cores = sparsid.use_cores()
    layout, points, data = problem(asked.networks)
    few = np.zeros_like(points.keep)
    few[:, :LIVING] = True
    pruned = points._replace(keep=few, theta=np.where(few, points.theta, 0.0))
    small = layout.with_capacity(LIVING)
    rows: list[tuple[str, float]] = []
    with jax.enable_x64(True):
        on = jax.tree.map(lambda a: jnp.asarray(a, float), data)
        all_of, some_of = stacked(points), stacked(pruned)
        for name, function, at, of in (
            ("free run, E", error, layout, all_of),
            ("gradient, reverse", gradient, layout, all_of),
            ("J'J, recursion of sensitivities", quadratic, layout, all_of),
            (f"J'J, {LIVING} living numbers", quadratic, small, some_of),
            ("J'J, forward differentiation", forward, layout, all_of),
            ("exact diagonal of the Hessian", diagonal, layout, all_of),
        ):
            run = program(function, at, True)
            rows.append((name, seconds(lambda run=run, of=of: run(of, on), asked.repeats)))
        ours, theirs = (program(f, layout, True)(all_of, on).gram for f in (quadratic, forward))
        apart = jnp.max(jnp.abs(ours - theirs), axis=(1, 2)) / jnp.max(jnp.abs(theirs), axis=(1, 2))
        off = f"{float(jnp.median(apart)):.1e} (largest {float(jnp.max(apart)):.1e})"
        # Its linear solver refuses arrays of a mesh of devices, and so `over_members`: one core.
        descended = by_optimistix(layout, on, ITERATIONS)
        run = functools.partial(descended, jax.device_put(all_of, jax.devices()[0]))
        spent = seconds(run, 3) / ITERATIONS
        rows.append(("an iteration of Optimistix's Levenberg-Marquardt, one core", spent))
        reached = {"Optimistix's": np.asarray(run())}
    for method in (LevenbergMarquardt(), BFGS()):
        phase = SecondOrderPhase(method, iterations=ITERATIONS)
        spent = (
            seconds(lambda phase=phase: run_second_order(layout, points, data, phase), 3)
            / ITERATIONS
        )
        rows.append((f"an iteration of {type(method).__name__}", spent))
        reached[type(method).__name__] = run_second_order(layout, points, data, phase).errors
    whole = dict(rows)["J'J, forward differentiation"]
    print(f"{asked.networks} networks, {cores} cores; J'J differs by {off}")
    print("| | ms, all networks | forward differentiation / this |\n|---|---|---|")
    for name, spent in rows:
        print(f"| {name} | {1e3 * spent:.1f} | {whole / spent:.1f} |")
    for name, errors in reached.items():
        print(f"E after {ITERATIONS} iterations, {name}: median {np.median(errors):.4f}")


if __name__ == "__main__":
    main()
