"""A study of fitting functions run into a folder: all starts of a configuration in one stack."""

import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Key, PyTree

from sparsid.architectures import library_versions
from sparsid.models.mlp import MLP, build_mlp
from sparsid.models.parameters import Weight, resolve
from sparsid.results import ResultStore, Row, digest
from sparsid.sparsify import NOTHING, Sparsifier, unit_sphere
from sparsid.study.cells import selected, told
from sparsid.study.running import Outcome, Progress
from sparsid.study.tasks.map.functions import FUNCTIONS, Points
from sparsid.study.tasks.map.spec import MapConfigurationSpec, MapStudySpec, ProblemSpec
from sparsid.training.maps import fit_maps
from sparsid.training.progress import Stop, interruptible

SCHEMA = 3  # of a cell's specification: raise it when the same words come to mean another result
CURVE = 100  # points of a loss curve that are kept


@dataclass(frozen=True)
class MapCell:
    """One network fitted to one function from one start, at one rate."""

    configuration: MapConfigurationSpec
    problem: ProblemSpec
    rate: float
    seed: int

    @cached_property
    def specification(self) -> dict[str, Any]:
        own, problem = told(self.configuration), told(self.problem)
        for name in ("name", "pair", "below", "rates"):  # what changes no result
            own.pop(name, None)
            problem.pop(name, None)
        return {
            "schema": SCHEMA,
            "task": "map",
            "problem": problem,
            "configuration": own,
            "rate": self.rate,
            "seed": self.seed,
        }

    @cached_property
    def key(self) -> str:
        return digest(self.specification)


def map_cells(study: MapStudySpec) -> tuple[MapCell, ...]:
    """All cells, problem by problem, then configuration, rate and seed."""
    return tuple(
        MapCell(configuration, problem, rate, seed)
        for problem in study.problem
        for configuration in study.configuration
        for rate in problem.rates
        for seed in study.training.seeds
    )


def run_maps(
    study: MapStudySpec,
    folder: str | Path,
    *,
    only: str | None = None,
    watch: Callable[[Progress], None] | None = None,
) -> Outcome:
    """Fits every network that `folder` does not hold yet, all starts of a kind together.

    `only` names configurations by patterns. Ctrl-C ends after the running epoch; what is stored
    stays. Raises SparsidError for anything that cannot be run.
    """
    names = selected([c.name for c in study.configuration], only)
    with interruptible() as stop:
        cells = map_cells(study)
        store = ResultStore.begin(folder, study.name, _said(study, cells))
        asked = [cell for cell in cells if cell.configuration.name in names]
        missing = {cell.key for cell in asked} - store.keys()
        groups: dict[tuple[str, str, float], list[MapCell]] = {}
        for cell in asked:
            place = (cell.problem.name, cell.configuration.name, cell.rate)
            groups.setdefault(place, []).append(cell)
        wanted = [group for group in groups.values() if {c.key for c in group} & missing]
        progress = Progress(sum(map(_work, wanted)), len(missing))

        def tick(work: float, done: int) -> None:
            progress.work_done += work
            progress.cells_done += done
            if watch is not None:
                watch(progress)

        tick(0.0, 0)
        points: dict[str, Points] = {}
        for group in wanted:
            if stop.asked:
                break
            problem = group[0].problem
            if problem.name not in points:
                draw = FUNCTIONS[problem.function]
                points[problem.name] = draw(problem.train, problem.test, problem.seed)
            _run(group, points[problem.name], store, stop, tick)
        keys = {cell.key for cell in asked}
        return Outcome(len(keys), len(keys & store.keys()), stop.asked)


def starts(
    problem: ProblemSpec,
    configuration: MapConfigurationSpec,
    points: Points,
    keys: Key[Array, " n"],
) -> PyTree:
    """Stacked networks as they begin; the same seed gives the same start in every space."""

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
    """Hidden rows over their norms, thresholds uniform within the norm of what they can see.

    Behind the first layer that is what the units would see at the point of largest norm if all of
    them were half on: the bound that holds for certain is so wide that most units never bend.
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


def _run(
    group: list[MapCell],
    points: Points,
    store: ResultStore,
    stop: Stop,
    tick: Callable[[float, int], None],
) -> None:
    """All starts of one problem, configuration and rate; stored together when they are done."""
    first, began = group[0], time.monotonic()
    keys = jnp.stack([jax.random.fold_in(jax.random.key(0), cell.seed) for cell in group])
    keys_start, keys_run = jax.vmap(jax.random.split, out_axes=1)(keys)
    networks = starts(first.problem, first.configuration, points, keys_start)
    method = _method(first.configuration, points)
    phase = replace(first.problem.phase(first.rate).build(), sparsifier=method)
    each = _work(group) / phase.epochs
    trained, losses = fit_maps(
        networks,
        points.inputs,
        points.outputs,
        phase,
        keys=keys_run,
        stop=stop,
        watch=lambda: tick(each, 0),
    )
    if stop.asked:
        return
    errors = {
        "train": _errors(trained, points.inputs, points.outputs),
        "test": _errors(trained, points.test_inputs, points.test_outputs),
    }
    timings = {"training_s": time.monotonic() - began, "together": float(len(group))}
    kept = np.unique(np.linspace(0, len(losses) - 1, min(len(losses), CURVE)).astype(int))
    stored = store.keys()
    for i, cell in enumerate(group):
        if cell.key in stored:
            continue
        numbers = {
            f"{part}_rmse": float(e[i]) if np.isfinite(e[i]) else None for part, e in errors.items()
        }
        series = {"loss": losses[kept, i], "loss_epoch": kept + 1.0}
        name, versions = cell.configuration.name, library_versions()
        store.write(Row(cell.specification, name, numbers, series, timings, versions))
        tick(0.0, 1)


def _errors(networks: PyTree, inputs: np.ndarray, outputs: np.ndarray) -> np.ndarray:
    """Root mean square of each network's error, in standard deviations of the function."""

    def one(network: MLP) -> Array:
        wrong = resolve(network)(jnp.asarray(inputs, float).T) - jnp.asarray(outputs, float).T
        return jnp.sqrt(jnp.mean(wrong**2))

    return np.asarray(jax.jit(lambda stack: jax.lax.map(one, stack))(networks), float)


def _work(group: list[MapCell]) -> float:
    """Multiplications of the whole training, to weigh progress by."""
    problem = group[0].problem
    weights = sum(a * b for a, b in zip((2, *problem.widths), (*problem.widths, 1), strict=True))
    return float(len(group) * problem.epochs * problem.train * weights)


def _said(study: MapStudySpec, cells: tuple[MapCell, ...]) -> dict[str, Any]:
    return {
        "specification": study.model_dump(mode="json"),
        "cells": [
            {
                "key": cell.key,
                "problem": cell.problem.name,
                "configuration": cell.configuration.name,
                "rate": cell.rate,
                "seed": cell.seed,
            }
            for cell in cells
        ],
    }
