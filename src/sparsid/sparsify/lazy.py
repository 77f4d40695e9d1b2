"""Modules that methods compute with, imported when a method is first used.

The file of a method also declares its options, and reading these must not import JAX.
"""

from typing import TYPE_CHECKING

from sparsid._jax import jax, jnp
from sparsid._lazy import Later

if TYPE_CHECKING:
    import equinox as eqx

    from sparsid.models import mlp as mlp
    from sparsid.models import parameters as parameters
    from sparsid.sparsify import masks as masks
    from sparsid.sparsify import unit_rows as unit_rows
else:
    eqx = Later("equinox")
    mlp, parameters = Later("sparsid.models.mlp"), Later("sparsid.models.parameters")
    masks, unit_rows = Later("sparsid.sparsify.masks"), Later("sparsid.sparsify.unit_rows")

__all__ = ["eqx", "jax", "jnp", "masks", "mlp", "parameters", "unit_rows"]
