"""Losses of training by epochs: the one-step error, or the error of many short free runs.

A loss turns a scaled dataset into examples (leading axis: example) and gives the mean squared
error of a resolved model over a batch of them.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from pydantic import Field

from sparsid._errors import SparsidError
from sparsid._jax import jnp
from sparsid._lazy import Later
from sparsid._registry import Registry
from sparsid._tables import Options
from sparsid.architectures.capabilities import ONE_STEP, Need

if TYPE_CHECKING:
    from jaxtyping import Array, PyTree

    from sparsid.data import ScaledDataset
    from sparsid.models import least_squares
    from sparsid.training import windows
else:
    least_squares, windows = (
        Later("sparsid.models.least_squares"),
        Later("sparsid.training.windows"),
    )


class AbstractLoss(Options):
    """A loss over batches of examples; its options are keys of the table of a phase.

    `needs` is the capability that a model must have beyond `step`.
    """

    needs: ClassVar[Need | None] = None

    def check(self, scaled: ScaledDataset, *, lag: int) -> None:
        """Raises SparsidError if `scaled` gives no examples for a model of this lag."""

    @abstractmethod
    def examples(self, scaled: ScaledDataset) -> PyTree[np.ndarray]:
        """Arrays whose leading axis counts examples, in float64."""

    @abstractmethod
    def value(self, model, batch: PyTree[Array]) -> Array:
        """Mean squared error of a resolved model over a batch."""


class OneStep(AbstractLoss):
    """Error of the scaled increment over one sample. Targets are differenced in float64."""

    needs: ClassVar = ONE_STEP

    def examples(self, scaled: ScaledDataset):
        return least_squares.one_step_examples(scaled)

    def value(self, model, batch):
        inputs, targets = batch
        return jnp.mean((model.one_step(inputs.T) - targets.T) ** 2)  # features x samples: see MLP


class FreeRun(AbstractLoss):
    """Error of free runs over windows of `window` samples, one starting every `stride` samples.

    The first `lag` rows of each window are given and not part of the error.
    """

    window: int = Field(default=100, ge=2, description="free-run: samples per window")
    stride: int = Field(
        default=10, ge=1, description="free-run: samples between the starts of two windows"
    )

    def check(self, scaled: ScaledDataset, *, lag: int) -> None:
        if self.window <= lag:
            raise SparsidError(
                f"Windows must be longer than the {lag} initial rows of the model; got "
                f"{self.window} samples: choose longer windows."
            )
        if max(scaled.scaled.lengths) < self.window:
            raise SparsidError(
                f"Windows of {self.window} samples need a trajectory at least as long; the longest "
                f"has {max(scaled.scaled.lengths)}: choose shorter windows."
            )

    def examples(self, scaled: ScaledDataset):
        self.check(scaled, lag=0)
        x, u = zip(*windows.cut(scaled, self.window, self.stride, complete=False), strict=True)
        return np.stack(x), np.stack(u)

    def value(self, model, batch):
        x, u = batch
        predicted = windows.free_runs(model, x[:, : model.lag], u)
        return jnp.mean((predicted - x)[:, model.lag :] ** 2)


#: Name in the table of a phase -> loss.
LOSSES: Registry[type[AbstractLoss]] = Registry("loss")
LOSSES.register("one-step")(OneStep)
LOSSES.register("free-run")(FreeRun)
