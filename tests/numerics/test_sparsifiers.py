"""Every sparsification rule against a slow transcription in plain NumPy, closed forms and SciPy."""

from fractions import Fraction
from itertools import product

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
import scipy.optimize
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.stats import chi2
from tests.by_hand import one_step_examples, scaled_plant, shared_out

from sparsid.models import DerivativeMLP
from sparsid.models.mlp import MLP, Layer
from sparsid.models.parameters import Masked, SoftThresholded, Weight, split_trainable, stored
from sparsid.sparsify import (
    Clock,
    Seen,
    dynamic,
    group_l1,
    l1,
    magnitude,
    proximal_l1,
    rigl,
    soft_threshold,
    threshold,
    weight_average,
)
from sparsid.sparsify.dynamic import distribute
from sparsid.sparsify.proximal import group_shrink
from sparsid.training import SGD, Adam, Constant, Cosine, Phase, fit_ensemble

SHAPES = (3, 4), (2, 5), (1, 4)
ROLES = "first", "hidden", "output"
SEEDS = st.integers(0, 2**32 - 1)
KEY = jax.random.key(0)


def drawn(rng):
    """Weights of three layers over several magnitudes."""
    return [rng.normal(size=shape) * 10 ** rng.uniform(-2, 0.5, shape) for shape in SHAPES]


def model_of(arrays, keeps=None):
    made = [Weight(jnp.asarray(w, float), r) for w, r in zip(arrays, ROLES, strict=True)]
    return (
        made
        if keeps is None
        else [Masked(w, jnp.asarray(k)) for w, k in zip(made, keeps, strict=True)]
    )


def used(model) -> list[np.ndarray]:
    return [np.asarray(w.value()) for w in model]


def moments_of(model):
    """Moments of Adam that are one everywhere."""
    moments = Adam().transformation().init(split_trainable(model)[0])
    return jax.tree.map(lambda m: jnp.ones_like(m), moments)


# ---------------------------------------------------------------- magnitude pruning


def without_smallest(w, count):
    """`w` with the `count` smallest entries zero, at least one staying."""
    w = w.copy()
    for place in np.argsort(np.abs(w), axis=None)[: min(count, w.size - 1)]:
        w.flat[place] = 0
    return w


def whole(share: Fraction) -> int:
    """Rounded down; a count short of a whole number by less than a thousandth is that number."""
    return (share + Fraction(1, 1000)).__floor__()


def pruned_by_hand(arrays, scope, count):
    """`count(entries, zeros)` says how many zeros there shall be, per layer or over all."""
    if scope == "layer":
        return [without_smallest(w, count(w.size, int((w == 0).sum()))) for w in arrays]
    joined = np.concatenate([w.ravel() for w in arrays])
    left = without_smallest(joined, count(joined.size, int((joined == 0).sum())))
    ends = np.cumsum([w.size for w in arrays])[:-1]
    return [part.reshape(w.shape) for part, w in zip(np.split(left, ends), arrays, strict=True)]


EPOCHS = 10
AFTER_EPOCH = {}


def after_epoch(method):
    """The compiled hook; methods that differ in numbers share it."""
    hook = method.after_epoch
    return AFTER_EPOCH.setdefault(hook, jax.jit(hook))


def follow(method, arrays, rng, scope, target):
    """Epoch by epoch, weights moving in between; `target(epoch)` gives the count, or None."""
    model = method.prepare(model_of(arrays), key=KEY)
    state, moments = method.init(model, key=KEY), moments_of(model)
    by_hand = [w.astype(np.float32) for w in arrays]
    for epoch in range(1, EPOCHS + 1):
        factors = [np.float32(1 + 0.3 * rng.normal(size=w.shape)) for w in by_hand]
        by_hand = [w * f for w, f in zip(by_hand, factors, strict=True)]
        model = [
            Masked(Weight(w.raw.raw * f, w.role), w.keep)
            for w, f in zip(model, factors, strict=True)
        ]
        clock = Clock(3 * epoch, epoch, EPOCHS, 3)
        model, moments, state = after_epoch(method)(model, moments, state, clock)
        if (count := target(epoch)) is not None:
            by_hand = pruned_by_hand(by_hand, scope, count)
        for got, wanted, m in zip(used(model), by_hand, moments.mu, strict=True):
            assert np.array_equal(got, wanted)
            assert np.array_equal(np.asarray(m.raw.raw) == 0, wanted == 0)
    return by_hand


SHARES = st.sampled_from(["0", "0.25", "0.5", "0.7", "0.8", "0.95"])
SCOPES = st.sampled_from(["layer", "global"])


@settings(max_examples=25, deadline=None)
@given(SEEDS, SHARES, SCOPES, st.integers(0, 3), st.integers(4, 10), st.integers(1, 4))
def test_zeros_follow_the_cubic_ramp(seed, share, scope, begin, end, every):
    rng = np.random.default_rng(seed)
    method = magnitude(
        float(share), begin=begin / EPOCHS, end=end / EPOCHS, every=every, scope=scope
    )

    def target(epoch):
        if epoch <= begin or (epoch % every and epoch < end):
            return None
        done = min(Fraction(epoch - begin, end - begin), Fraction(1))
        return lambda entries, zeros: whole(Fraction(share) * (1 - (1 - done) ** 3) * entries)

    left = follow(method, drawn(rng), rng, scope, target)
    if scope == "layer":  # the final share is reached, but one weight a layer stays
        for w in left:
            assert (w == 0).sum() == min(whole(Fraction(share) * w.size), w.size - 1)


@settings(max_examples=15, deadline=None)
@given(SEEDS, SHARES, SCOPES, st.integers(1, EPOCHS))
def test_one_shot_pruning_happens_once(seed, share, scope, at):
    rng = np.random.default_rng(seed)

    def target(epoch):
        return (lambda entries, _: whole(Fraction(share) * entries)) if epoch == at else None

    follow(magnitude(float(share), at_epoch=at, scope=scope), drawn(rng), rng, scope, target)


@settings(max_examples=15, deadline=None)
@given(SEEDS, SHARES, SCOPES, st.sets(st.integers(1, EPOCHS), min_size=3, max_size=3))
def test_repeated_pruning_counts_the_zeros_again(seed, share, scope, at):
    rng = np.random.default_rng(seed)

    def target(epoch):
        if epoch not in at:
            return None
        return lambda entries, zeros: whole(Fraction(share) * (entries + zeros))

    method = magnitude(at=sorted(at), share=float(share), scope=scope)
    follow(method, drawn(rng), rng, scope, target)


def test_repeated_pruning_tends_to_a_third():
    """0.25 of (entries + zeros): 0.25, 0.3125, 0.328, 0.332, ... of 1000 weights."""
    w = np.random.default_rng(0).normal(size=(20, 50))
    method = magnitude(at=[1, 2, 3, 4, 5, 6, 7, 8])
    model = method.prepare([Weight(jnp.asarray(w), "first")], key=KEY)
    state, zeros = method.init(model, key=KEY), []
    hook = jax.jit(method.after_epoch)
    for epoch in range(1, 9):
        model, _, _ = hook(model, (), state, Clock(epoch, epoch, 8, 1))
        zeros.append(int((used(model)[0] == 0).sum()))
    assert zeros == [250, 312, 328, 332, 333, 333, 333, 333]


# ---------------------------------------------------------------- moving weights: DSR


def nearest_whole_numbers(total, weight, capacity):
    """The least distance of whole numbers within `capacity` from exact shares, by brute force."""
    exact = shared_out(total, weight, capacity)
    choices = product(*[range(r + 1) for r in capacity])
    wanted = min(total, sum(capacity))
    return min(
        sum((n - x) ** 2 for n, x in zip(numbers, exact, strict=True))
        for numbers in choices
        if sum(numbers) == wanted
    )


SHARE_OUT = jax.jit(distribute)
LAYERS = st.lists(st.tuples(st.integers(1, 40), st.integers(0, 5)), min_size=4, max_size=4)


@settings(max_examples=80, deadline=None)
@given(st.integers(0, 24), LAYERS)
def test_shares_are_the_nearest_whole_numbers(total, layers):
    weight, capacity = zip(*layers, strict=True)
    given_out = [int(n) for n in SHARE_OUT(total, np.array(weight), np.array(capacity))]
    assert sum(given_out) == min(total, sum(capacity))
    assert all(0 <= n <= r for n, r in zip(given_out, capacity, strict=True))
    exact = shared_out(total, weight, capacity)
    distance = sum((n - x) ** 2 for n, x in zip(given_out, exact, strict=True))
    assert distance <= nearest_whole_numbers(total, weight, capacity) + Fraction(1, 10**5)


def test_large_layers_get_no_more_than_their_share():
    """Neither by what rounding leaves over, nor by numbers beyond 32 bits."""
    many = SHARE_OUT(14, np.array([50] + [9] * 10), np.full(11, 1000))
    assert np.asarray(many).tolist() == [5] + [1] * 9 + [0]
    wide = SHARE_OUT(40_000, np.array([60_000, 20_000, 1, 1]), np.array([100_000, 100_000, 0, 0]))
    assert np.asarray(wide).tolist() == [30_000, 10_000, 0, 0]


def dsr_by_hand(arrays, keeps, threshold, target, tolerance):
    """(survivors, pruned places, free places, the new threshold) of one reallocation."""
    survive, pruned, free = [], [], []
    for w, keep in zip(arrays, keeps, strict=True):
        stay = np.zeros(w.shape, bool)
        for place in np.ndindex(w.shape):
            stay[place] = keep[place] and abs(w[place]) >= threshold
        if not stay.any():
            stay[max(zip(*np.nonzero(keep), strict=True), key=lambda p: abs(w[p]))] = True
        survive.append(stay)
        pruned.append(keep & ~stay)
        free.append(~keep)
    total = sum(int(p.sum()) for p in pruned)
    if total > (1 + tolerance) * target:
        threshold = threshold / 2
    elif total < (1 - tolerance) * target:
        threshold = threshold * 2
    return survive, pruned, free, threshold


def places_by_hand(stay, pruned, free, order, count):
    """The first `count` places in rising order, those just pruned only after all others."""
    places = sorted(
        (place for place in np.ndindex(stay.shape) if not stay[place]),
        key=lambda place: (not free[place], order[place]),
    )
    grown = np.zeros(stay.shape, bool)
    for place in places[:count]:
        grown[place] = True
    assert not (grown & ~free & ~pruned).any()
    return grown


BY_GRADIENT = dynamic(growth="gradient", every=2, threshold=0.1, target=4.0, tolerance=0.25)
DSR_HOOK = jax.jit(BY_GRADIENT.after_step)
DUE = Clock(20, 2, 6, 10)


@settings(max_examples=60, deadline=None)
@given(
    SEEDS,
    st.tuples(*[st.sampled_from([0.3, 0.6, 1.0])] * 3),
    st.sampled_from([0.03, 0.1, 0.3, 1.0, 10.0]),
    st.sampled_from([0, 4, 8, 20]),
)
def test_a_reallocation_follows_the_rule(seed, density, threshold, target):
    """Prune below H, grow as many in proportion to survivors, adapt H; the largest |gradient| of
    a batch says where, so that the places are known."""
    rng = np.random.default_rng(seed)
    arrays = [w.astype(np.float32) for w in drawn(rng)]
    keeps = [rng.random(w.shape) < d for w, d in zip(arrays, density, strict=True)]
    assume(all(k.any() for k in keeps))
    slopes = [rng.normal(size=w.shape).astype(np.float32) for w in arrays]
    model, H = model_of(arrays, keeps), np.float32(threshold)
    state = BY_GRADIENT.init(model, key=KEY)._replace(
        threshold=jnp.asarray(H), target=jnp.asarray(float(target))
    )
    later, moments, changed = DSR_HOOK(
        model, moments_of(model), state, DUE, Seen(slopes, jnp.asarray(1.0), None)
    )
    survive, pruned, free, wanted_threshold = dsr_by_hand(arrays, keeps, H, target, 0.25)
    assert float(changed.threshold) == float(wanted_threshold)
    alive = [np.asarray(w.keep) for w in later]
    count = [int((a & ~s).sum()) for a, s in zip(alive, survive, strict=True)]
    total = sum(int(p.sum()) for p in pruned)
    assert sum(count) == total  # the number of living weights is what it was
    first = [min(n, int(f.sum())) for n, f in zip(count, free, strict=True)]
    strength, capacity = ([int(a.sum()) for a in arrays_] for arrays_ in (survive, free))
    assert sum(first) == min(total, sum(capacity))  # pruned places return only if no other is free
    exact = shared_out(total, strength, capacity)
    assert all(abs(n - x) < 1 + 1e-4 for n, x in zip(first, exact, strict=True))
    for at, w in enumerate(arrays):
        grown = places_by_hand(survive[at], pruned[at], free[at], -np.abs(slopes[at]), count[at])
        assert np.array_equal(alive[at], survive[at] | grown)
        assert np.array_equal(used(later)[at], np.where(survive[at], w, 0))
        for tree in (moments.mu, moments.nu):
            assert np.array_equal(tree[at].raw.raw, survive[at].astype(float))


def test_nothing_moves_when_it_is_not_due():
    rng = np.random.default_rng(3)
    arrays = drawn(rng)
    model = model_of(arrays, [rng.random(w.shape) < 0.5 for w in arrays])
    state, seen = BY_GRADIENT.init(model, key=KEY), Seen(arrays, jnp.asarray(1.0), None)
    for clock in (Clock(19, 1, 6, 10), Clock(21, 2, 6, 10), Clock(10, 1, 6, 10)):
        later, _, changed = DSR_HOOK(model, moments_of(model), state, clock, seen)
        assert all(np.array_equal(a, b) for a, b in zip(used(later), used(model), strict=True))
        assert changed.threshold == state.threshold
    later, _, changed = DSR_HOOK(model, moments_of(model), state, DUE, seen)
    assert not all(np.array_equal(a, b) for a, b in zip(used(later), used(model), strict=True))


def test_random_places_are_uniform_over_the_free_ones():
    """Over 3000 keys; never where a weight was just pruned. One layer of 20, two to grow."""
    w = np.linspace(1, 3, 20).reshape(4, 5)
    keep = np.arange(20).reshape(4, 5) % 2 == 0
    w.flat[[2, 6]] = 1e-5  # these two go
    method = dynamic(every=1, start="random")
    weight = Masked(Weight(jnp.asarray(w), "hidden"), jnp.asarray(keep))
    model = Layer(weight, None, None)

    def grown(key):
        later, _, _ = method.after_epoch(model, (), method.init(model, key=key), Clock(5, 1, 9, 5))
        return later.weight.keep & ~jnp.asarray(keep), later.weight.value()

    places, values = map(
        np.asarray, jax.jit(jax.vmap(grown))(jax.random.split(jax.random.key(5), 3000))
    )
    assert (places.sum(axis=(1, 2)) == 2).all()
    assert not places[:, keep].any()
    counts = places[:, ~keep].sum(axis=0)
    expected = counts.mean()
    assert np.sum((counts - expected) ** 2 / expected) < chi2.isf(1e-6, len(counts) - 1)
    fresh = values[places]
    assert fresh.std() == pytest.approx(np.sqrt(2 / 5), rel=0.05)  # He-normal over 5 inputs
    assert abs(fresh.mean()) < 0.05
    assert not values[:, [0, 1], [2, 1]].any()  # what was pruned is zero (places 2 and 6)


@settings(max_examples=15, deadline=None)
@given(SEEDS, st.sampled_from([0.0, 0.3, 0.5, 0.8, 0.99]))
def test_random_masks_have_the_stated_share_in_every_layer(seed, sparsity):
    key = jax.random.key(seed % 2**31)
    for method in (dynamic(sparsity), rigl(sparsity)):
        model = method.prepare(model_of(drawn(np.random.default_rng(0))), key=key)
        for w, shape in zip(model, SHAPES, strict=True):
            size = shape[0] * shape[1]
            assert int((~w.keep).sum()) == min(round(sparsity * size), size - 1)


def test_a_layer_without_weights_stays_so():
    """The number of living weights is constant there too."""
    arrays = drawn(np.random.default_rng(1))
    keeps = [np.ones((3, 4), bool), np.zeros((2, 5), bool), np.ones((1, 4), bool)]
    keeps[0][0] = False
    model = model_of(arrays, keeps)
    state = BY_GRADIENT.init(model, key=KEY)._replace(threshold=jnp.asarray(0.2, float))
    later, _, _ = DSR_HOOK(
        model, moments_of(model), state, DUE, Seen(arrays, jnp.asarray(1.0), None)
    )
    assert sum(int(w.keep.sum()) for w in later) == 8 + 0 + 4


# ---------------------------------------------------------------- RigL

RIGL = rigl(every=4, share=0.6, end=0.5)
RIGL_HOOK = jax.jit(RIGL.after_step)


@settings(max_examples=40, deadline=None)
@given(SEEDS, st.sampled_from([0.3, 0.6, 1.0]), st.integers(1, 15))
def test_rigl_drops_the_smallest_and_grows_by_the_dense_gradient(seed, density, step):
    """Per layer alpha/2 (1 + cos(pi t/T)) of the living weights, every 4 steps while t < T = 20."""
    rng = np.random.default_rng(seed)
    arrays = [w.astype(np.float32) for w in drawn(rng)]
    keeps = [rng.random(w.shape) < density for w in arrays]
    slopes = [rng.normal(size=w.shape).astype(np.float32) for w in arrays]
    model = model_of(arrays, keeps)
    clock = Clock(2 * step, step // 5, 4, 10)  # 40 steps in all
    later, moments, _ = RIGL_HOOK(
        model,
        moments_of(model),
        RIGL.init(model, key=KEY),
        clock,
        Seen(slopes, jnp.asarray(1.0), None),
    )
    t = 2 * step
    share = 0.3 * (1 + np.cos(np.pi * t / 20)) if t % 4 == 0 and t < 20 else 0.0
    for at, (w, keep, slope) in enumerate(zip(arrays, keeps, slopes, strict=True)):
        count = int(share * keep.sum())
        active = sorted(zip(*np.nonzero(keep), strict=True), key=lambda p: abs(w[p]))
        stay = keep.copy()
        for place in active[:count]:
            stay[place] = False
        dead = sorted(zip(*np.nonzero(~stay), strict=True), key=lambda p: -abs(slope[p]))
        alive = stay.copy()
        for place in dead[:count]:
            alive[place] = True
        assert np.array_equal(later[at].keep, alive)
        assert np.array_equal(used(later)[at], np.where(stay, w, 0))
        if t % 4 == 0 and t < 20:
            for tree in (moments.mu, moments.nu):
                assert np.array_equal(tree[at].raw.raw, stay.astype(float))


AT_RANDOM = rigl(every=4, share=0.6, end=0.5, growth="random")
RANDOM_HOOK = jax.jit(AT_RANDOM.after_step)


@settings(max_examples=25, deadline=None)
@given(SEEDS, st.sampled_from([0.2, 0.5, 0.9, 1.0]))
def test_rigl_at_random_moves_the_smallest(seed, density):
    """To places that hold no survivor, at zero and with zero moments; the next key is another.

    What was dropped just now counts as dead, as for growth by gradient.
    """
    rng = np.random.default_rng(seed)
    arrays = [w.astype(np.float32) for w in drawn(rng)]
    keeps = [rng.random(w.shape) < density for w in arrays]
    model, key = model_of(arrays, keeps), jax.random.key(seed)
    later, moments, state = RANDOM_HOOK(
        model,
        moments_of(model),
        AT_RANDOM.init(model, key=key),
        Clock(4, 0, 4, 10),
        Seen(None, jnp.asarray(1.0), None),
    )
    share = 0.3 * (1 + np.cos(np.pi * 4 / 20))
    for at, (w, keep) in enumerate(zip(arrays, keeps, strict=True)):
        count, alive = int(share * keep.sum()), np.asarray(later[at].keep)
        active = sorted(zip(*np.nonzero(keep), strict=True), key=lambda p: abs(w[p]))
        stay = keep.copy()
        for place in active[:count]:
            stay[place] = False
        assert alive[stay].all()
        assert alive.sum() == keep.sum()
        assert np.array_equal(used(later)[at], np.where(stay, w, 0))
        for tree in (moments.mu, moments.nu):
            assert np.array_equal(tree[at].raw.raw, stay.astype(float))
    assert not np.array_equal(jax.random.key_data(state.key), jax.random.key_data(key))


# ---------------------------------------------------------------- soft thresholding


@settings(max_examples=40, deadline=None)
@given(SEEDS, st.floats(-6, 2))
def test_soft_thresholding_and_its_slopes(seed, s):
    """sign(w) relu(|w| - sigmoid(s)); slopes in w and s by central differences."""
    rng = np.random.default_rng(seed)
    w, c, h = rng.normal(size=(3, 4)), rng.normal(size=(3, 4)), 1e-6
    below = 1 / (1 + np.exp(-s))
    assume(np.abs(np.abs(w) - below).min() > 10 * h)

    def value(w, s):
        below = 1 / (1 + np.exp(-s))
        return np.where(w > below, w - below, np.where(w < -below, w + below, 0.0))

    with jax.enable_x64(True):
        parameter = SoftThresholded(Weight(jnp.asarray(w), "hidden"), jnp.asarray(s))
        got = np.asarray(parameter.value())
        slope = jax.grad(lambda p: jnp.sum(c * p.value()))(parameter)
    np.testing.assert_allclose(got, value(w, s), rtol=0, atol=1e-14)
    assert np.array_equal(got == 0, np.abs(w) <= below)
    by_s = np.sum(c * (value(w, s + h) - value(w, s - h))) / (2 * h)
    assert float(slope.s) == pytest.approx(by_s, abs=1e-8)
    by_w = c * (value(w + h, s) - value(w - h, s)) / (2 * h)
    np.testing.assert_allclose(slope.raw.raw, by_w, rtol=0, atol=1e-8)


@pytest.mark.parametrize("masks", [False, True])
def test_decay_pulls_the_threshold_up(masks):
    """s <- s - rate decay s, apart from the optimiser; towards 0, a threshold of 1/2."""
    rng = np.random.default_rng(0)
    arrays = drawn(rng)
    method = soft_threshold(-8.0, decay=0.5)
    model = model_of(arrays, [rng.random(w.shape) < 0.5 for w in arrays] if masks else None)
    model = method.prepare(model, key=KEY)
    state, moments = method.init(model, key=KEY), moments_of(model)
    for _ in range(3):
        model, _, _ = method.after_step(
            model, moments, state, Clock(1, 0, 1, 1), Seen(None, jnp.asarray(0.2), None)
        )
    for at, w in enumerate(model):
        inner = w.raw if masks else w
        assert float(inner.s) == pytest.approx(-8 * 0.9**3, rel=1e-6)
        assert np.array_equal(inner.raw.raw, np.float32(arrays[at]))


# ---------------------------------------------------------------- L1, threshold

STRENGTHS = st.fixed_dictionaries({role: st.floats(0, 2) for role in ROLES})
KINDS = st.sampled_from(["plain", "masked", "softly", "softly, masked"])
CLOCK = Clock(0, 0, 1, 1)


def wrapped(kind, arrays, keeps, s=-1.0):
    """(model, weights as they compute, weights as they are stored): the latter two in NumPy."""
    model, computing, active = model_of(arrays), arrays, arrays
    if "softly" in kind:
        below = 1 / (1 + np.exp(-s))
        model = [SoftThresholded(w, jnp.asarray(s)) for w in model]
        computing = [np.sign(w) * np.maximum(np.abs(w) - below, 0) for w in arrays]
    if "masked" in kind:
        model = [Masked(w, jnp.asarray(k)) for w, k in zip(model, keeps, strict=True)]
        computing = [np.where(k, w, 0) for w, k in zip(computing, keeps, strict=True)]
        active = [np.where(k, w, 0) for w, k in zip(arrays, keeps, strict=True)]
    return model, computing, active


@settings(max_examples=20, deadline=None)
@given(SEEDS, STRENGTHS, KINDS)
def test_l1_is_the_sum_of_magnitudes_as_used_or_as_stored(seed, strengths, kind):
    rng = np.random.default_rng(seed)
    arrays = drawn(rng)
    with jax.enable_x64(True):
        model, computing, active = wrapped(
            kind, arrays, [rng.random(w.shape) < 0.6 for w in arrays]
        )
        for of, counted in (("used", computing), ("stored", active)):
            method = l1(9.0, of=of, **strengths)
            value = method.penalty(model, method.init(model, key=KEY), CLOCK)
            sums = [np.abs(w).sum() for w in counted]
            wanted = np.dot([strengths[role] for role in ROLES], sums)
            assert float(value) == pytest.approx(wanted, rel=1e-12)


@settings(max_examples=30, deadline=None)
@given(SEEDS, st.fixed_dictionaries({role: st.floats(1e-3, 3) for role in ROLES}), KINDS)
def test_a_threshold_cuts_what_computes_and_masks_stay(seed, limits, kind):
    rng = np.random.default_rng(seed)
    arrays = drawn(rng)
    with jax.enable_x64(True):
        model, computing, _ = wrapped(kind, arrays, [rng.random(w.shape) < 0.6 for w in arrays])
        cut = threshold(9.0, **limits).prepare(model, key=KEY)
        for got, w, role, before in zip(cut, computing, ROLES, arrays, strict=True):
            wanted = np.where(np.abs(w) < limits[role], 0, w)
            np.testing.assert_allclose(got.value(), wanted, rtol=1e-12)
            stays = np.abs(w) >= limits[role]
            assert np.array_equal(np.asarray(got.keep), stays)
            assert np.array_equal(stored(got), np.where(stays, before, 0))  # dead ones are zero


# ---------------------------------------------------------------- proximal steps


@settings(max_examples=8, deadline=None)
@given(SEEDS, st.integers(1, 4), st.floats(1e-3, 0.1), st.sampled_from([None, 1e9]))
def test_the_proximal_step_sees_adams_scaling(seed, n, rate, clip):
    """After n gradients, soft(w, strength rate / (sqrt(v_hat) + eps)) with v_hat by hand."""
    rng = np.random.default_rng(seed)
    strengths = {"first": 0.3, "hidden": 2.0, "output": 0.01}
    optimiser = Adam(b2=0.9, eps=1e-3, clip=clip)
    with jax.enable_x64(True):
        arrays = drawn(rng)
        model = model_of(arrays)
        trainable, _ = split_trainable(model)
        moments, v = optimiser.transformation().init(trainable), [0.0] * 3
        for _ in range(n):
            slopes = drawn(rng)
            gradient = jax.tree.unflatten(jax.tree.structure(trainable), slopes)
            _, moments = optimiser.transformation().update(gradient, moments)
            v = [0.9 * a + 0.1 * g**2 for a, g in zip(v, slopes, strict=True)]
        method = proximal_l1(9.0, **strengths)
        seen = Seen(None, jnp.asarray(rate), optimiser.scale(moments))
        later, _, _ = method.after_step(
            model, moments, method.init(model, key=KEY), Clock(4, 0, 1, 9), seen
        )
        plain, _, _ = method.after_step(
            model, (), method.init(model, key=KEY), Clock(4, 0, 1, 9), seen._replace(scale=None)
        )
    for w, a, strength, got in zip(arrays, v, strengths.values(), used(later), strict=True):
        by = strength * rate / (np.sqrt(a / (1 - 0.9**n)) + 1e-3)
        np.testing.assert_allclose(got, np.sign(w) * np.maximum(np.abs(w) - by, 0), atol=1e-14)
        assert np.array_equal(got == 0, np.abs(w) <= by)
    for w, strength, got in zip(arrays, strengths.values(), used(plain), strict=True):
        wanted = np.sign(w) * np.maximum(np.abs(w) - strength * rate, 0)
        np.testing.assert_allclose(got, wanted, atol=1e-6)


@jax.jit
def shrunk_rows(z, by):
    """Every row is a group of n, shrunk under sqrt(n) ||w||."""
    return group_shrink(z.T, jnp.sqrt(z.shape[1]) * by.T).T


def group_objective(x, z, by):
    """sum (w - z)^2 / (2 by) + sqrt(n) ||w|| at w = x sqrt(by), and its slope in x."""
    w, root = x * np.sqrt(by), np.sqrt(by)
    length, c = np.linalg.norm(w), np.sqrt(len(w))
    value = np.sum((w - z) ** 2 / (2 * by)) + c * length
    return value, (x - z / root) + c * w * root / max(length, 1e-300)


@settings(max_examples=25, deadline=None)
@given(SEEDS, st.floats(-3, 2), st.sampled_from([0.0, 0.2, 0.5]))
def test_the_group_step_makes_its_objective_least(seed, level, spread):
    """SciPy, from the start z, finds nothing lower, and is itself nearly as low; scales within a
    group differ up to tenfold."""
    rng = np.random.default_rng(seed)
    z = rng.normal(size=6) * 10 ** rng.uniform(-1, 1, 6)
    by = 10**level * 10 ** rng.uniform(-spread, spread, 6)
    with jax.enable_x64(True):
        got = np.asarray(shrunk_rows(z[None], by[None])[0])
    mine, _ = group_objective(got / np.sqrt(by), z, by)
    found = scipy.optimize.minimize(
        group_objective,
        z / np.sqrt(by),
        args=(z, by),
        jac=True,
        method="L-BFGS-B",
        options={"ftol": 1e-15, "gtol": 1e-12, "maxiter": 1000},
    )
    least = min(found.fun, group_objective(np.zeros(6), z, by)[0])
    scale = np.sum(z**2 / (2 * by))
    assert mine <= least + 1e-6 * scale
    assert least <= mine + 1e-4 * scale
    assert np.array_equal(got == 0, np.full(6, np.linalg.norm(z / by) <= np.sqrt(6)))


def test_equal_scales_give_the_closed_form():
    """w = z max(1 - c by / ||z||, 0); without a penalty nothing moves."""
    z = np.random.default_rng(0).normal(size=(5, 4))
    with jax.enable_x64(True):
        for by in (0.0, 1e-6, 0.3, 0.7):
            length = np.linalg.norm(z, axis=1, keepdims=True)
            wanted = z * np.maximum(1 - 2 * by / length, 0)
            got = shrunk_rows(z, np.full((5, 4), by))
            np.testing.assert_allclose(got, wanted, atol=1e-14)


def test_groups_are_units_and_inputs_with_their_skip_columns():
    """One plain proximal step by hand: rows first, then what leaves each input."""
    rng = np.random.default_rng(4)
    first, second, skip, last, last_skip = (
        rng.normal(size=shape) for shape in ((4, 3), (5, 4), (5, 3), (2, 5), (2, 3))
    )

    def shrunk(groups, strength):
        """Every group, given as views, in place."""
        for group in groups:
            flat = np.concatenate([g.ravel() for g in group])
            reach = strength * np.sqrt(len(flat))
            for g in group:
                g *= max(1 - reach / np.linalg.norm(flat), 0)

    with jax.enable_x64(True):
        network = MLP(
            (
                Layer(Weight(jnp.asarray(first), "first"), None, jnp.ones(4)),
                Layer(
                    Weight(jnp.asarray(second), "hidden"), Weight(jnp.asarray(skip), "skip"), None
                ),
                Layer(
                    Weight(jnp.asarray(last), "output"),
                    Weight(jnp.asarray(last_skip), "skip"),
                    jnp.ones(2),
                ),
            ),
            "relu",
        )
        method = group_l1(0.5, inputs=0.7)
        later, _, _ = jax.jit(method.after_step)(
            network,
            (),
            method.init(network, key=KEY),
            Clock(1, 0, 1, 1),
            Seen(None, jnp.asarray(1.0), None),
        )
    shrunk([(row,) for row in first], 0.5)
    shrunk(list(zip(second, skip, strict=True)), 0.5)
    shrunk([(first[:, j], skip[:, j], last_skip[:, j]) for j in range(3)], 0.7)
    got = [later.layers[0].weight, later.layers[1].weight, later.layers[1].skip]
    got += [later.layers[2].weight, later.layers[2].skip]
    for g, wanted in zip(got, (first, second, skip, last, last_skip), strict=True):
        np.testing.assert_allclose(g.raw, wanted, rtol=0, atol=1e-12)
    assert 0 < sum((w == 0).sum() for w in (first, second, skip)) < 47
    assert np.array_equal(later.layers[0].bias, np.ones(4))


def run_second_order(method, model, h, a, *, steps=6000, scaled=True):
    """Adam and the hook on the loss 1/2 sum h (w - a)^2 of the first weight."""
    optimiser = Adam()
    trainable, _ = split_trainable(model)
    state = method.init(model, key=KEY)

    def loss(t):
        return 0.5 * jnp.sum(h * (jax.tree.leaves(t)[0] - a) ** 2)

    def step(carry, i):
        t, moments = carry
        rate = 0.02 * 0.5 * (1 + jnp.cos(jnp.pi * i / steps))
        update, moments = optimiser.transformation().update(jax.grad(loss)(t), moments)
        t = optax.apply_updates(t, jax.tree.map(lambda d: -rate * d, update))
        scale = optimiser.scale(moments) if scaled else None
        model, _, _ = method.after_step(
            t, moments, state, Clock(i, 0, 1, steps), Seen(None, rate, scale)
        )
        return (split_trainable(model)[0], moments), None

    start = trainable, optimiser.transformation().init(trainable)
    (t, _), _ = jax.jit(lambda c: jax.lax.scan(step, c, jnp.arange(steps)))(start)
    return np.asarray(jax.tree.leaves(t)[0])


def diagonal_case():
    rng = np.random.default_rng(7)
    return 10 ** rng.uniform(-1, 1, (3, 4)), rng.normal(size=(3, 4))


def test_proximal_l1_under_adam_ends_at_the_closed_form():
    """soft(a, strength / h), zeros exact; without Adam's scaling it ends elsewhere."""
    h, a = diagonal_case()
    wanted = np.sign(a) * np.maximum(np.abs(a) - 0.4 / h, 0)
    with jax.enable_x64(True):
        model = [Weight(jnp.asarray(np.ones((3, 4))), "hidden")]
        got = run_second_order(proximal_l1(0.4), model, h, a)
        plain = run_second_order(proximal_l1(0.4), model, h, a, scaled=False)
    assert np.array_equal(got == 0, wanted == 0)
    assert 2 < (got == 0).sum() < 10
    np.testing.assert_allclose(got, wanted, rtol=0, atol=1e-5)
    assert np.abs(plain - wanted).max() > 0.1


@pytest.mark.parametrize("isotropic", [True, False])
def test_group_l1_under_adam_ends_at_the_least_objective(isotropic):
    """Rows a max(1 - strength sqrt(n) / (h ||a||), 0) where h is equal, else SciPy's minimum."""
    h, a = diagonal_case()
    a[0] *= 0.05
    if isotropic:
        h = np.repeat(h[:, :1], 4, axis=1)
    strength = 0.5
    with jax.enable_x64(True):
        network = MLP(
            (
                Layer(Weight(jnp.ones((3, 4)), "first"), None, None),
                Layer(Weight(jnp.ones((1, 3)), "output"), None, None),
            ),
            "relu",
        )
        got = run_second_order(group_l1(strength, inputs=0.0), network, h, a)
    for row, h_row, a_row in zip(got, h, a, strict=True):
        if isotropic:
            factor = 1 - strength * 2 / (h_row[0] * np.linalg.norm(a_row))
            wanted = a_row * max(factor, 0)
        elif np.linalg.norm(h_row * a_row) <= 2 * strength:
            wanted = np.zeros(4)
        else:
            wanted = scipy.optimize.minimize(
                lambda w, h=h_row, a=a_row: (
                    0.5 * np.sum(h * (w - a) ** 2) + 2 * strength * np.linalg.norm(w)
                ),
                a_row,
                method="BFGS",
                options={"gtol": 1e-9},
            ).x
        np.testing.assert_allclose(row, wanted, rtol=0, atol=1e-5)
        assert row.any() == wanted.any()
    assert 0 < sum(not row.any() for row in got) < 3


@pytest.mark.parametrize(
    ("kind", "optimiser"), [("single", Adam()), ("inputs", Adam()), ("inputs", SGD())]
)
def test_linear_models_satisfy_the_optimality_conditions(kind, optimiser):
    """Full batches: the slope is -strength sign(w) where w lives, no steeper where it is zero; and
    the same for whole columns."""
    train = scaled_plant(trajectories=2, samples=51)
    strength = 0.5 if kind == "single" else 0.45
    method = proximal_l1(strength) if kind == "single" else group_l1(9.0, inputs=strength)
    schedule = Cosine(0.05) if isinstance(optimiser, Adam) else Constant(0.3)
    phase = Phase(400, schedule, method, optimiser=optimiser, batch=100)
    fitted = fit_ensemble(
        DerivativeMLP(widths=()), train, (phase,), size=1, dtype="float64", key=KEY
    )
    layer = fitted.ensemble.stacked.model.network.layers[0]
    w, bias = layer.weight.raw[0], layer.bias[0]
    z, target = one_step_examples(train.physical)
    error = z @ w.T + bias - target
    slope = 2 * error.T @ z / target.size
    np.testing.assert_allclose(error.mean(axis=0), 0, atol=1e-5)  # the bias is free
    if kind == "single":
        assert 0 < (w == 0).sum() < w.size
        lives = w != 0
        np.testing.assert_allclose(slope[lives], -strength * np.sign(w[lives]), atol=1e-5)
        assert (np.abs(slope[~lives]) < strength).all()
    else:
        lives = w.any(axis=0)
        assert 0 < lives.sum() < 3
        for j in range(3):
            if lives[j]:
                wanted = -strength * np.sqrt(2) * w[:, j] / np.linalg.norm(w[:, j])
                np.testing.assert_allclose(slope[:, j], wanted, atol=1e-5)
            else:
                assert np.linalg.norm(slope[:, j]) < strength * np.sqrt(2)


# ---------------------------------------------------------------- weight averaging

AVERAGE = jax.jit(weight_average().after_epoch)


@settings(max_examples=20, deadline=None)
@given(SEEDS, st.integers(1, 8), st.sampled_from(["0", "0.25", "0.5", "0.75", "0.9"]))
def test_the_average_is_the_mean_of_later_epochs_ends(seed, epochs, begin):
    """Equal weights for every epoch that ends after that share of the phase; none: the last."""
    rng = np.random.default_rng(seed)
    method = weight_average(from_fraction=float(begin))
    first = drawn(rng)
    keeps = [rng.random(w.shape) < 0.5 for w in first]
    state, ends = method.init(model_of(first, keeps), key=KEY), []
    for epoch in range(1, epochs + 1):
        arrays = drawn(rng)
        model = model_of(arrays, keeps)
        _, _, state = AVERAGE(model, (), state, Clock(7 * epoch, epoch, epochs, 7))
        if Fraction(epoch, epochs) > Fraction(begin):
            ends.append(arrays)
        done = method.finish(model, state)
        counted = ends or [arrays]
        for at, keep in enumerate(keeps):
            mean = np.mean([found[at] for found in counted], axis=0)
            np.testing.assert_allclose(
                np.asarray(done[at].value()), np.where(keep, mean, 0), rtol=1e-5, atol=1e-6
            )
    assert len(ends) == epochs - int(Fraction(begin) * epochs)
