"""JAX devices, and a map over the members of an ensemble that is sharded over them."""

import os
from collections.abc import Callable

import jax
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec
from jaxtyping import PyTree

from sparsid._errors import SparsidError

AXIS = "member"


def use_cores(n: int | None = None) -> int:
    """Makes `n` processor cores (default: all available to this process) one JAX device each.

    Call it before the first computation. Returns the number of devices. Raises SparsidError if JAX
    has already started with another number.
    """
    n = len(os.sched_getaffinity(0)) if n is None and hasattr(os, "sched_getaffinity") else n
    n = n or os.cpu_count() or 1
    try:
        jax.config.update("jax_num_cpu_devices", n)
    except RuntimeError:
        if jax.device_count("cpu") != n:
            raise SparsidError(
                f"use_cores({n}) must be called before the first computation; JAX already uses "
                f"{jax.device_count('cpu')} cores."
            ) from None
    return jax.device_count()


def mesh() -> Mesh:
    """A one-dimensional mesh of all devices; its axis is the member of an ensemble."""
    return jax.make_mesh((jax.device_count(),), (AXIS,), axis_types=(AxisType.Auto,))


def over_members(one: Callable, *, together: bool = False) -> Callable:
    """`one(member, *shared)` for one member, as a compiled function of stacked members.

    The stack's length must be a multiple of the devices (`padding`). A processor core computes its
    members sequentially: their weights stay in its cache, conditionals stay branches, and results
    do not depend on the other members to the last bit. An accelerator computes them in one batch,
    and so does a core with `together`, for members too small to use it fully.
    """
    sequential = jax.default_backend() == "cpu" and not together

    def many(members, *shared):
        def alone(member):
            return one(member, *shared)

        return jax.lax.map(alone, members) if sequential else jax.vmap(alone)(members)

    def sharded(members, *shared):
        specs = (PartitionSpec(AXIS), *(PartitionSpec() for _ in shared))
        run = jax.shard_map(
            many, mesh=mesh(), in_specs=specs, out_specs=PartitionSpec(AXIS), check_vma=False
        )
        return run(members, *shared)

    return jax.jit(sharded)


def shard(members: PyTree) -> PyTree:
    """Stacked members sharded as `over_members` returns them, which avoids a second compilation."""
    return jax.device_put(members, NamedSharding(mesh(), PartitionSpec(AXIS)))


def replicated(shared: PyTree) -> PyTree:
    """A copy on every device, so that calls of `over_members` need not copy."""
    return jax.device_put(shared, NamedSharding(mesh(), PartitionSpec()))


def padding(size: int) -> int:
    """The number of members to add for a multiple of the devices."""
    return -size % jax.device_count()
