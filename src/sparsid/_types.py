"""Array types shared by all layers: shapes only, without JAX."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:  # aliases are evaluated lazily, so neither is imported at start-up
    import numpy as np
    from jaxtyping import Float

type Vector = Float[np.ndarray, " channel"]
type Record = Float[np.ndarray, "time channel"]
type Batch = Float[np.ndarray, "trajectory time channel"]
