"""Networks fitted to points of a function: training by epochs without trajectories."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key, PyTree

from sparsid._devices import padding, replicated
from sparsid.models.mlp import MLP
from sparsid.training.epoch import Inspected, Member
from sparsid.training.epoch_loop import run_epochs
from sparsid.training.members import Members
from sparsid.training.phases import Phase
from sparsid.training.progress import Stop


class StaticMap(eqx.Module):
    """A network as a static function: `one_step` is its output."""

    network: MLP

    def one_step(self, z: Float[Array, " inputs *samples"]) -> Float[Array, " outputs *samples"]:
        return self.network(z)


def fit_maps(
    networks: PyTree,
    inputs: Float[np.ndarray, "rows inputs"],
    outputs: Float[np.ndarray, "rows outputs"],
    phase: Phase,
    *,
    keys: Key[Array, " network"],
    stop: Stop,
    callback: Callable[[], Any] = lambda: None,
) -> tuple[PyTree, Float[np.ndarray, "epoch network"]]:
    """(stacked networks trained through one phase, their losses after every epoch).

    `networks` are stacked MLPs; network i depends on its initial weights and key only. The losses
    end early if `stop` was requested. `callback` is called after every epoch.
    """
    size = len(keys)
    padded = np.resize(np.arange(size), size + padding(size))
    models = StaticMap(jax.tree.map(lambda leaf: jnp.asarray(leaf)[padded], networks))
    alive = jnp.arange(len(padded)) < size
    examples = replicated((jnp.asarray(inputs, float), jnp.asarray(outputs, float)))
    losses = []

    def look(members: Members, stack: Member, inspected: Inspected, _) -> Members:
        losses.append(inspected.loss)
        callback()
        return replace(members, stack=stack)

    ended = run_epochs(
        Members(Member(models, (), (), keys[padded], alive, None), size),
        [phase] * size,
        examples,
        None,
        over=lambda members: stop.asked,
        look=look,
        regressors=examples[0],
    )
    return ended.models().network, np.array([np.asarray(loss)[:size] for loss in losses])
