"""Networks fitted to points of a function: the compiled epoch without trajectories around it."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key, PyTree

from sparsid._devices import everywhere, padding, share_out
from sparsid.models.mlp import MLP
from sparsid.training.entering import enter, finished
from sparsid.training.epoch import Member, Program, compiled_epoch
from sparsid.training.members import Members
from sparsid.training.phases import Phase
from sparsid.training.progress import Stop


class StaticMap(eqx.Module):
    """A function learnt for itself: what it gives for one sample is its output."""

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
    watch: Callable[[], Any] = lambda: None,
) -> tuple[PyTree, Float[np.ndarray, "epoch network"]]:
    """(stacked networks trained through one phase, their losses after every epoch).

    `networks` are stacked MLPs; network i depends on its start and key alone. The losses end early
    where `stop` was asked for. `watch` is called after every epoch.
    """
    size = len(keys)
    whole = np.resize(np.arange(size), size + padding(size))
    models = StaticMap(jax.tree.map(lambda leaf: jnp.asarray(leaf)[whole], networks))
    alive = jnp.arange(len(whole)) < size
    examples = everywhere((jnp.asarray(inputs, float), jnp.asarray(outputs, float)))
    begun = Members(Member(models, (), (), keys[whole], alive, None), size)
    members = enter(begun, [phase] * size, examples[0])
    stack, run = share_out(members.stack), compiled_epoch(Program.of(phase))
    losses = []
    for epoch in range(phase.epochs):
        if stop.asked:
            break
        stack, looked = run(stack, epoch, phase.epochs, examples, None)
        losses.append(looked.loss)
        watch()
    ended = finished(Members(stack, size, phases=members.phases))
    return (
        jax.tree.map(lambda leaf: np.asarray(leaf)[:size], ended.network),
        np.array([np.asarray(loss)[:size] for loss in losses]),
    )
