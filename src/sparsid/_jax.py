"""JAX, imported on first use: `from sparsid._jax import jax, jnp`.

For modules that declare options next to their methods: a specification is read and validated
without JAX.
"""

from typing import TYPE_CHECKING

from sparsid._lazy import Later

if TYPE_CHECKING:
    import jax as jax
    import jax.numpy as jnp
else:
    jax, jnp = Later("jax"), Later("jax.numpy")

__all__ = ["jax", "jnp"]
