"""Running all starts of one problem, configuration and rate: they are fitted and stored."""

import time
from dataclasses import replace
from functools import lru_cache

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Key, PyTree

from sparsid.architectures import library_versions
from sparsid.models.mlp import MLP, build_mlp
from sparsid.models.parameters import Weight, resolve
from sparsid.results import Row
from sparsid.sparsify import NOTHING, Sparsifier, unit_sphere
from sparsid.study.task import Job, Tick, Ticking
from sparsid.study.tasks.map.cells import MapGroup
from sparsid.study.tasks.map.functions import FUNCTIONS, Points
from sparsid.study.tasks.map.scores import MapScores
from sparsid.study.tasks.map.spec import MapConfigurationSpec, ProblemSpec
from sparsid.training.function_fitting import fit_maps
from sparsid.training.progress import Stop

CURVE = 100  # stored points of a loss curve


def starts(
    problem: ProblemSpec,
    configuration: MapConfigurationSpec,
    points: Points,
    keys: Key[Array, " n"],
) -> PyTree:
    """The stacked initial networks; the same seed gives the same start in every space."""

    def one(key: Key[Array, ""]) -> MLP:
        key_build, key_spread = jax.random.split(key)
        network = build_mlp(
            points.inputs.shape[1],
            points.outputs.shape[1],
            problem.widths,
            activation=problem.activation,
            skip=False,
            key=key_build,
        )
        if configuration.start == "standard":
            return network
        return _spread(network, points.reach, key_spread)

    return jax.vmap(one)(keys)


def _spread(network: MLP, reach: float, key: Key[Array, ""]) -> MLP:
    """Unit rows in hidden layers, thresholds uniform within the largest norm of a layer's input.

    Behind the first layer, that norm is estimated at the point of largest norm with half of the
    units active: the strict bound is so wide that most units would be linear over the data.
    """
    layers = []
    *hidden, last = network.layers
    for layer, own in zip(hidden, jax.random.split(key, len(hidden)), strict=True):
        w = layer.weight.raw
        units = w / jnp.linalg.norm(w, axis=1, keepdims=True)
        thresholds = jax.random.uniform(own, layer.bias.shape, minval=-reach, maxval=reach)
        layers.append(
            eqx.tree_at(
                lambda at: (at.weight, at.bias),
                layer,
                (Weight(units, layer.weight.role), thresholds),
            )
        )
        reach = reach * (len(w) / 2) ** 0.5 if network.activation == "relu" else (len(w) / 2) ** 0.5
    return MLP((*layers, last), network.activation)


def _method(configuration: MapConfigurationSpec, points: Points) -> Sparsifier:
    if configuration.space == "free":
        return NOTHING
    bound = "data" if configuration.bounds == "data" else points.reach
    return unit_sphere(bound, by=configuration.space)


def run(group: MapGroup, job: Job, *, tick: Ticking, stop: Stop) -> None:
    """Trains all starts of one problem, configuration and rate, and stores them together."""
    problem, configuration = group.fit.problem, group.fit.configuration
    began = time.monotonic()
    points = drawn(problem.function, problem.train, problem.test, problem.seed)
    folded = [jax.random.fold_in(jax.random.key(0), cell.place["seed"]) for cell in group.cells]
    keys_start, keys_run = jax.vmap(jax.random.split, out_axes=1)(jnp.stack(folded))
    method = _method(configuration, points)
    phase = replace(problem.phase(group.fit.rate).build(), sparsifier=method)
    each = group.work(job.wanted) / phase.epochs
    trained, losses = fit_maps(
        starts(problem, configuration, points, keys_start),
        points.inputs,
        points.outputs,
        phase,
        keys=keys_run,
        stop=stop,
        callback=lambda: tick(Tick(each)),
    )
    if stop.asked:
        return
    train = _errors(trained, points.inputs, points.outputs)
    test = _errors(trained, points.test_inputs, points.test_outputs)
    timings = {"training_s": time.monotonic() - began, "together": float(len(group.cells))}
    kept = np.unique(np.linspace(0, len(losses) - 1, min(len(losses), CURVE)).astype(int))
    stored = job.store.keys()
    for i, cell in enumerate(group.cells):
        if cell.key in stored:
            continue
        scores = MapScores(_finite(train[i]), _finite(test[i]), losses[kept, i], kept + 1.0)
        row = Row(cell.specification, cell.name, *scores.to_row(), timings, library_versions())
        job.store.write(row)
        tick(Tick(cells=int(cell.key in job.wanted)))


@lru_cache(maxsize=8)
def drawn(function: str, train: int, test: int, seed: int) -> Points:
    """The points of a problem, sampled once in each process."""
    return FUNCTIONS[function](train, test, seed)


def _errors(networks: PyTree, inputs: np.ndarray, outputs: np.ndarray) -> np.ndarray:
    """Root mean square error of each network, in standard deviations of the function."""

    def one(network: MLP) -> Array:
        wrong = resolve(network)(jnp.asarray(inputs, float).T) - jnp.asarray(outputs, float).T
        return jnp.sqrt(jnp.mean(wrong**2))

    return np.asarray(jax.jit(lambda stack: jax.lax.map(one, stack))(networks), float)


def _finite(error: float) -> float | None:
    return float(error) if np.isfinite(error) else None
