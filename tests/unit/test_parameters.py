"""Parameters: what they yield, how they nest, what the optimiser and the sparsifiers may touch."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from sparsid.models import DerivativeMLP, DerivativeModel
from sparsid.models.parameters import (
    ROLES,
    Fixed,
    Masked,
    Weight,
    map_weights,
    resolve,
    settle,
    split_trainable,
    weights,
)


@pytest.fixture
def raw():
    return jnp.asarray([[1.0, -2.0], [0.5, 4.0], [-8.0, 0.0]])


def masked(raw, *keeps):
    parameter = Weight(raw, "hidden")
    for keep in keeps:
        parameter = Masked(parameter, jnp.asarray(keep))
    return parameter


def small_model(**options):
    return DerivativeModel.assemble(
        DerivativeMLP(widths=(3, 4), **options),
        2,
        1,
        gain=np.array([2.0, 3.0]),
        drift=np.zeros(2),
        key=jax.random.key(0),
    )


masks = arrays(bool, (3, 2))


@settings(max_examples=50, deadline=None)
@given(arrays(np.float32, (3, 2), elements=st.floats(-9, 9, width=32)), masks, masks)
def test_masks_multiply_when_they_nest(numbers, inner, outer):
    got = np.asarray(masked(numbers, inner, outer).value())
    assert np.array_equal(got, np.where(inner & outer, numbers, 0))
    assert got.dtype == np.float32


def test_a_dead_place_is_zero_whatever_is_stored(raw):
    odd = raw.at[0, 0].set(jnp.nan).at[1, 1].set(jnp.inf)
    keep = ~np.isin(np.arange(6).reshape(3, 2), [0, 3])
    value = np.asarray(masked(odd, keep).value())
    assert value[0, 0] == 0
    assert value[1, 1] == 0
    assert np.isfinite(value).all()


def test_gradients_reach_the_kept_places_only(raw):
    """d/dw of sum(c * w) is c where w is kept, exactly zero elsewhere."""
    keep, c = np.array([[1, 0], [0, 1], [1, 1]], bool), np.arange(1.0, 7.0).reshape(3, 2)
    parameter = masked(raw, keep)
    trainable, rest = split_trainable(parameter)
    gradient = jax.grad(lambda t: jnp.sum(c * eqx.combine(t, rest).value()))(trainable)
    assert np.array_equal(np.asarray(gradient.raw.raw), np.where(keep, c, 0))


def test_the_role_shows_through_every_wrapper(raw):
    keep = np.ones((3, 2), bool)
    assert masked(raw, keep, keep).role == "hidden"
    assert Fixed(raw).role == "fixed"


def test_the_optimiser_sees_raw_arrays_and_biases_alone():
    model = map_weights(lambda w: Masked(w, jnp.abs(w.value()) > 0.1), small_model(skip=True))
    trainable, rest = split_trainable(model)
    shapes = sorted(leaf.shape for leaf in jax.tree.leaves(trainable))
    assert shapes == sorted([(3, 3), (4, 3), (4, 3), (2, 4), (2, 3), (3,), (4,), (2,)])
    others = jax.tree.leaves(rest)
    assert sum(leaf.dtype == bool for leaf in others) == 5  # the masks
    assert sum(leaf.shape == (2,) for leaf in others) == 2  # gain and drift


def test_weights_are_the_matrices_in_order_with_their_roles():
    assert [w.role for w in weights(small_model())] == ["first", "hidden", "output"]
    roles = [w.role for w in weights(small_model(skip=True))]
    assert roles == ["first", "hidden", "skip", "output", "direct"]
    assert set(roles) == set(ROLES)
    assert [w.value().shape for w in weights(small_model())] == [(3, 3), (4, 3), (2, 4)]


def test_map_weights_leaves_biases_and_scales_alone():
    model = small_model(skip=True)
    doubled = map_weights(lambda w: Weight(2 * w.value(), w.role), model)
    assert np.array_equal(doubled.gain.raw, [2, 3])
    assert np.array_equal(doubled.network.layers[0].bias, model.network.layers[0].bias)
    for before, after in zip(weights(model), weights(doubled), strict=True):
        assert np.array_equal(after.value(), 2 * np.asarray(before.value()))


def test_map_weights_walks_several_models_together():
    one, two = small_model(), small_model()
    total = map_weights(lambda a, b: Weight(a.value() + b.value(), a.role), one, two)
    for w, twice in zip(weights(one), weights(total), strict=True):
        assert np.array_equal(twice.value(), 2 * np.asarray(w.value()))


def test_resolved_models_hold_plain_arrays():
    model = map_weights(lambda w: Masked(w, w.value() > 0), small_model())
    bare = resolve(model)
    for layer, kept in zip(bare.network.layers, model.network.layers, strict=True):
        raw = np.asarray(kept.weight.raw.raw)
        assert np.array_equal(layer.weight, np.where(raw > 0, raw, 0))
    assert np.array_equal(bare.gain, [2, 3])
    assert weights(bare) == []


def test_settled_models_store_what_they_use():
    model = map_weights(lambda w: Masked(w, w.value() > 0), small_model(skip=True))
    settled = settle(model)
    for before, after in zip(weights(model), weights(settled), strict=True):
        assert type(after) is Weight
        assert after.role == before.role
        assert np.array_equal(after.raw, before.value())
    assert isinstance(settled.gain, Fixed)
    assert jax.tree.structure(settled) == jax.tree.structure(small_model(skip=True))


def test_scales_are_not_trained():
    model = small_model()
    slope = jax.grad(lambda gain: jnp.sum(Fixed(gain).value() ** 2))(model.gain.raw)
    assert not np.asarray(slope).any()
