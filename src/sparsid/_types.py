"""Array types shared by all layers. jaxtyping is used without JAX here: shapes only."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:  # aliases are evaluated when asked for: a start waits for neither
    import numpy as np
    from jaxtyping import Float

type Vector = Float[np.ndarray, " channel"]
type Record = Float[np.ndarray, "time channel"]
type Batch = Float[np.ndarray, "trajectory time channel"]
