"""A random order of examples without sorting.

`jax.random.permutation` sorts; for 200 000 examples that takes a quarter of an epoch of a small
network. A Feistel network over a rectangle of indices is a bijection by construction and costs a
few integer operations an index (Luby and Rackoff 1988; the rectangle after Black and Rogaway 2002).
"""

import math

import jax
import jax.numpy as jnp
from jaxtyping import Array, Int, Key

SORTED_BELOW = 4096  # for few examples sorting is cheap, and exactly uniform
ROUNDS = 6


def covered(n: int) -> int:
    """Number of the `n` examples in one order: all, or all but fewer than sqrt(n) / 4."""
    return n if n <= SORTED_BELOW else math.prod(_rectangle(n))


def order(key: Key[Array, ""], n: int) -> Int[Array, " covered"]:
    """`covered(n)` distinct indices below `n` in random order.

    The few indices that a long order omits differ from call to call.
    """
    if n <= SORTED_BELOW:
        return jax.random.permutation(key, n)
    rows, columns = _rectangle(n)
    key_rounds, key_shift = jax.random.split(key)
    salts = jax.random.bits(key_rounds, (ROUNDS,))
    index = jnp.arange(rows * columns, dtype=jnp.uint32)
    left, right = index // columns, index % columns
    for i in range(0, ROUNDS, 2):
        left = (left + _mixed(right ^ salts[i]) % rows) % rows
        right = (right + _mixed(left ^ salts[i + 1]) % columns) % columns
    shift = jax.random.randint(key_shift, (), 0, n).astype(jnp.uint32)
    return ((left * columns + right + shift) % n).astype(jnp.int32)


def _rectangle(n: int) -> tuple[int, int]:
    """The nearly square rows x columns <= n that omits the fewest."""
    root = math.isqrt(n)
    rows = min(range(root - root // 8, root + 1), key=lambda rows: n % rows)
    return rows, n // rows


def _mixed(h: Array) -> Array:
    """A 32-bit integer hash (constants: C. Wellons' lowbias32)."""
    h = (h ^ (h >> 16)) * jnp.uint32(0x7FEB352D)
    h = (h ^ (h >> 15)) * jnp.uint32(0x846CA68B)
    return h ^ (h >> 16)
