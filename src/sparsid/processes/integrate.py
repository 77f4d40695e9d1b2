"""The march itself: one compiled scan, written for one trajectory and mapped over many."""

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

    Row k holds x_k, the u_k that the source gave on seeing x_k, held from k to k+1, and their y_k.
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
    """One trajectory a key, each from a random start under freshly drawn inputs."""

    def one(key):
        k_start, k_plan = jax.random.split(key)
        start = process.initial_state(key=k_start)
        plan = source.plan(samples=samples, dt=dt, key=k_plan)
        return integrate(process, source, start, plan, samples=samples, dt=dt, method=method)

    return _spread(one, mesh)(keys)


@eqx.filter_jit
def integrate_recorded(
    process: AbstractProcess,
    starts: Float[Array, "trajectory states"],
    inputs: Float[Array, "trajectory samples inputs"],
    mesh: Mesh,
    dt: float,
    method: str,
) -> tuple[Array, Array, Array]:
    """One trajectory a start, under recorded inputs."""

    def one(start, u):
        return integrate(process, Recorded(u), start, u, samples=len(u), dt=dt, method=method)

    return _spread(one, mesh)(starts, inputs)


def _spread(one: Callable, mesh: Mesh) -> Callable:
    """`one` mapped over a leading axis, a part of which lies on each device of the mesh."""
    part = PartitionSpec(mesh.axis_names[0])
    return jax.shard_map(jax.vmap(one), mesh=mesh, in_specs=part, out_specs=part, check_vma=False)


def cpu_mesh() -> Mesh:
    """All CPU devices in a row.

    A march is thousands of tiny steps in sequence, which a core does faster than an accelerator;
    and a seed gives the same data on machines with and without one.
    """
    return Mesh(np.array(jax.devices("cpu")), ("trajectory",))
