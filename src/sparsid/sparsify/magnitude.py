"""Magnitude pruning (Han 2015): the smallest weights are removed, training continues."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from sparsid._errors import SparsidError
from sparsid._tables import EPOCHS
from sparsid.sparsify.base import Clock, Sparsifier
from sparsid.sparsify.lazy import jax, jnp, masks
from sparsid.sparsify.method import Method, constructor

if TYPE_CHECKING:
    from jaxtyping import Array


class Magnitude(Method):
    """Share of zeros rising to `sparsity` along a cubic ramp from `begin` to `end` of the phase.

    `magnitude = {sparsity = 0.8, begin = 0.0, end = 0.75}`. Zhu and Gupta 2017: s(t) = sparsity
    (1 - (1 - t)^3), evaluated every `every` epochs; with `at_epoch` all at once, after that many
    epochs. `scope` ranks the weights of each matrix, or of all matrices. At least one weight per
    matrix stays (scope "layer").

    `{at = [11, 21], share = 0.25}` instead zeroes the smallest `share` of (entries + zeros) after
    each of these epochs, the schedule of haugstvedt2023's code: with a share of 0.25 the share of
    zeros is 0.25, 0.3125, 0.328, 0.332 and converges to 1/3.
    """

    order: ClassVar = 70
    zeros: ClassVar = "stay"
    trial: ClassVar = {"sparsity": 0.6, "end": 1.0}
    sparsity: float = Field(default=0.8, ge=0, lt=1, description="final share of zeros")
    begin: float = Field(
        default=0.0, ge=0, le=1, description="share of the phase at which the ramp begins"
    )
    end: float = Field(
        default=0.75, ge=0, le=1, description="share of the phase at which the ramp ends"
    )
    every: Annotated[int, EPOCHS] = Field(
        default=1, ge=1, description="epochs from one pruning to the next"
    )
    at_epoch: Annotated[int | None, EPOCHS] = Field(
        default=None,
        ge=1,
        description="prune once instead, after this many epochs of the phase",
    )
    at: Annotated[tuple[int, ...], EPOCHS] = Field(
        default=(),
        description="prune repeatedly instead: after each of these epochs of the phase the "
        "smallest `share` of (entries + zeros)",
    )
    share: float = Field(default=0.25, ge=0, lt=1, description="share that `at` prunes each time")
    scope: Literal["layer", "global"] = Field(
        default="layer", description="whether weights are ranked per matrix or over all"
    )

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if not self.at and self.begin >= self.end:
            raise SparsidError(
                f"Magnitude pruning needs 0 <= begin < end <= 1; got {self.begin:g} and "
                f"{self.end:g}."
            )
        if self.at and min(self.at) < 1:
            raise SparsidError(f"Repeated pruning needs epochs from 1 on; got {list(self.at)}.")
        return self

    def check(self, epochs: int) -> None:
        """Raises SparsidError for pruning that would never take place."""
        last = max((*self.at, self.at_epoch or 0))
        if last > epochs:
            name = "at" if last in self.at else "at_epoch"
            raise SparsidError(
                f"`{name}` of magnitude must be at most the epochs of its own phase, "
                f"{epochs}; got {last}."
            )

    def build(self) -> Sparsifier:
        target, numbers = self._target()

        def init(model, *, key):
            return {
                name: jnp.asarray(n, float if isinstance(n, float) else int)
                for name, n in numbers.items()
            }

        prune = _Prune(target, self.scope)
        return Sparsifier(prepare=masks.prepare_masks, init=init, after_epoch=prune)

    def _target(self) -> tuple[Callable, dict[str, Any]]:
        """(function that gives the number of zeros, its numbers)."""
        if self.at:
            return _repeated, {"epochs": list(self.at), "number": self.share}
        if self.at_epoch is not None:
            return _at_once, {"epochs": [self.at_epoch], "number": self.sparsity}
        return _ramp, self.model_dump(include={"sparsity", "begin", "end", "every"})


@dataclass(frozen=True)
class _Prune:
    """Masks the smallest weights, as many as `target` returns, where it is due."""

    target: Callable  # (state, clock, entries, zeros) -> (due, number of zeros)
    scope: str

    def __call__(self, model, moments, state, clock: Clock):
        sizes = [w.size for w in masks.magnitudes(model)]
        due, _ = self.target(state, clock, sizes[0], jnp.zeros((), jnp.int32))

        def prune(model, moments):
            found = masks.magnitudes(model)
            if self.scope == "global":
                joined = jnp.concatenate([w.ravel() for w in found])
                below = [self._threshold(joined, state, clock)] * len(found)
            else:
                below = [self._threshold(w.ravel(), state, clock) for w in found]
            keeps = masks.keeps(model)
            active = [k & (w >= b) for k, w, b in zip(keeps, found, below, strict=True)]
            return masks.apply_masks(model, moments, active)

        return *jax.lax.cond(due, prune, lambda *same: same, model, moments), state

    def _threshold(self, w: Array, state, clock: Clock) -> Array:
        """The magnitude below which the weights to be removed lie."""
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
    """The number of weights, rounded down; 1e-3 makes up for floating-point rounding."""
    return jnp.floor(share * entries + 1e-3).astype(jnp.int32)


magnitude = constructor(Magnitude, "sparsity")
