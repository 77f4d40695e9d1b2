"""RigL (Evci 2020): drop the smallest weights, grow where the dense gradient is largest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Literal, NamedTuple

from pydantic import Field

from sparsid.sparsify.base import Clock, Seen, Sparsifier
from sparsid.sparsify.dynamic import gradients, random_masks, rank
from sparsid.sparsify.lazy import jax, jnp, masks
from sparsid.sparsify.method import Method, constructor

if TYPE_CHECKING:
    from jaxtyping import Array, Float, Int, Key


class Rewiring(NamedTuple):
    """Numbers of RigL that may differ between runs."""

    share: Float[Array, ""]  # alpha
    end: Float[Array, ""]  # share of the phase after which masks are fixed
    every: Int[Array, ""]  # steps
    key: Key[Array, ""]


class RigL(Method):
    """A mask of the share `sparsity` in every layer, rewired every `every` steps until `end`.

    `rigl = {sparsity = 0.8, every = 500}`. Each time every layer drops the smallest
    share/2 (1 + cos(pi t / T)) of its active weights and grows as many where the gradient is
    largest, masked entries included; T is the step at `end`. `growth = "random"` is SET (Mocanu
    2018). Grown weights start at zero, and so do their moments.
    """

    order: ClassVar = 50
    begins: ClassVar = "other"
    zeros: ClassVar = "move"
    trial: ClassVar = {"sparsity": 0.5, "every": 2, "end": 1.0}
    sparsity: float = Field(default=0.8, ge=0, lt=1, description="constant share of zeros")
    every: int = Field(default=500, ge=1, description="steps from one rewiring to the next")
    share: float = Field(
        default=0.3, gt=0, lt=1, description="initial share of the active weights that is rewired"
    )
    end: float = Field(
        default=0.75, gt=0, le=1, description="share of the phase after which masks are fixed"
    )
    growth: Literal["random", "gradient"] = Field(
        default="gradient", description="where weights grow"
    )

    def build(self) -> Sparsifier:
        def init(model, *, key) -> Rewiring:
            share, end = jnp.asarray(self.share, float), jnp.asarray(self.end, float)
            return Rewiring(share, end, jnp.asarray(self.every), key)

        rewire = _Rewire(self.growth == "random")
        return Sparsifier(prepare=random_masks(self.sparsity), init=init, after_step=rewire)


@dataclass(frozen=True)
class _Rewire:
    at_random: bool

    def __call__(self, model, moments, state: Rewiring, clock: Clock, seen: Seen):
        done = clock.fraction / state.end

        def go(model, moments, state):
            key, key_places = jax.random.split(state.key)
            part = state.share / 2 * (1 + jnp.cos(jnp.pi * done))
            found = masks.magnitudes(model)
            keys = jax.random.split(key_places, len(found))
            if self.at_random:
                wanted = [jax.random.uniform(k, w.shape) for k, w in zip(keys, found, strict=True)]
            else:
                wanted = [jnp.abs(g) for g in gradients(model, seen)]
            rewired = [
                _layer(keep, w, want, part)
                for keep, w, want in zip(masks.keeps(model), found, wanted, strict=True)
            ]
            active, grown = zip(*rewired, strict=True)
            model, moments = masks.apply_masks(model, moments, active, grown=grown)
            return model, moments, state._replace(key=key)

        due = (clock.step % state.every == 0) & (done < 1)
        return jax.lax.cond(due, go, lambda *same: same, model, moments, state)


def _layer(keep: Array, magnitude: Array, wanted: Array, part: Array) -> tuple[Array, Array]:
    """(active, grown) of one layer: drops the smallest and grows as many where `wanted` is largest.

    A weight that was just dropped may regrow, at zero.
    """
    count = jnp.floor(part * keep.sum()).astype(jnp.int32)
    stay = keep & (rank(jnp.where(keep, magnitude, jnp.inf)) >= count)
    grown = rank(jnp.where(stay, jnp.inf, -wanted)) < count
    return stay | grown, grown


rigl = constructor(RigL, "sparsity")
