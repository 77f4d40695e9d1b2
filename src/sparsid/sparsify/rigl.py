"""RigL (Evci 2020): drop the smallest weights, grow where the dense gradient is largest."""

from dataclasses import dataclass
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, Key

from sparsid._errors import SparsidError
from sparsid._registry import unknown
from sparsid.sparsify.base import Clock, Seen, Sparsifier
from sparsid.sparsify.dynamic import GROWTHS, gradients, random_masks, rank
from sparsid.sparsify.masks import keeps, magnitudes, replant


class Rewiring(NamedTuple):
    """Numbers of RigL that may differ between runs."""

    share: Float[Array, ""]  # alpha
    end: Float[Array, ""]  # share of the phase after which masks stay
    every: Int[Array, ""]  # steps
    key: Key[Array, ""]


def rigl(
    sparsity: float = 0.8,
    *,
    every: int = 500,
    share: float = 0.3,
    end: float = 0.75,
    growth: Literal["random", "gradient"] = "gradient",
) -> Sparsifier:
    """A mask of the share `sparsity` in every layer, rewired every `every` steps until `end`.

    Each time every layer drops the share share/2 (1 + cos(pi t / T)) of its living weights, the
    smallest, and grows as many where the gradient is largest, dead places included, T being the
    step at `end`. `growth="random"` is SET (Mocanu 2018). Grown weights start at zero with fresh
    moments. Raises SparsidError for numbers out of range.
    """
    if not 0 <= sparsity < 1 or every < 1 or not 0 < share < 1 or not 0 < end <= 1:
        raise SparsidError(
            "RigL needs 0 <= sparsity < 1, every >= 1, 0 < share < 1 and 0 < end <= 1; got "
            f"{sparsity:g}, {every}, {share:g} and {end:g}."
        )
    if growth not in GROWTHS:
        raise SparsidError(unknown("growth", growth, GROWTHS))

    def init(model, *, key) -> Rewiring:
        return Rewiring(jnp.asarray(share, float), jnp.asarray(end, float), jnp.asarray(every), key)

    return Sparsifier(
        prepare=random_masks(sparsity), init=init, after_step=_Rewire(growth == "random")
    )


@dataclass(frozen=True)
class _Rewire:
    at_random: bool

    def __call__(self, model, moments, state: Rewiring, clock: Clock, seen: Seen):
        done = clock.fraction / state.end

        def go(model, moments, state):
            key, key_places = jax.random.split(state.key)
            part = state.share / 2 * (1 + jnp.cos(jnp.pi * done))
            found = magnitudes(model)
            keys = jax.random.split(key_places, len(found))
            if self.at_random:
                wanted = [jax.random.uniform(k, w.shape) for k, w in zip(keys, found, strict=True)]
            else:
                wanted = [jnp.abs(g) for g in gradients(model, seen)]
            rewired = [
                _layer(keep, w, want, part)
                for keep, w, want in zip(keeps(model), found, wanted, strict=True)
            ]
            alive, grown = zip(*rewired, strict=True)
            model, moments = replant(model, moments, alive, grown=grown)
            return model, moments, state._replace(key=key)

        due = (clock.step % state.every == 0) & (done < 1)
        return jax.lax.cond(due, go, lambda *same: same, model, moments, state)


def _layer(keep: Array, magnitude: Array, wanted: Array, part: Array) -> tuple[Array, Array]:
    """(alive, grown) of one layer: the smallest go, as many of the most wanted dead places come.

    What was dropped just now may come back, at zero.
    """
    count = jnp.floor(part * keep.sum()).astype(jnp.int32)
    stay = keep & (rank(jnp.where(keep, magnitude, jnp.inf)) >= count)
    grown = rank(jnp.where(stay, jnp.inf, -wanted)) < count
    return stay | grown, grown
