"""Soft threshold reparameterisation, STR (Kusupati 2020): a learnt threshold for each matrix."""

from typing import ClassVar

from pydantic import Field

from sparsid._errors import SparsidError
from sparsid.sparsify.base import Clock, Seen, Sparsifier
from sparsid.sparsify.lazy import jnp, parameters, unit_rows
from sparsid.sparsify.method import Method, constructor


class SoftThreshold(Method):
    """The effective weight is sign(w) relu(|w| - sigmoid(s)); s starts at `start` and is learnt.

    `decay` moves s towards 0, and so the threshold towards 1/2: each step subtracts
    rate * decay * s, separately from the optimiser's step (decoupled, as Adam needs it). `decay`
    and `start` determine the sparsity: with a threshold far below the weights the network starts
    dense. haugstvedt2023 started at -2, a threshold of 0.12, without decay.
    """

    order: ClassVar = 10
    begins: ClassVar = "other"
    zeros: ClassVar = "return"
    apart_from: ClassVar = frozenset({"hold"})
    trial: ClassVar = {"start": -2.0, "decay": 0.1}
    start: float = Field(
        default=-6.0,
        description="initial s; weights shrink by the threshold sigmoid(s), which is learnt",
    )
    decay: float = Field(default=0.0, ge=0, description="decoupled weight decay of s towards 0")

    def build(self) -> Sparsifier:
        start, decay = self.start, self.decay

        def wrap(weight):
            dtype = parameters.stored(weight).dtype
            return parameters.SoftThresholded(weight, jnp.asarray(start, dtype))

        def once(weight):
            inner = weight.raw if isinstance(weight, parameters.Masked) else weight
            if isinstance(inner, parameters.SoftThresholded):
                return weight
            return parameters.under_mask(wrap, weight)

        def prepare(model, *, key):
            unit_rows.check_lengths_count(model, "Soft thresholds")
            return parameters.map_weights(once, model)

        def init(model, *, key):
            return jnp.asarray(decay, float)

        return Sparsifier(prepare=prepare, init=init, after_step=_decay)


def _decay(model, moments, state, clock: Clock, seen: Seen):
    def shrink(weight):
        if not isinstance(weight, parameters.SoftThresholded):
            raise SparsidError(
                "Soft thresholds need weights that are trained, and `hold` freezes them: leave out "
                "`hold` or `soft_threshold`."
            )
        s = weight.s - (seen.rate * state * weight.s).astype(weight.s.dtype)
        return parameters.SoftThresholded(weight.raw, s)

    shrunk = parameters.map_weights(lambda weight: parameters.under_mask(shrink, weight), model)
    return shrunk, moments, state


soft_threshold = constructor(SoftThreshold, "start")
