"""Devices, set by one public call, and the map that spreads members over them."""

import os
from collections.abc import Callable

import jax
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec
from jaxtyping import PyTree

from sparsid._errors import SparsidError

AXIS = "member"


def use_cores(n: int | None = None) -> int:
    """Makes each of `n` processor cores (default: all this process may use) one JAX device.

    Call it before anything is computed. Returns the number of devices. Raises SparsidError if JAX
    has already started with another number.
    """
    n = len(os.sched_getaffinity(0)) if n is None and hasattr(os, "sched_getaffinity") else n
    n = n or os.cpu_count() or 1
    try:
        jax.config.update("jax_num_cpu_devices", n)
    except RuntimeError:
        if jax.device_count("cpu") != n:
            raise SparsidError(
                f"use_cores({n}) must come before the first computation; JAX already runs with "
                f"{jax.device_count('cpu')} cores."
            ) from None
    return jax.device_count()


def mesh() -> Mesh:
    """All devices in a row; the axis is the member of an ensemble."""
    return jax.make_mesh((jax.device_count(),), (AXIS,), axis_types=(AxisType.Auto,))


def over_members(one: Callable, *, together: bool = False) -> Callable:
    """`one(member, *shared)` for one member, as a compiled function of a stack of members.

    The stack's length must be a multiple of the devices (`padding`). A processor core takes its
    members one after the other: their weights stay in its cache, "is it due?" stays a branch, and
    a member's bits do not depend on its company. An accelerator takes them all at once, and so does
    a core where `together` says that members are too small to fill it one by one.
    """
    in_turn = jax.default_backend() == "cpu" and not together

    def many(members, *shared):
        def alone(member):
            return one(member, *shared)

        return jax.lax.map(alone, members) if in_turn else jax.vmap(alone)(members)

    def spread(members, *shared):
        specs = (PartitionSpec(AXIS), *(PartitionSpec() for _ in shared))
        run = jax.shard_map(
            many, mesh=mesh(), in_specs=specs, out_specs=PartitionSpec(AXIS), check_vma=False
        )
        return run(members, *shared)

    return jax.jit(spread)


def shard(members: PyTree) -> PyTree:
    """Stacked members, each on its device as `over_members` returns them: it compiles only once."""
    return jax.device_put(members, NamedSharding(mesh(), PartitionSpec(AXIS)))


def replicated(shared: PyTree) -> PyTree:
    """A copy on every device, so that no call of `over_members` copies again."""
    return jax.device_put(shared, NamedSharding(mesh(), PartitionSpec()))


def padding(size: int) -> int:
    """How many members to add so that every device gets equally many."""
    return -size % jax.device_count()
