"""An ensemble on its way through training: its members, and what has been seen of them."""

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
    """Each member as it was when its free run on validation data was best."""

    errors: Float[np.ndarray, " member"]
    models: PyTree


@dataclass(frozen=True)
class Members:
    """`size` members, stacked and padded so that every device has equally many.

    The padding never lives. `phases` holds the last phase of each member; none before the first.
    """

    stack: Member
    size: int
    history: History = field(default_factory=History)
    phases: tuple[Epochs, ...] = ()
    best: Best | None = None

    def alive(self) -> Bool[np.ndarray, " member"]:
        """Who still trains."""
        return np.asarray(self.stack.alive)[: self.size]

    def models(self) -> PyTree:
        """The stacked models without the padding."""
        return jax.tree.map(lambda leaf: np.asarray(leaf)[: self.size], self.stack.model)

    def with_models(self, models: PyTree) -> "Members":
        """The members with these stacked models, which no phase has touched yet."""
        count = len(self.stack.alive)
        padded = jax.tree.map(lambda leaf: np.resize(leaf, (count, *leaf.shape[1:])), models)
        stack = self.stack._replace(model=padded, moments=(), state=(), rate=None)
        return replace(self, stack=stack, phases=())

    def pick(self, chosen: Sequence[int]) -> "Members":
        """These members in this order, one of them perhaps more than once."""
        at = np.asarray(chosen)
        whole = np.concatenate([at, np.resize(at, padding(len(at)))])
        stack = jax.tree.map(lambda leaf: jnp.asarray(leaf)[whole], self.stack)
        alive = jnp.asarray(stack.alive) & (jnp.arange(len(whole)) < len(at))
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
        """With everybody remembered whose free run is now better than ever.

        Where weights are wrapped in another way or masks have changed, remembering begins again:
        what was best before had not been pruned yet.
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
    """Whose masks (the boolean leaves) are not the same in two stacks of one layout."""
    differ = np.zeros(size, bool)
    for one, other in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True):
        if one.dtype == bool:
            differ |= (one != other).reshape(size, -1).any(axis=1)
    return differ
