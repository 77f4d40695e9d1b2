"""Transition between phases: weights wrapped, moments transferred, methods initialised."""

import functools
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Bool, Float, PyTree

from sparsid._errors import SparsidError
from sparsid.models.parameters import split_trainable
from sparsid.sparsify import Sparsifier
from sparsid.sparsify import base as sparsify
from sparsid.training.epoch import Epochs
from sparsid.training.members import Members
from sparsid.training.optimisers import SGD, Adam

UNEQUAL = (
    "Members that train together need phases of equal structure (epochs, batch, loss, optimiser, "
    "methods, kind of rate); only numbers may differ."
)


def enter(
    members: Members,
    phases: Sequence[Epochs],
    regressors: Float[Array, "rows regressors"] | None = None,
) -> Members:
    """Members at the start of their phases, one per member, which differ in numbers only.

    `regressors` are the inputs of a network over the training data, for methods that use them.
    """
    stack = members.stack
    keys = jax.vmap(jax.random.split, out_axes=1)(stack.key)
    padded = [phases[i % len(phases)] for i in range(len(stack.alive))]
    models, state = _by_method(
        lambda method, at: _prepared(
            method, *_at((stack.model, keys[1]), at), regressors if method.sees_data else None
        ),
        [phase.sparsifier for phase in padded],
    )
    moments = fresh_moments(phases[0], models)
    if members.phases and members.phases[0].optimiser == phases[0].optimiser:
        moments = transfer(stack.moments, stack.model, models, moments)
    check_alike([phase.rate for phase in padded])
    rate = jax.tree.map(_stacked, *(phase.rate for phase in padded))
    entered = stack._replace(model=models, moments=moments, state=state, key=keys[0], rate=rate)
    return replace(members, stack=entered, phases=tuple(phases))


def finished(members: Members) -> PyTree:
    """The stacked models after `finish` of their methods."""
    methods = [phase.sparsifier for phase in members.phases]
    padded = [methods[i % len(methods)] for i in range(len(members.stack.alive))]
    current = (members.stack.model, members.stack.state)

    def finish(method, at):
        models, states = _at(current, at)
        return jax.vmap(lambda m, s: sparsify.finish(method, m, s))(models, states)

    return _by_method(finish, padded)


def check_alike(trees: Sequence[PyTree]) -> None:
    """Raises SparsidError unless all trees have one structure and, per member, equal shapes.

    Equal hooks are not enough: two phases may wrap weights differently or have other schedules.
    """

    def layout(tree):
        shapes = [np.shape(leaf)[1:] for leaf in jax.tree.leaves(tree)]
        return jax.tree.structure(tree), shapes

    if any(layout(tree) != layout(trees[0]) for tree in trees[1:]):
        raise SparsidError(UNEQUAL)


def fresh_moments(phase: Epochs, models: PyTree) -> optax.OptState:
    """Zero moments for stacked models."""
    trainable, _ = split_trainable(models)
    count = len(jax.tree.leaves(models)[0])  # trainable may be empty: all is frozen
    return _zeros(phase.optimiser, trainable, count)


@functools.partial(jax.jit, static_argnums=(0, 2))
def _zeros(optimiser: Adam | SGD, trainable: PyTree, count: int) -> optax.OptState:
    return jax.vmap(optimiser.transformation().init, axis_size=count)(trainable)


def transfer(moments: PyTree, old: PyTree, new: PyTree, fresh: optax.OptState) -> PyTree:
    """Moments of `old`'s trainable leaves in the structure of `new`, whose weights may be wrapped.

    `fresh` are zero moments for `new`. A weight's moments belong to its innermost stored array;
    leaves that a wrapper adds start at zero. Moments of masked entries are zero.
    """
    old_part, _ = split_trainable(old)
    new_part, _ = split_trainable(new)
    masks = _masks(new)

    def relay(before, after):
        if jax.tree.structure(before) != jax.tree.structure(old_part):
            return before  # a step count, not a tree of moments
        known = _by_place(before)
        return jax.tree_util.tree_map_with_path(
            lambda path, leaf: _masked(known.get(_place(path), leaf), masks.get(_place(path))),
            after,
        )

    def is_moments(node):
        return jax.tree.structure(node) in (
            jax.tree.structure(old_part),
            jax.tree.structure(new_part),
        )

    before, _ = jax.tree.flatten(moments, is_leaf=is_moments)
    after, layout = jax.tree.flatten(fresh, is_leaf=is_moments)
    return jax.tree.unflatten(layout, [relay(b, a) for b, a in zip(before, after, strict=True)])


@functools.partial(jax.jit, static_argnums=0)
def _prepared(
    method: Sparsifier, models: PyTree, keys: Array, regressors: Array | None
) -> tuple[PyTree, PyTree]:
    def one(model, key):
        key_prepare, key_init = jax.random.split(key)
        model = sparsify.prepare(method, model, key=key_prepare, regressors=regressors)
        return model, sparsify.init(method, model, key=key_init, regressors=regressors)

    if regressors is None:
        return jax.vmap(one)(models, keys)
    return jax.lax.map(
        lambda at: one(*at), (models, keys)
    )  # all activations of all members: too much memory


type Places = np.ndarray | None  # None: all


def _by_method(work: Callable[[Sparsifier, Places], PyTree], methods: list[Sparsifier]):
    """`work(method, its members)` for every distinct method, joined in the order of the members."""
    different = list({id(method): method for method in methods}.values())
    if len(different) == 1:
        return work(different[0], None)
    places = [np.flatnonzero([m is method for m in methods]) for method in different]
    parts = [work(method, at) for method, at in zip(different, places, strict=True)]
    check_alike(parts)
    order = np.argsort(np.concatenate(places))
    return jax.tree.map(lambda *part: jnp.concatenate(part)[order], *parts)


def _at(tree: PyTree, at: Places) -> PyTree:
    return tree if at is None else jax.tree.map(lambda leaf: leaf[at], tree)


def _stacked(*numbers: Any) -> Array:
    kind = float if isinstance(numbers[0], float) else None
    return jnp.asarray(numbers, kind)


def _place(path) -> tuple[str, ...]:
    """The path of a stored array without the wrappers' `raw` steps."""
    return tuple(str(part) for part in path if getattr(part, "name", None) != "raw")


def _by_place(tree) -> dict[tuple[str, ...], Any]:
    leaves, _ = jax.tree_util.tree_flatten_with_path(tree)
    return {_place(path): leaf for path, leaf in leaves}


def _masks(model) -> dict[tuple[str, ...], Bool[Array, "..."]]:
    """Masks by the path of their weight."""
    leaves, _ = jax.tree_util.tree_flatten_with_path(model)
    return {
        _place(path[:-1]): leaf
        for path, leaf in leaves
        if path and getattr(path[-1], "name", None) == "keep"
    }


def _masked(moment: Array, keep: Bool[Array, "..."] | None) -> Array:
    return moment if keep is None else jnp.where(keep, moment, 0)
