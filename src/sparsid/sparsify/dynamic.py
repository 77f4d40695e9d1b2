"""Dynamic sparse reparameterisation, DSR (Mostafa and Wang 2019), with a constant weight count.

Every few epochs weights below one global threshold are pruned and as many grow elsewhere, shared
over the layers in proportion to their surviving weights.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, NamedTuple

from pydantic import Field

from sparsid._tables import EPOCHS
from sparsid.sparsify.base import Clock, Seen, Sparsifier
from sparsid.sparsify.lazy import jax, jnp, masks, mlp, parameters
from sparsid.sparsify.method import Method, constructor

if TYPE_CHECKING:
    from jaxtyping import Array, Bool, Float, Int, Key


class Reallocation(NamedTuple):
    """Numbers of DSR that may differ between runs; the threshold adapts."""

    threshold: Float[Array, ""]  # H
    target: Float[Array, ""]  # N_p: weights to prune each time
    tolerance: Float[Array, ""]
    every: Int[Array, ""]  # epochs
    key: Key[Array, ""]


class Dynamic(Method):
    """A random mask of the share `sparsity` in every layer, reallocated every `every` epochs.

    `dynamic = {sparsity = 0.5, every = 25, target = 150}`. Each time, in this order: weights with
    |w| < H are pruned, at least one weight per layer stays; as many grow at entries that were zero
    before; H is halved if more than (1 + tolerance) * `target` were pruned, doubled if fewer than
    (1 - tolerance) * `target`. `growth` chooses entries at random, or where the gradient of the
    last batch is largest (as RigL does). Grown weights `start` at zero, or from the initialisation
    of the network; their moments are zero. The number of active weights never changes. There is no
    reallocation at the end of a phase: grown weights must be trained. haugstvedt2023: every 25,
    target 150.
    """

    order: ClassVar = 40
    begins: ClassVar = "other"
    zeros: ClassVar = "move"
    trial: ClassVar = {"every": 1, "target": 3, "threshold": 0.4}
    sparsity: float = Field(default=0.5, ge=0, lt=1, description="constant share of zeros")
    every: Annotated[int, EPOCHS] = Field(
        default=25, ge=1, description="epochs from one reallocation to the next"
    )
    target: float = Field(default=150.0, gt=0, description="weights to reallocate each time")
    threshold: float = Field(
        default=1e-3, gt=0, description="smaller weights are pruned; adapts to `target`"
    )
    tolerance: float = Field(
        default=0.1, ge=0, description="tolerated relative deviation from `target`"
    )
    growth: Literal["random", "gradient"] = Field(
        default="random", description="where weights grow"
    )
    start: Literal["zero", "random"] = Field(
        default="zero", description="initial value of grown weights"
    )

    def build(self) -> Sparsifier:
        def init(model, *, key) -> Reallocation:
            return Reallocation(
                jnp.asarray(self.threshold, float),
                jnp.asarray(self.target, float),
                jnp.asarray(self.tolerance, float),
                jnp.asarray(self.every),
                key,
            )

        random_start = self.start == "random"
        return Sparsifier(
            prepare=random_masks(self.sparsity),
            init=init,
            after_step=_ByGradient(random_start) if self.growth == "gradient" else None,
            after_epoch=_AtRandom(random_start) if self.growth == "random" else None,
        )


def random_masks(sparsity: float):
    """`prepare` hook: masks round(sparsity * size) entries of every matrix, drawn uniformly.

    Existing masks stay: a later phase continues with them.
    """

    def prepare(model, *, key):
        keys = iter(jax.random.split(key, max(len(parameters.weights(model)), 1)))

        def mask(weight):
            own = next(keys)
            if isinstance(weight, parameters.Masked):
                return weight
            shape = parameters.stored(weight).shape
            drawn = jax.random.uniform(own, shape)
            zeros = min(round(sparsity * drawn.size), drawn.size - 1)
            return parameters.Masked(weight, rank(drawn) >= zeros)

        return parameters.map_weights(mask, model)

    return prepare


@dataclass(frozen=True)
class _AtRandom:
    random_start: bool

    def __call__(self, model, moments, state: Reallocation, clock: Clock):
        key, key_places, key_start = jax.random.split(state.key, 3)
        state = state._replace(key=key)

        def go(model, moments, state):
            own = jax.random.split(key_places, len(parameters.weights(model)))
            each = zip(own, masks.keeps(model), strict=True)
            draws = [jax.random.uniform(k, keep.shape) for k, keep in each]
            return _reallocate(model, moments, state, draws, key_start, self.random_start)

        due = (clock.epoch % state.every == 0) & (clock.epoch < clock.epochs)
        return jax.lax.cond(due, go, lambda *same: same, model, moments, state)


@dataclass(frozen=True)
class _ByGradient:
    random_start: bool

    def __call__(self, model, moments, state: Reallocation, clock: Clock, seen: Seen):
        def go(model, moments, state):
            key, key_start = jax.random.split(state.key)
            order = [-jnp.abs(g) for g in gradients(model, seen)]
            later = state._replace(key=key)
            return _reallocate(model, moments, later, order, key_start, self.random_start)

        period = state.every * clock.steps_per_epoch
        due = (clock.step % period == 0) & (clock.fraction < 1)
        return jax.lax.cond(due, go, lambda *same: same, model, moments, state)


def _reallocate(model, moments, state: Reallocation, order, key_start, random_start: bool):
    """One step of pruning and regrowth; entries grow in ascending `order`."""
    was, size = masks.keeps(model), masks.magnitudes(model)
    stay = [_survivors(k, w, state.threshold) for k, w in zip(was, size, strict=True)]
    pruned = [k & ~s for k, s in zip(was, stay, strict=True)]
    total = jnp.stack([p.sum() for p in pruned]).sum()
    survivors = jnp.stack([s.sum() for s in stay])
    free = jnp.stack([(~k).sum() for k in was])
    count = distribute(total, survivors, free)
    # If no masked entry is left, just pruned ones regrow: the weight count is constant.
    count += distribute(total - count.sum(), survivors, jnp.stack([p.sum() for p in pruned]))
    grown = []
    for k, s, value, n in zip(was, stay, order, count, strict=True):
        turn = rank(value) + jnp.where(k, k.size, 0)  # masked before first, then those just pruned
        grown.append(rank(jnp.where(s, 2 * k.size, turn)) < n)
    active = [s | g for s, g in zip(stay, grown, strict=True)]
    start = _drawn(model, key_start) if random_start else None
    model, moments = masks.apply_masks(model, moments, active, grown=grown, start=start)
    high = total > (1 + state.tolerance) * state.target
    low = total < (1 - state.tolerance) * state.target
    factor = jnp.where(high, 0.5, jnp.where(low, 2.0, 1.0))
    return model, moments, state._replace(threshold=state.threshold * factor)


def _survivors(keep: Array, magnitude: Array, threshold: Array) -> Bool[Array, ...]:
    """Active weights not below the threshold; the largest if there is none."""
    stay = keep & (magnitude >= threshold)
    ranked = rank(jnp.where(keep, -magnitude, jnp.inf))
    return jnp.where(stay.any(), stay, keep & (ranked == 0))


def distribute(
    total: Int[Array, ""], weight: Int[Array, " layer"], capacity: Int[Array, " layer"]
) -> Int[Array, " layer"]:
    """Integers up to `capacity` that sum to min(total, sum(capacity)), in proportion to `weight`.

    The share of a full layer is distributed to the others. The exact shares are rounded down, and
    the rest is added one by one to the largest fractions (ties: the first).
    """
    total = jnp.minimum(total, capacity.sum())
    weight = jnp.maximum(weight, 1).astype(float)

    def shares(full):
        open_to = jnp.where(full, 0, weight)
        rest = total - jnp.where(full, capacity, 0).sum()
        return jnp.where(full, capacity, rest * (open_to / jnp.maximum(open_to.sum(), 1)))

    full = jax.lax.while_loop(
        lambda full: (shares(full) > capacity).any(),
        lambda full: full | (shares(full) >= capacity),
        jnp.zeros(capacity.shape, bool),
    )
    exact = shares(full)
    given = jnp.floor(exact).astype(capacity.dtype)
    return given + (rank(given - exact) < total - given.sum())


def rank(values: Array) -> Int[Array, ...]:
    """Rank of every entry in ascending order (ties: the first)."""
    order = jnp.argsort(values.ravel(), stable=True)
    indices = jnp.arange(values.size, dtype=jnp.int32)
    ranks = jnp.zeros_like(indices).at[order].set(indices)
    return ranks.reshape(values.shape)


def gradients(model, seen: Seen) -> list[Array]:
    """Gradients with respect to the effective weights, in the order of `weights`."""
    found: list[Array] = []

    def collect(weight, gradient):
        found.append(gradient)
        return weight

    parameters.map_weights(collect, model, seen.gradient)
    return found


def _drawn(model, key) -> Sequence[Array]:
    """He-normal weights, as at initialisation: the fan-in includes a layer's skip columns."""
    drawn = []
    for layer in mlp.layers_of(model):
        own = [parameters.stored(w) for w in (layer.weight, layer.skip) if w is not None]
        spread = jnp.sqrt(2 / sum(w.shape[-1] for w in own))
        for w in own:
            key, key_draw = jax.random.split(key)
            drawn.append(spread * jax.random.normal(key_draw, w.shape))
    return drawn


dynamic = constructor(Dynamic, "sparsity")
