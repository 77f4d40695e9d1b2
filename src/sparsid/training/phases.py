"""Training is a tuple of phases: model, moments and key pass from one to the next."""

from dataclasses import dataclass, field

import optax

from sparsid._errors import SparsidError
from sparsid.models import AbstractLoss, OneStep
from sparsid.sparsify import NOTHING, Sparsifier
from sparsid.training.schedules import AbstractSchedule, Constant


@dataclass(frozen=True)
class Adam:
    """Adam (Kingma and Ba 2015). `clip` bounds the gradient's norm, for free-run losses."""

    b1: float = 0.9
    b2: float = 0.999
    eps: float = 1e-8
    clip: float | None = None

    def transformation(self) -> optax.GradientTransformation:
        return _clipped(self.clip, optax.scale_by_adam(self.b1, self.b2, self.eps))


@dataclass(frozen=True)
class SGD:
    """Gradient descent over batches, with `momentum` (0: plain)."""

    momentum: float = 0.0
    clip: float | None = None

    def transformation(self) -> optax.GradientTransformation:
        return _clipped(
            self.clip, optax.trace(self.momentum) if self.momentum else optax.identity()
        )


def _clipped(clip: float | None, inner: optax.GradientTransformation):
    return inner if clip is None else optax.chain(optax.clip_by_global_norm(clip), inner)


@dataclass(frozen=True)
class Phase:
    """`epochs` passes over the examples of `loss` in batches of `batch`.

    Moments pass on into a phase of the same optimiser and start fresh in one of another.
    """

    epochs: int
    rate: AbstractSchedule = field(default_factory=lambda: Constant(1e-3))
    sparsifier: Sparsifier = NOTHING
    optimiser: Adam | SGD = Adam()
    loss: AbstractLoss = field(default_factory=OneStep)
    batch: int = 50

    def __post_init__(self):
        for name in ("epochs", "batch"):
            if getattr(self, name) < 1:
                raise SparsidError(f"`{name}` must be at least 1; got {getattr(self, name)}.")
