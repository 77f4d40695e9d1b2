"""What training by epochs makes small: the one-step error, or the error of many short free runs.

A loss turns a scaled dataset into examples (leading axis: example) and gives the mean squared
error of a resolved model over a batch of them.
"""

from abc import abstractmethod
from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PyTree

from sparsid._errors import SparsidError
from sparsid.architectures.capabilities import ONE_STEP, Need
from sparsid.data import ScaledDataset
from sparsid.models.least_squares import one_step_examples
from sparsid.training.windows import cut, free_runs


class AbstractLoss(eqx.Module):
    """A loss over batches of examples. `needs` is what a model must be able to do beyond `step`."""

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
    """Scaled increment over one sample, as the papers train it. Targets differenced in float64."""

    needs: ClassVar = ONE_STEP

    def examples(self, scaled: ScaledDataset):
        return one_step_examples(scaled)

    def value(self, model, batch):
        inputs, targets = batch
        return jnp.mean((model.one_step(inputs.T) - targets.T) ** 2)  # features x samples: see MLP


class FreeRun(AbstractLoss):
    """Free runs over windows of `length` samples, one beginning every `stride` samples.

    The first `lag` rows of each window are given and do not count.
    """

    length: int = eqx.field(static=True, default=100)
    stride: int = eqx.field(static=True, default=10)

    def check(self, scaled: ScaledDataset, *, lag: int) -> None:
        if self.length <= lag:
            raise SparsidError(
                f"Windows must be longer than the {lag} rows that the model starts from; got "
                f"{self.length} samples: choose longer windows."
            )
        if max(scaled.scaled.lengths) < self.length:
            raise SparsidError(
                f"Windows of {self.length} samples need a trajectory at least as long; the longest "
                f"has {max(scaled.scaled.lengths)}: choose shorter windows."
            )

    def examples(self, scaled: ScaledDataset):
        self.check(scaled, lag=0)
        x, u = zip(*cut(scaled, self.length, self.stride, complete=False), strict=True)
        return np.stack(x), np.stack(u)

    def value(self, model, batch):
        x, u = batch
        predicted = free_runs(model, x[:, : model.lag], u)
        return jnp.mean((predicted - x)[:, model.lag :] ** 2)
