"""JAX, imported when something of it is first used: `from sparsid._jax import jax, jnp`.

For modules that are also read for what they declare, such as the options of methods: a
specification is read, and refused, without JAX.
"""

from typing import TYPE_CHECKING

from sparsid._lazy import Later

if TYPE_CHECKING:
    import jax as jax
    import jax.numpy as jnp
else:
    jax, jnp = Later("jax"), Later("jax.numpy")

__all__ = ["jax", "jnp"]
