"""Simulated trajectories as a Dataset, in float64, with random or recorded inputs."""

import math
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import NamedSharding, PartitionSpec
from jaxtyping import Array, Key

from sparsid._errors import SparsidError
from sparsid._registry import unknown
from sparsid._types import Batch
from sparsid.data import Dataset
from sparsid.processes.adaptive import check_installed
from sparsid.processes.base import AbstractProcess
from sparsid.processes.integrate import METHODS, cpu_mesh, integrate_recorded, integrate_sampled
from sparsid.processes.records import check_channels, to_dataset
from sparsid.processes.sources import AbstractSource

LARGEST = 100_000_000  # rows: some 10 GB with the states of a larger plant


def simulate(
    process: AbstractProcess,
    *,
    trajectories: int,
    samples: int,
    dt: float | None = None,
    excitation: AbstractSource | None = None,
    method: str = "rk4",
    key: Key[Array, ""],
) -> Dataset:
    """Simulates a process from random initial states, without noise.

    Returns `trajectories` of `samples` rows each. `dt` in s and `excitation` (a source of the
    complete input vector) default to those of the process. Inputs are held over each sample, which
    takes one step of "rk4" or "euler", or as many as "adaptive" needs. Trajectory i depends only on
    the key and i. A trajectory that becomes NaN or infinite is truncated, with a note in `notes` of
    the dataset. Raises SparsidError for invalid counts, an unknown method, an excitation of another
    width, or a trajectory with fewer than two finite samples; MissingExtraError for "adaptive"
    without Diffrax.
    """
    dt = process.dt if dt is None else dt
    _check_count("trajectories", trajectories, 1)
    _check_count("samples", samples, 2)
    _check_dt(dt)
    _check_size(trajectories, samples)
    _check_method(method)
    with jax.enable_x64(True):
        process = _as_jax(process)
        source = process.excitation(dt=dt) if excitation is None else _as_jax(excitation)
        _check_width(process, source, dt)
        keys = jax.vmap(jax.random.fold_in, (None, 0))(_typed(key), np.arange(trajectories))

        def run(mesh, keys):
            return integrate_sampled(process, source, keys, mesh, int(samples), float(dt), method)

        integrated = _on_all_devices(run, keys)
    return to_dataset(process, integrated, [samples] * trajectories, dt=dt, method=method)


def replay(process: AbstractProcess, dataset: Dataset, *, method: str = "rk4") -> Dataset:
    """Simulates a process from each trajectory's first state, with its recorded inputs.

    Lengths and the order of channels may differ. Raises SparsidError if names or stated units of
    states and inputs differ from those of the process, and as `simulate` does.
    """
    _check_method(method)
    without_unit = [
        *check_channels(process.name, "states", process.states, dataset.states),
        *check_channels(process.name, "inputs", process.inputs, dataset.inputs),
    ]
    notes = [
        f"The data states no unit for {', '.join(without_unit)}; that of the process is assumed."
    ]
    recorded = dataset.select(states=process.states.names, inputs=process.inputs.names)
    states, _, inputs = recorded.padded()
    with jax.enable_x64(True):

        def run(mesh, starts, inputs):
            return integrate_recorded(_as_jax(process), starts, inputs, mesh, dataset.dt, method)

        integrated = _on_all_devices(run, states[:, 0], inputs)
    return to_dataset(
        process,
        integrated,
        dataset.lengths,
        dt=dataset.dt,
        method=method,
        notes=notes if without_unit else (),
    )


def _on_all_devices(run: Callable, *arrays) -> tuple[Batch, Batch, Batch]:
    """`run(mesh, *arrays)` as NumPy; the leading axis is padded to a multiple of the devices."""
    mesh = cpu_mesh()
    count = len(arrays[0])
    rows = np.arange(-(-count // mesh.size) * mesh.size) % count
    placed = NamedSharding(mesh, PartitionSpec(mesh.axis_names[0]))
    results = run(mesh, *(jax.device_put(array[rows], placed) for array in arrays))
    x, y, u = (np.asarray(result)[:count] for result in results)
    return x, y, u


def _as_jax[T](module: T) -> T:
    """A process or source with its NumPy arrays converted to JAX arrays."""
    return jax.tree.map(lambda a: jnp.asarray(a) if isinstance(a, np.ndarray) else a, module)


def _typed(key) -> Key[Array, ""]:
    """`key` as a typed JAX key, from a typed or a legacy key; raises SparsidError for a seed."""
    if not isinstance(key, jax.Array):
        raise SparsidError(f"`key` must be a JAX key, such as jax.random.key(7); got {key!r}.")
    if jnp.issubdtype(key.dtype, jax.dtypes.prng_key):
        return key
    return jax.random.wrap_key_data(key)


def _check_width(process: AbstractProcess, source: AbstractSource, dt: float) -> None:
    def first():
        plan = source.plan(samples=1, dt=dt, key=jax.random.key(0))
        row = jax.tree.map(lambda planned: planned[0], plan)
        return source.step(source.init(), row, jnp.zeros(len(process.states)))[1]

    shape = jax.eval_shape(first).shape
    if shape != (len(process.inputs),):
        raise SparsidError(
            f"`excitation` must give the {len(process.inputs)} inputs of {process.name} "
            f"({', '.join(process.inputs.names)}), stacked; got the shape {shape}."
        )


def _check_count(name: str, value: int, least: int) -> None:
    if not isinstance(value, (int, np.integer)) or value < least:
        raise SparsidError(f"`{name}` must be an integer, at least {least}; got {value}.")


def _check_size(trajectories: int, samples: int) -> None:
    if trajectories * samples > LARGEST:
        raise SparsidError(
            f"`trajectories` times `samples` must be at most {LARGEST:g}; got {trajectories} x "
            f"{samples}: simulate in parts."
        )


def _check_dt(dt: float) -> None:
    if not (math.isfinite(dt) and dt > 0):
        raise SparsidError(f"`dt` must be a positive number of s; got {dt}.")


def _check_method(method: str) -> None:
    if method not in METHODS:
        raise SparsidError(unknown("method", method, METHODS))
    if method == "adaptive":
        check_installed()
