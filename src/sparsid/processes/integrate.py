"""Time integration: one compiled scan over samples, mapped over trajectories."""

from collections.abc import Callable

import equinox as eqx
import jax
import numpy as np
from jax.sharding import Mesh, PartitionSpec
from jaxtyping import Array, Float, Key, PyTree

from sparsid._steppers import STEPPERS
from sparsid.processes.adaptive import adaptive
from sparsid.processes.base import AbstractProcess
from sparsid.processes.signals import Recorded
from sparsid.processes.sources import AbstractSource

METHODS: dict[str, Callable] = {name: STEPPERS[name] for name in STEPPERS} | {"adaptive": adaptive}


def integrate(
    process: AbstractProcess,
    source: AbstractSource,
    start: Float[Array, " states"],
    plan: PyTree[Array],
    *,
    samples: int,
    dt: float,
    method: str,
) -> tuple[Array, Array, Array]:
    """One trajectory: x (samples, states), y (samples, outputs) and u (samples, inputs).

    Row k holds x_k, the input u_k computed from x_k and held from k to k+1, and their output y_k.
    """
    stepper = METHODS[method]

    def step(carry, planned):
        x, memory = carry
        memory, u = source.step(memory, planned, x)
        return (stepper(process.flow, x, u, dt), memory), (x, u)

    _, (x, u) = jax.lax.scan(step, (start, source.init()), plan, length=samples)
    return x, jax.vmap(process.output)(x, u), u


@eqx.filter_jit
def integrate_sampled(
    process: AbstractProcess,
    source: AbstractSource,
    keys: Key[Array, " trajectory"],
    mesh: Mesh,
    samples: int,
    dt: float,
    method: str,
) -> tuple[Array, Array, Array]:
    """One trajectory per key, with random initial state and inputs."""

    def one(key):
        k_start, k_plan = jax.random.split(key)
        start = process.initial_state(key=k_start)
        plan = source.plan(samples=samples, dt=dt, key=k_plan)
        return integrate(process, source, start, plan, samples=samples, dt=dt, method=method)

    return _map_sharded(one, mesh)(keys)


@eqx.filter_jit
def integrate_recorded(
    process: AbstractProcess,
    starts: Float[Array, "trajectory states"],
    inputs: Float[Array, "trajectory samples inputs"],
    mesh: Mesh,
    dt: float,
    method: str,
) -> tuple[Array, Array, Array]:
    """One trajectory per initial state, with recorded inputs."""

    def one(start, u):
        return integrate(process, Recorded(u), start, u, samples=len(u), dt=dt, method=method)

    return _map_sharded(one, mesh)(starts, inputs)


def _map_sharded(one: Callable, mesh: Mesh) -> Callable:
    """`one` mapped over a leading axis that is sharded over the devices of the mesh."""
    part = PartitionSpec(mesh.axis_names[0])
    return jax.shard_map(jax.vmap(one), mesh=mesh, in_specs=part, out_specs=part, check_vma=False)


def cpu_mesh() -> Mesh:
    """A one-dimensional mesh of all CPU devices.

    Integration is a long sequence of small steps, which a core does faster than an accelerator;
    and a seed gives the same data on machines with and without one.
    """
    return Mesh(np.array(jax.devices("cpu")), ("trajectory",))
