"""Floors: the arithmetic of a case at the rate that this machine multiplies matrices, now."""

import itertools

import jax
import jax.numpy as jnp

from benchmarks.figures import timed
from sparsid._devices import over_members

PRODUCTS = 8  # in one lap: short, so that some lap has the cores for itself


def matmul_rate(laps: int = 40) -> float:
    """Single-precision operations a second of all devices together, in the fastest lap."""
    size = 512 if jax.default_backend() == "cpu" else 8192

    def products(matrix):
        return jax.lax.fori_loop(0, PRODUCTS, lambda _, b: matrix @ b / size, matrix)

    devices = jax.device_count()
    run, matrices = over_members(products), jnp.ones((devices, size, size), jnp.float32)
    taken = timed(lambda: jax.block_until_ready(run(matrices)), laps)
    return 2 * size**3 * PRODUCTS * devices / min(taken.wall)


def connections(inputs: int, widths: tuple[int, ...], outputs: int, skip: bool) -> int:
    """Weights of a network, biases not counted."""
    sizes = [inputs, *widths, outputs]
    dense = sum(a * b for a, b in itertools.pairwise(sizes))
    return dense + (inputs * sum(sizes[2:]) if skip else 0)


def training_operations(
    inputs: int, widths: tuple[int, ...], outputs: int, *, skip: bool, batch: int
) -> int:
    """Multiplications and additions of one step of one model: forward, and twice that backward.

    Nobody needs the gradient with respect to the network's inputs. Activations, penalty, Adam and
    the order of the examples are not counted.
    """
    whole = connections(inputs, widths, outputs, skip)
    first = inputs * (sum(widths) + outputs) if skip else inputs * widths[0]
    return batch * (6 * whole - 2 * first)


def flow_operations(process) -> float:
    """Operations of one evaluation of a process's flow, a transcendental counted as one."""
    x, u = jnp.zeros(len(process.states)), jnp.zeros(len(process.inputs))
    cost = jax.jit(process.flow).lower(x, u).compile().cost_analysis()
    return cost.get("flops", 0.0) + cost.get("transcendentals", 0.0)
