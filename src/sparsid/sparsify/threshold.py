"""Thresholding: small weights are masked for good, the others are trained further."""

from typing import ClassVar

from pydantic import Field

from sparsid.sparsify.base import Sparsifier
from sparsid.sparsify.lazy import jnp, parameters
from sparsid.sparsify.method import constructor
from sparsid.sparsify.roles import ByRole


class Threshold(ByRole):
    """Weights with |w| < `below` (scaled numbers) are masked from the start of the phase.

    `threshold = 3e-3`, or `{below = 3e-3, direct = 1e-4}`.
    """

    order: ClassVar = 60
    short: ClassVar = "below"
    begins: ClassVar = "other"
    zeros: ClassVar = "stay"
    trial: ClassVar = {"below": 0.3}
    below: float = Field(
        ge=0,
        description="smaller weights are zero from the start of the phase; `threshold = 3e-3` is "
        "short for `{ below = 3e-3 }`",
    )

    def build(self) -> Sparsifier:
        limits = self.by_role(self.below)

        def cut(weight):
            under = parameters.masked(weight)
            keep = under.keep & (jnp.abs(weight.value()) >= limits[weight.role])
            kept = jnp.where(keep, parameters.stored(under.raw), 0)
            return parameters.Masked(parameters.with_stored(under.raw, kept), keep)

        def prepare(model, *, key):
            return parameters.map_weights(cut, model)

        return Sparsifier(prepare=prepare)


threshold = constructor(Threshold, "below")
