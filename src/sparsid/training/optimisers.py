"""Optimisers of training by epochs: what a gradient becomes before the rate multiplies it."""

from dataclasses import dataclass
from typing import Any

import jax
import jax.numpy as jnp
import optax
from jaxtyping import PyTree


@dataclass(frozen=True)
class Adam:
    """Adam (Kingma and Ba 2015). `clip` bounds the gradient's norm, for free-run losses."""

    b1: float = 0.9
    b2: float = 0.999
    eps: float = 1e-8
    clip: float | None = None

    def transformation(self) -> optax.GradientTransformation:
        return _clipped(self.clip, optax.scale_by_adam(self.b1, self.b2, self.eps))

    def scale(self, moments: Any) -> PyTree:
        """1 / (sqrt(v) + eps), v corrected for its start: the step a unit of gradient makes."""
        state = moments if self.clip is None else moments[1]
        start = 1 - self.b2**state.count
        return jax.tree.map(lambda v: 1 / (jnp.sqrt(v / start) + self.eps), state.nu)


@dataclass(frozen=True)
class SGD:
    """Gradient descent over batches, with `momentum` (0: plain)."""

    momentum: float = 0.0
    clip: float | None = None

    def transformation(self) -> optax.GradientTransformation:
        return _clipped(
            self.clip, optax.trace(self.momentum) if self.momentum else optax.identity()
        )

    def scale(self, moments: Any) -> None:
        """Steps are as long as the gradient: nothing to scale by."""


def _clipped(clip: float | None, inner: optax.GradientTransformation):
    return inner if clip is None else optax.chain(optax.clip_by_global_norm(clip), inner)
