"""Simulated trajectories as a Dataset, in float64: fresh ones, and recorded ones run again."""

import math
from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec
from jaxtyping import Array, Key

from sparsid._errors import SparsidError
from sparsid._registry import unknown
from sparsid._types import Batch
from sparsid.data import Channels, Dataset
from sparsid.processes.adaptive import check_installed
from sparsid.processes.base import AbstractProcess
from sparsid.processes.march import METHODS, cpu_mesh, march_recorded, march_sampled
from sparsid.processes.sources import AbstractSource


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
    """`trajectories` runs of the true process from random starts, `samples` long, without noise.

    `dt` in s and `excitation` (a source of the whole input vector) default to the process's own.
    Inputs are held over each sample and crossed by one step of "rk4" or "euler", or by as many as
    "adaptive" needs. Trajectory i depends on the key and on i, not on how many are asked for.
    A trajectory that leaves the finite numbers keeps its finite part; `notes` of the dataset says
    so. Raises SparsidError for numbers that make no trajectory, an unknown method, or a trajectory
    of which fewer than two samples are finite; MissingExtraError for "adaptive" without Diffrax.
    """
    dt = process.dt if dt is None else dt
    _check_count("trajectories", trajectories, 1)
    _check_count("samples", samples, 2)
    _check_dt(dt)
    _check_method(method)
    with jax.enable_x64(True):
        source = process.excitation(dt=dt) if excitation is None else excitation
        keys = jax.vmap(jax.random.fold_in, (None, 0))(_typed(key), np.arange(trajectories))

        def run(mesh, keys):
            return march_sampled(process, source, keys, mesh, samples, float(dt), method)

        x, y, u = _on_all_devices(run, keys)
    return _dataset(process, x, y, u, [samples] * trajectories, dt=dt, method=method)


def replay(process: AbstractProcess, dataset: Dataset, *, method: str = "rk4") -> Dataset:
    """The true process from each trajectory's first state, under its recorded inputs.

    Lengths may differ, channels may stand in another order. Raises SparsidError if the names or
    the stated units of states and inputs are not the process's, and as `simulate` does.
    """
    _check_method(method)
    _check_channels(process, "states", process.states, dataset.states)
    _check_channels(process, "inputs", process.inputs, dataset.inputs)
    recorded = dataset.select(states=process.states.names, inputs=process.inputs.names)
    states, _, inputs = recorded.padded()
    with jax.enable_x64(True):

        def run(mesh, starts, inputs):
            return march_recorded(process, starts, inputs, mesh, dataset.dt, method)

        x, y, u = _on_all_devices(run, states[:, 0], inputs)
    return _dataset(process, x, y, u, dataset.lengths, dt=dataset.dt, method=method)


def _on_all_devices(run: Callable, *arrays) -> tuple[Batch, Batch, Batch]:
    """`run(mesh, *arrays)` as NumPy; the leading axis is filled up to a multiple of the devices."""
    mesh = cpu_mesh()
    count = len(arrays[0])
    rows = np.arange(-(-count // mesh.size) * mesh.size) % count
    placed = NamedSharding(mesh, PartitionSpec(mesh.axis_names[0]))
    results = run(mesh, *(jax.device_put(array[rows], placed) for array in arrays))
    x, y, u = (np.asarray(result)[:count] for result in results)
    return x, y, u


def _dataset(
    process: AbstractProcess,
    x: Batch,
    y: Batch,
    u: Batch,
    lengths: Sequence[int],
    *,
    dt: float,
    method: str,
) -> Dataset:
    """The finite part of every trajectory, with a note on each that has lost some of it."""
    kept, notes = [], []
    for i, length in enumerate(lengths):
        finite = _finite_rows(x[i, :length], y[i, :length], u[i, :length])
        kept.append(finite)
        if finite < length:
            notes.append(_left(i, finite, length, dt))
    return Dataset.from_arrays(
        **{
            name: [r[:n] for r, n in zip(a, kept, strict=True)] for name, a in zip("xyu", (x, y, u))
        },
        dt=dt,
        state_names=process.states.names,
        output_names=process.outputs.names,
        input_names=process.inputs.names,
        state_units=process.states.units,
        output_units=process.outputs.units,
        input_units=process.inputs.units,
        notes=notes,
        attributes={
            "process": process.name,
            "settings": repr(process),
            "dt": f"{dt:g} s",
            "method": method,
            "reference": process.reference,
        },
    )


def _finite_rows(*records: np.ndarray) -> int:
    """How many rows come before the first one that is not finite in one of the records."""
    bad = ~np.concatenate([np.isfinite(record) for record in records], axis=1).all(axis=1)
    return int(bad.argmax()) if bad.any() else len(bad)


def _left(i: int, finite: int, length: int, dt: float) -> str:
    """One sentence on a trajectory that left the finite numbers; raised if nothing is left of it."""
    when = (
        f"Trajectory {i} left the finite numbers at sample {finite} of {length} ({finite * dt:g} s)"
    )
    if finite < 2:
        raise SparsidError(
            f"{when}, and a trajectory needs at least 2 samples: "
            "use a smaller `dt`, another start or another key."
        )
    return f"{when}; the {finite} samples before are kept."


def _typed(key) -> Key[Array, ""]:
    """`key` as a typed JAX key, from one or from the older kind; raises SparsidError for a seed."""
    if not isinstance(key, jax.Array):
        raise SparsidError(f"`key` must be a JAX key, such as jax.random.key(7); got {key!r}.")
    if jnp.issubdtype(key.dtype, jax.dtypes.prng_key):
        return key
    return jax.random.wrap_key_data(key)


def _check_count(name: str, value: int, least: int) -> None:
    if not isinstance(value, (int, np.integer)) or value < least:
        raise SparsidError(f"`{name}` must be a whole number, at least {least}; got {value}.")


def _check_dt(dt: float) -> None:
    if not (math.isfinite(dt) and dt > 0):
        raise SparsidError(f"`dt` must be a positive number of s; got {dt}.")


def _check_method(method: str) -> None:
    if method not in METHODS:
        raise SparsidError(unknown("method", method, METHODS))
    if method == "adaptive":
        check_installed()


def _check_channels(process: AbstractProcess, what: str, own: Channels, given: Channels) -> None:
    if sorted(own.names) != sorted(given.names):
        raise SparsidError(
            f"The process {process.name} has the {what} {', '.join(own.names)}; the data has "
            f"{', '.join(given.names) or 'none'}."
        )
    units = dict(zip(given.names, given.units, strict=True))
    for name, unit in zip(own.names, own.units, strict=True):
        if units[name] not in (None, unit):
            raise SparsidError(
                f"The process {process.name} has {name} in {unit}; the data has it in "
                f"{units[name]}: convert it first."
            )
