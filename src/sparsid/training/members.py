"""The members of an ensemble during training, and their history."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Bool, Float, PyTree

from sparsid._devices import padding
from sparsid.training.epoch import Epochs, Member
from sparsid.training.progress import History


@dataclass(frozen=True)
class Best:
    """Each member at its best free run on validation data."""

    errors: Float[np.ndarray, " member"]
    models: PyTree


@dataclass(frozen=True)
class Members:
    """`size` members, stacked and padded so that every device has equally many.

    Padding is never trained. `phases` has the last phase of each member; empty before the first.
    """

    stack: Member
    size: int
    history: History = field(default_factory=History)
    phases: tuple[Epochs, ...] = ()
    best: Best | None = None

    def alive(self) -> Bool[np.ndarray, " member"]:
        """Which members are still trained."""
        return np.asarray(self.stack.alive)[: self.size]

    def models(self) -> PyTree:
        """The stacked models without the padding."""
        return jax.tree.map(lambda leaf: np.asarray(leaf)[: self.size], self.stack.model)

    def with_models(self, models: PyTree) -> "Members":
        """The members with these stacked models, without optimiser and method state."""
        count = len(self.stack.alive)
        padded = jax.tree.map(lambda leaf: np.resize(leaf, (count, *leaf.shape[1:])), models)
        stack = self.stack._replace(model=padded, moments=(), state=(), rate=None)
        return replace(self, stack=stack, phases=())

    def pick(self, chosen: Sequence[int]) -> "Members":
        """These members in this order, possibly repeated."""
        at = np.asarray(chosen)
        padded = np.concatenate([at, np.resize(at, padding(len(at)))])
        stack = jax.tree.map(lambda leaf: jnp.asarray(leaf)[padded], self.stack)
        alive = jnp.asarray(stack.alive) & (jnp.arange(len(padded)) < len(at))
        best = self.best and Best(
            self.best.errors[at], jax.tree.map(lambda leaf: leaf[at], self.best.models)
        )
        return Members(
            stack._replace(alive=alive),
            len(at),
            self.history.pick(chosen),
            tuple(self.phases[i] for i in chosen) if self.phases else (),
            best,
        )

    def keeping_best(self, errors: np.ndarray, models: PyTree, done: int) -> "Members":
        """With the best models updated where the free run has improved.

        Where weights are wrapped differently or masks have changed, the best is reset: earlier
        models were not pruned yet.
        """
        kept = self.best
        if kept is None or jax.tree.structure(kept.models) != jax.tree.structure(models):
            kept = Best(np.full(self.size, np.inf), models)
            better = np.ones(self.size, bool)
        else:
            better = (errors < kept.errors) | _masks_differ(kept.models, models, self.size)

        def choose(new, old):
            return np.where(better.reshape(-1, *[1] * (np.ndim(new) - 1)), new, old)

        best = Best(
            np.where(better, errors, kept.errors), jax.tree.map(choose, models, kept.models)
        )
        return replace(self, best=best, history=self.history.improved(better, done))


def _masks_differ(a: PyTree, b: PyTree, size: int) -> Bool[np.ndarray, " member"]:
    """Members whose masks (the boolean leaves) differ between two stacks of equal structure."""
    differ = np.zeros(size, bool)
    for one, other in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
        if one.dtype == bool:
            differ |= (one != other).reshape(size, -1).any(axis=1)
    return differ
