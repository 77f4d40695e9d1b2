"""The pruning loop: what it promises of its paths, and a plant whose true structure is known."""

from itertools import pairwise

import jax
import numpy as np
import pytest

from sparsid._errors import SparsidError
from sparsid.data import Dataset, Normaliser
from sparsid.models import NARX
from sparsid.training import BFGS, Pruning, SecondOrderPhase, curvature, prune
from sparsid.training import pruning as pruning_loop
from sparsid.training.progress import Stop
from sparsid.training.pruning_path import PathState, packed, unpacked
from sparsid.training.second_order import run_second_order
from sparsid.training.starts import points_of
from sparsid.training.windows import Simulation, windows


def linear_plant(seed, samples=300):
    """y(k) = 0.5 y(k-1) + 0.8 u(k-2): two of the four regressors of a linear NARX model."""
    rng = np.random.default_rng(seed)
    u, y = rng.normal(size=samples), np.zeros(samples)
    for k in range(2, samples):
        y[k] = 0.5 * y[k - 1] + 0.8 * u[k - 2]
    return Dataset.from_arrays(x=[y[:, None]], u=[u[:, None]], dt=1.0)


@pytest.fixture(scope="module")
def problem():
    both = [linear_plant(seed) for seed in (0, 1)]
    normaliser = Normaliser.fit(both[0])
    train, validation = (normaliser.apply(data) for data in both)
    architecture = NARX(widths=(5,))
    keys = jax.random.split(jax.random.key(0), 3)
    models = jax.vmap(lambda key: architecture.build(train, key=key))(keys)
    layout, points = points_of(models)
    data = [windows(scaled, Simulation(), lag=2) for scaled in (train, validation)]
    trained = run_second_order(layout, points, data[0], SecondOrderPhase(iterations=60))
    return layout, trained, *data


@pytest.fixture(scope="module")
def paths(problem):
    layout, trained, train, validation = problem
    return prune(layout, trained.points, train, validation, Pruning())


def test_paths_fall_weight_by_weight_and_tell_what_went(problem, paths):
    layout, trained, *_ = problem
    for i, path in enumerate(paths):
        first = path.steps[0]
        assert first.left == layout.size
        assert first.train == pytest.approx(trained.errors[i])
        for before, after in zip(path.steps[:-1], path.steps[1:], strict=True):
            gone = np.flatnonzero(before.keep & ~after.keep)
            assert sorted(after.removed) == gone.tolist()
            assert (after.theta[~after.keep] == 0).all()
            assert not (after.keep & ~before.keep).any()
            assert after.iterations >= before.iterations


def test_no_error_rises_by_more_than_factor_and_guard_until_the_guard_falls(problem):
    """Then the factor is squared, and the path goes on."""
    layout, trained, train, validation = problem
    seen = []

    def callback(report):
        seen.append([(t.constrained, len(t.steps)) for t in report.path_states])

    pruning = Pruning(validation_factor=2.0, factor=1.3)
    paths = prune(layout, trained.points, train, validation, pruning, callback=callback)
    fell = 0
    for i, path in enumerate(paths):
        constrained = max(length for of in seen for on, length in of[i : i + 1] if on)
        errors = [step.validation for step in path.steps[:constrained]]
        assert constrained > 5
        assert all(b <= 2.0 * a for a, b in pairwise(errors))
        errors = [step.train for step in path.steps]
        for at, (a, b) in enumerate(pairwise(errors)):
            limit = 1.3 if at + 1 < constrained else 1.3**2
            assert b <= limit * max(a, errors[0])
        fell += constrained < len(path.steps)
    assert fell


def test_robust_optimal_brain_damage_retrains_what_it_removes(problem):
    layout, trained, train, validation = problem
    pruning = Pruning("obd", tiny=0.0, least=20, retrain=SecondOrderPhase(iterations=5))
    for path in prune(layout, trained.points, train, validation, pruning):
        assert len(path.steps) > 5
        for before, after in pairwise(path.steps):
            moved = np.abs(before.saliency[after.removed[0]]) > 1e-12 * before.train
            assert (after.iterations > before.iterations) == moved


def test_trails_come_back_as_they_were_put_aside(problem, paths):
    path_states = [
        PathState(list(path.steps), {3, 7}, at > 0, 4, at, at == 1, at == 2)
        for at, path in enumerate(paths)
    ]
    for mine, other in zip(path_states, unpacked(packed(path_states)), strict=True):
        for name in ("waiting", "progressed", "largest", "undone", "ended", "constrained"):
            assert getattr(other, name) == getattr(mine, name)
        for a, b in zip(mine.steps, other.steps, strict=True):
            np.testing.assert_array_equal(a.theta, b.theta)
            assert (a.train, a.iterations, a.removed) == (b.train, b.iterations, b.removed)


def test_paths_put_aside_and_taken_up_are_those_that_never_stopped(problem, paths):
    layout, trained, train, validation = problem
    stop, rounds = Stop(), 0

    def callback(report):
        nonlocal rounds
        rounds += 1
        stop.asked = rounds == 4
        if stop.asked:
            kept.update(packed(report.path_states))

    kept = {}
    data = layout, trained.points, train, validation, Pruning()
    stopped = prune(*data, callback=callback, stop=stop)
    assert all(len(s.steps) < len(p.steps) for s, p in zip(stopped, paths, strict=True))
    resumed = prune(*data, begun=unpacked(kept))
    for path, again in zip(paths, resumed, strict=True):
        assert again.undone == path.undone
        assert len(again.steps) == len(path.steps)
        for step, same in zip(path.steps, again.steps, strict=True):
            assert (same.removed, same.iterations) == (step.removed, step.iterations)
            np.testing.assert_array_equal(same.theta, step.theta)
            np.testing.assert_array_equal(same.keep, step.keep)
            assert (same.train, same.validation) == (step.train, step.validation)


def test_errors_on_the_path_are_those_of_its_networks(problem, paths):
    layout, trained, train, validation = problem
    for path, i in zip(paths, range(3), strict=True):
        for step in (path.steps[0], path.steps[len(path.steps) // 2], path.steps[-1]):
            rest = jax.tree.map(lambda leaf, i=i: leaf[i], trained.points.rest)
            point = curvature.Point(step.theta, step.keep, rest)
            with jax.enable_x64(True):
                for data, content in ((train, step.train), (validation, step.validation)):
                    assert float(curvature.error(layout, True, point, data)) == pytest.approx(
                        content
                    )


def test_pruning_finds_the_regressors_that_matter(problem, paths):
    """The columns of u(k-1) and y(k-2) die first; the plant has no use for them."""
    layout, *_ = problem
    w1 = layout.unpack(np.arange(layout.size)).network.layers[0].weight.raw
    for path in paths:
        best = path.steps[path.smallest_not_worse()]
        assert best.left < 0.6 * layout.size
        assert best.validation <= path.steps[0].validation
        small = min(path.steps, key=lambda s: (s.train > 10 * path.steps[0].train, s.left))
        lives = small.keep[w1]
        assert lives[:, [0, 3]].sum() <= lives[:, [1, 2]].sum()


def test_the_published_procedure_removes_one_weight_at_a_time_by_smallest_saliency(problem):
    layout, trained, train, validation = problem
    pruning = Pruning("obd", None, 0.0, 1.0, 24, SecondOrderPhase(BFGS(), iterations=8))
    paths = prune(layout, trained.points, train, validation, pruning)
    diagonal = jax.jit(lambda point: curvature.diagonal(layout, True, point, train))
    for i, path in enumerate(paths):
        for before, after in zip(path.steps[:-1], path.steps[1:], strict=True):
            chosen = after.removed[0]
            rest = jax.tree.map(lambda leaf, i=i: leaf[i], trained.points.rest)
            with jax.enable_x64(True):
                bends = np.asarray(diagonal(curvature.Point(before.theta, before.keep, rest)))
            saliency = np.where(before.keep, 0.5 * bends * before.theta**2, np.inf)
            saliency[saliency < 0] = np.inf
            assert chosen == np.argmin(saliency)


def test_it_ends_where_every_saliency_is_negative(problem, monkeypatch):
    """As published; the robust path goes on, by size."""
    layout, trained, train, validation = problem
    monkeypatch.setattr(
        pruning_loop, "brain_damage", lambda theta, curved: -np.abs(theta), raising=True
    )
    published = Pruning("obd", None, 0.0, 1.0, 24, SecondOrderPhase(BFGS(), iterations=1))
    assert all(
        len(path.steps) == 1 for path in prune(layout, trained.points, train, validation, published)
    )
    member = PathState([prune(layout, trained.points, train, validation, published)[0].steps[0]])
    saliency = -np.abs(member.now.theta)
    assert pruning_loop._first(member, saliency, Pruning("obd")) == np.argmin(np.abs(saliency))


def test_a_removal_that_cannot_be_made_up_for_is_undone(problem):
    """Two weights of a plant that needs both: the path ends before they go."""
    scaled = Normaliser.fit(linear_plant(0)).apply(linear_plant(0))
    architecture = NARX(widths=())
    layout, points = points_of(
        jax.vmap(lambda k: architecture.build(scaled, key=k))(
            jax.random.split(jax.random.key(0), 1)
        )
    )
    data = windows(scaled, Simulation(), lag=2)
    noise = np.random.default_rng(0).normal(size=data.y.shape) * 0.05
    data = data._replace(y=data.y + noise)
    trained = run_second_order(layout, points, data, SecondOrderPhase(iterations=50))
    (path,) = prune(layout, trained.points, data, data, Pruning(least=1))
    (last,) = path.steps[-1:]
    kept = np.flatnonzero(last.keep)
    assert set(kept) <= {1, 2, 4}
    assert {1, 2} <= set(kept)
    assert path.undone > 0


def test_options_are_checked():
    with pytest.raises(SparsidError, match="above 1"):
        Pruning(factor=0.9)
    with pytest.raises(SparsidError, match="share"):
        Pruning(at_once=0.0)
    with pytest.raises(SparsidError, match="validation_factor"):
        Pruning(validation_factor=1.0)
