"""Magnitude pruning (Han 2015): the smallest weights go for good, the survivors train on."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import jax
import jax.numpy as jnp
from jaxtyping import Array

from sparsid._errors import SparsidError
from sparsid._registry import unknown
from sparsid.sparsify.base import Clock, Sparsifier
from sparsid.sparsify.masks import keeps, magnitudes, prepare_masks, replant

SCOPES = ("layer", "global")
type Scope = Literal["layer", "global"]


def magnitude(
    sparsity: float = 0.8,
    *,
    begin: float = 0.0,
    end: float = 0.75,
    every: int = 1,
    at_epoch: int | None = None,
    scope: Scope = "layer",
) -> Sparsifier:
    """Zero share rising to `sparsity` along a cubic ramp from `begin` to `end` of the phase.

    Zhu and Gupta 2017: s(t) = sparsity (1 - (1 - t)^3), looked at every `every` epochs; with
    `at_epoch` all at once, after that many epochs. `scope` ranks the weights of each matrix, or of
    all. At least one weight a matrix stays (scope "layer"). Raises SparsidError for numbers out of
    range.
    """
    if not 0 <= sparsity < 1 or not 0 <= begin < end <= 1 or every < 1:
        raise SparsidError(
            "Magnitude pruning needs 0 <= sparsity < 1, 0 <= begin < end <= 1 and every >= 1; got "
            f"{sparsity:g}, {begin:g}, {end:g} and {every}."
        )
    if at_epoch is not None:
        if at_epoch < 1:
            raise SparsidError(f"`at_epoch` counts epochs done, from 1 on; got {at_epoch}.")
        return _pruning(_at_once, scope, epochs=[at_epoch], number=float(sparsity))
    return _pruning(
        _ramp, scope, sparsity=float(sparsity), begin=float(begin), end=float(end), every=every
    )


def repeated_magnitude(
    at: Sequence[int], *, share: float = 0.25, scope: Scope = "layer"
) -> Sparsifier:
    """After each of the epochs `at`: zero the smallest `share` of (entries + zeros), per matrix.

    The schedule of haugstvedt2023's code: with a share of 0.25 the zeros go 0.25, 0.3125, 0.328,
    0.332 and on to a third. Raises SparsidError for numbers out of range.
    """
    if not at or min(at) < 1 or not 0 <= share < 1:
        raise SparsidError(
            "Repeated pruning needs epochs from 1 on and 0 <= share < 1; "
            f"got {list(at)} and {share:g}."
        )
    return _pruning(_repeated, scope, epochs=list(at), number=float(share))


def _pruning(target: Callable, scope: str, **numbers) -> Sparsifier:
    if scope not in SCOPES:
        raise SparsidError(unknown("scope", scope, SCOPES))

    def init(model, *, key):
        return {
            name: jnp.asarray(n, float if isinstance(n, float) else int)
            for name, n in numbers.items()
        }

    return Sparsifier(prepare=prepare_masks, init=init, after_epoch=_Prune(target, scope))


@dataclass(frozen=True)
class _Prune:
    """Masks grow to the share of zeros that `target` names, where it is due."""

    target: Callable  # (state, clock, entries, zeros) -> (due, how many smallest go)
    scope: str

    def __call__(self, model, moments, state, clock: Clock):
        sizes = [w.size for w in magnitudes(model)]
        due, _ = self.target(state, clock, sizes[0], jnp.zeros((), jnp.int32))

        def prune(model, moments):
            found = magnitudes(model)
            if self.scope == "global":
                joined = jnp.concatenate([w.ravel() for w in found])
                below = [self._threshold(joined, state, clock)] * len(found)
            else:
                below = [self._threshold(w.ravel(), state, clock) for w in found]
            alive = [k & (w >= b) for k, w, b in zip(keeps(model), found, below, strict=True)]
            return replant(model, moments, alive)

        return *jax.lax.cond(due, prune, lambda *same: same, model, moments), state

    def _threshold(self, w: Array, state, clock: Clock) -> Array:
        """The magnitude below which as many lie as are to go."""
        _, count = self.target(state, clock, w.size, (w == 0).sum())
        return jnp.sort(w)[jnp.minimum(count, w.size - 1)]


def _ramp(state, clock: Clock, entries: int, zeros: Array):
    fraction = jnp.asarray(clock.epoch / clock.epochs, state["begin"].dtype)
    done = jnp.clip((fraction - state["begin"]) / (state["end"] - state["begin"]), 0, 1)
    share = state["sparsity"] * (1 - (1 - done) ** 3)
    due = (clock.epoch % state["every"] == 0) | (done > 1 - 1e-6)
    return due & (done > 0), _count(share, entries)


def _at_once(state, clock: Clock, entries: int, zeros: Array):
    return jnp.any(clock.epoch == state["epochs"]), _count(state["number"], entries)


def _repeated(state, clock: Clock, entries: int, zeros: Array):
    return jnp.any(clock.epoch == state["epochs"]), _count(state["number"], entries + zeros)


def _count(share: Array, entries) -> Array:
    """Whole weights; what rounding took from an exact share is given back."""
    return jnp.floor(share * entries + 1e-3).astype(jnp.int32)
