"""What training makes small: the one-step error, or the error of many short free runs.

A loss turns a scaled dataset into examples (leading axis: example) and gives the mean squared
error of a resolved model over a batch of them.
"""

from abc import abstractmethod

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PyTree

from sparsid._errors import SparsidError
from sparsid.data import ScaledDataset
from sparsid.models.rollout import rollout


class AbstractLoss(eqx.Module):
    """A loss over batches of examples."""

    def check(self, scaled: ScaledDataset) -> None:
        """Raises SparsidError if `scaled` gives no examples."""

    @abstractmethod
    def examples(self, scaled: ScaledDataset) -> PyTree[np.ndarray]:
        """Arrays whose leading axis counts examples, in float64."""

    @abstractmethod
    def value(self, model, batch: PyTree[Array]) -> Array:
        """Mean squared error of a resolved model over a batch."""


class OneStep(AbstractLoss):
    """Scaled increment over one sample, as the papers train it. Targets differenced in float64."""

    def examples(self, scaled: ScaledDataset):
        inputs = [np.hstack([t.x, t.u])[:-1] for t in scaled.scaled]
        return np.concatenate(inputs), np.concatenate(scaled.increments())

    def value(self, model, batch):
        inputs, targets = batch
        return jnp.mean((model.one_step(inputs.T) - targets.T) ** 2)  # features x samples: see MLP


class FreeRun(AbstractLoss):
    """Free runs over windows of `length` samples, one beginning every `stride` samples.

    The first `lag` rows of each window are given and do not count.
    """

    length: int = eqx.field(static=True, default=100)
    stride: int = eqx.field(static=True, default=10)

    def check(self, scaled: ScaledDataset) -> None:
        if max(scaled.scaled.lengths) < self.length:
            raise SparsidError(
                f"Windows of {self.length} samples need a trajectory at least as long; the longest "
                f"has {max(scaled.scaled.lengths)}: choose shorter windows."
            )

    def examples(self, scaled: ScaledDataset):
        self.check(scaled)
        windows = [
            (t.x[at : at + self.length], t.u[at : at + self.length])
            for t in scaled.scaled
            for at in range(0, t.samples - self.length + 1, self.stride)
        ]
        x, u = zip(*windows, strict=True)
        return np.stack(x), np.stack(u)

    def value(self, model, batch):
        x, u = batch
        start = x[:, 0] if model.lag == 1 else x[:, : model.lag]
        predicted = jax.vmap(lambda s, inputs: rollout(model, s, inputs))(start, u)
        return jnp.mean((predicted - x)[:, model.lag :] ** 2)
