"""Optimisers of training by epochs: from gradient to update, before the learning rate."""

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
        """1 / (sqrt(v) + eps), v bias-corrected: the step per unit of gradient."""
        state = moments if self.clip is None else moments[1]
        start = 1 - self.b2**state.count
        return jax.tree.map(lambda v: 1 / (jnp.sqrt(v / start) + self.eps), state.nu)


@dataclass(frozen=True)
class SGD:
    """Stochastic gradient descent, with `momentum` (0: none)."""

    momentum: float = 0.0
    clip: float | None = None

    def transformation(self) -> optax.GradientTransformation:
        return _clipped(
            self.clip, optax.trace(self.momentum) if self.momentum else optax.identity()
        )

    def scale(self, moments: Any) -> None:
        """None: the step is the gradient."""


def _clipped(clip: float | None, inner: optax.GradientTransformation):
    return inner if clip is None else optax.chain(optax.clip_by_global_norm(clip), inner)
