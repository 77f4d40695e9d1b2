"""Readable networks: single states run alone, choices from tables, links given up, Runge-Kutta."""

import os
import signal
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from tests.by_hand import scaled_plant

from sparsid import SparsidError
from sparsid.data import Dataset, Normaliser
from sparsid.evaluation import alone_errors, one_step_errors, state_equations, structure
from sparsid.models import NARX, DerivativeMLP
from sparsid.models.parameters import resolve
from sparsid.sparsify import L1, Clock, threshold
from sparsid.training import Constant, Cosine, OneStep, Phase, Training, readable
from sparsid.training.readable import (
    Reading,
    chosen_strengths,
    fit_readable,
    members_of,
    regrouped,
    weakest,
    with_links,
)

KEYS = jax.random.split(jax.random.key(3), 2)
TINY = Reading(epochs=2, strengths=(1e-5, 1e-2), starts=2, batch=10)


@pytest.fixture(scope="module")
def train():
    return scaled_plant(trajectories=2, samples=41)


def ensemble_of(train, **options):
    training = Training(DerivativeMLP(widths=(4,), per_state=True, **options), train)
    return training.fitted(training.begin(KEYS)).ensemble


@pytest.mark.parametrize("stepper", ["euler", "rk4"])
def test_a_state_running_alone_by_a_plain_loop(train, stepper):
    ensemble = ensemble_of(train, stepper=stepper)
    found = alone_errors(ensemble, train.physical)
    scaling = ensemble.stacked.scaling
    wanted = np.zeros_like(found)
    for m, member in enumerate(ensemble.members):
        model = resolve(member.model)
        for t in train.scaled:
            for i in range(t.x.shape[1]):
                own, errors = t.x[0, i], []
                for k in range(t.samples):
                    errors.append(abs(own - t.x[k, i]))
                    state = t.x[k].copy()
                    state[i] = own
                    own = float(model.step(jnp.asarray(state), jnp.asarray(t.u[k]))[0][i])
                wanted[m, i] += np.mean(errors) / len(train.scaled)
    assert np.all(scaling.scale > 0)
    np.testing.assert_allclose(found, wanted, rtol=2e-4)


def test_one_step_errors_are_those_of_the_loss(train):
    ensemble = ensemble_of(train)
    inputs, targets = OneStep().examples(train)
    for found, member in zip(one_step_errors(ensemble, train), ensemble.members, strict=True):
        network = resolve(member.model).network
        guess = np.stack([network(z) for z in jnp.asarray(inputs)])
        np.testing.assert_allclose(found, ((guess - targets) ** 2).mean(axis=0), rtol=1e-4)


def test_a_recurrent_model_has_no_states_to_run_alone(train):
    outputs = train.physical.select(states=train.physical.states.names[:1])
    training = Training(NARX(widths=(3,)), Normaliser.fit(outputs).apply(outputs))
    with pytest.raises(SparsidError, match="model of states"):
        alone_errors(training.fitted(training.begin(KEYS)).ensemble, outputs)


@settings(deadline=None)
@given(arrays.arrays(float, (4, 3), elements=st.floats(0.01, 10)), st.floats(1, 2))
def test_the_strength_chosen_is_the_largest_that_errs_hardly_more(alone, tolerance):
    chosen = chosen_strengths(alone, tolerance)
    for i, at in enumerate(chosen):
        best = min(alone[:, i])
        assert alone[at, i] <= tolerance * best
        assert all(alone[later, i] > tolerance * best for later in range(at + 1, 4))


def test_the_weakest_link_goes_but_not_the_last_nor_one_leant_on():
    keep = np.array([[[True, True, True], [False, True, False], [True, True, False]]])
    sensitivity = np.array([[[0.5, 0.1, 0.2], [0.0, 0.2, 0.0], [0.4, 0.9, 0.0]]])
    goes, lost = weakest(keep, keep, sensitivity, 0.3)
    assert goes.tolist() == [[[False, True, False], [False] * 3, [False] * 3]]
    assert lost.tolist() == [[0.1, np.inf, np.inf]]
    needed = np.array([[[False, True, False], [False] * 3, [False] * 3]])
    goes, lost = weakest(keep & ~needed, keep, sensitivity, 0.3)
    assert goes.tolist() == [[[False, False, True], [False] * 3, [False] * 3]]
    assert lost.tolist() == [[0.2, np.inf, np.inf]]


def test_networks_that_did_not_get_worse_are_taken(train):
    training = Training(DerivativeMLP(widths=(4,), per_state=True), train)
    one, other = (training.begin(keys) for keys in (KEYS, jax.random.split(jax.random.key(9), 2)))
    fine = np.array([[True, False], [False, True]])
    mixed = members_of(fine, one, other).models().network.networks.layers[0].weight.raw
    wanted = [np.asarray(m.models().network.networks.layers[0].weight.raw) for m in (other, one)]
    for member, state in np.ndindex(2, 2):
        assert np.array_equal(mixed[member, state], wanted[int(fine[member, state])][member, state])


def test_who_is_lost_in_a_trial_that_is_not_taken_trains_on(train):
    training = Training(DerivativeMLP(widths=(4,), per_state=True), train)
    members = training.begin(KEYS)
    history = replace(members.history, frozen={0: (0, 1), 1: (0, 1)})
    lost = members.stack._replace(alive=jnp.zeros_like(members.stack.alive))
    lost = replace(members, stack=lost, history=history)
    kept = members_of(np.array([[False, False], [True, False]]), lost, members)
    assert kept.alive().tolist() == [True, False]
    assert kept.history.frozen == {1: (0, 1)}


@pytest.mark.parametrize("skip", [False, True])
def test_links_that_went_are_gone_and_stay_so(train, skip):
    training = Training(DerivativeMLP(widths=(4, 4), per_state=True, skip=skip), train)
    members = training.run(training.begin(KEYS), Phase(1, sparsifier=threshold(0.0), batch=10))
    rng = np.random.default_rng(0)
    keep = rng.random((2, 2, 3)) < 0.6
    members = with_links(members, keep)
    for cut in (members, training.run(members, Phase(2, batch=10))):
        assert not structure(training.fitted(cut).ensemble).links[~keep].any()


def test_networks_regrouped_are_those_asked_for(train):
    ensemble = ensemble_of(train)
    models = ensemble.stacked.model
    mixed = regrouped(models, np.array([[1, 0], [0, 0], [1, 1]]))
    z = jnp.asarray(np.random.default_rng(0).normal(size=3))
    first, second = (np.asarray(resolve(m.model).network(z)) for m in ensemble.members)
    found = jax.vmap(lambda m: resolve(m).network(z))(jax.tree.map(jnp.asarray, mixed))
    np.testing.assert_allclose(
        found, [[second[0], first[1]], [first[0], first[1]], second], rtol=1e-6
    )


def test_l1_of_every_output_has_its_own_strength(train):
    model = DerivativeMLP(widths=(4,), per_state=True, skip=True).build(train, key=KEYS[0])
    method = L1(weight=2.0, direct=0.2).build(per_output=(1e-3, 1e-1))
    state = method.init(model, key=KEYS[0])
    first, last = model.network.networks.layers
    by_hand = sum(
        factor
        * (
            2 * np.abs(np.asarray(first.weight.raw[i])).sum()
            + 2 * np.abs(np.asarray(last.weight.raw[i])).sum()
            + 0.2 * np.abs(np.asarray(last.skip.raw[i])).sum()
        )
        for i, factor in enumerate((1e-3, 1e-1))
    )
    assert float(method.penalty(model, state, Clock(0, 0, 1, 1))) == pytest.approx(
        by_hand, rel=1e-5
    )
    with pytest.raises(SparsidError, match="per_output"):
        L1(weight=1.0).build(per_output=(1.0, -1.0))


def rotating(h, samples=400):
    """x' = -y + u, y' = x by Runge-Kutta: the increments of y also depend on u, by the step h."""
    rng = np.random.default_rng(1)
    u, x = rng.normal(size=(samples, 1)), np.zeros((samples, 2))

    def flow(x, u):
        return np.array([-x[1] + u[0], x[0]])

    for k in range(samples - 1):
        k1 = flow(x[k], u[k])
        k2 = flow(x[k] + h / 2 * k1, u[k])
        k3 = flow(x[k] + h / 2 * k2, u[k])
        x[k + 1] = x[k] + h / 6 * (k1 + 2 * k2 + 2 * k3 + flow(x[k] + h * k3, u[k]))
    return Dataset.from_arrays(x=x[None], u=u[None], dt=h)


def test_trained_through_its_steps_a_network_learns_the_derivative():
    """Linear networks, least squares by hand: Euler finds u in y', Runge-Kutta does not."""
    data = rotating(0.5)
    scaled = Normaliser.fit(data).apply(data)
    found = {}
    for stepper in ("euler", "rk4"):
        training = Training(DerivativeMLP(widths=(), per_state=True, stepper=stepper), scaled)
        phases = [Phase(150, batch=25, rate=r) for r in schedule()]
        members = training.begin(KEYS[:1])
        for phase in phases:
            members = training.run(members, phase)
        weight = training.fitted(members).ensemble.weights()[0][1][0, :, 0]
        s = scaled.normaliser
        rate = np.asarray(s.increments.scale)[:, None] / data.dt
        found[stepper] = rate * weight / np.concatenate([s.states.scale, s.inputs.scale])
    np.testing.assert_allclose(found["rk4"], [[0, -1, 1], [1, 0, 0]], atol=3e-3)
    assert abs(found["euler"][1, 2]) > 0.1


def schedule():
    return [Constant(1e-2), Cosine(1e-2, 0.0)]


def tanks(samples=150):
    """Two tanks in a row: a' = u - a / 2, b' = 0.4 a - 0.3 b, and an idle input that moves."""
    rng = np.random.default_rng(2)
    u, x = rng.uniform(0, 2, (4, samples, 2)), np.zeros((4, samples, 2))
    x[:, 0] = rng.uniform(0, 4, (4, 2))
    for k in range(samples - 1):
        a, b = x[:, k].T
        x[:, k + 1, 0] = a + 0.2 * (u[:, k, 0] - a / 2)
        x[:, k + 1, 1] = b + 0.2 * (0.4 * a - 0.3 * b)
    return Dataset.from_arrays(x=x, u=u, dt=0.2)


def test_what_is_read_is_the_plant():
    """Links and coefficients of a plant whose laws are known; every epoch counts."""
    data = tanks()
    scaled = Normaliser.fit(data).apply(data)
    reading = Reading(epochs=60, strengths=(1e-4, 1e-3), starts=2, floor=1e-4, batch=8)
    seen = []
    done = fit_readable(
        DerivativeMLP(widths=(4,), per_state=True, skip=True),
        scaled,
        scaled,
        reading,
        size=2,
        callback=seen.append,
        key=jax.random.key(0),
    )
    assert [report.done for report in seen] == list(range(1, len(seen) + 1))
    assert seen[-1].total == len(seen) <= reading.epochs_for(4) == seen[0].total
    assert done.path is not None
    path, asked = done.path, done.path.tried >= 0
    largest_error = np.maximum(reading.factor * path.error_with, reading.floor)
    assert np.array_equal(path.gone, asked & (path.error <= largest_error))
    gone = done.path.gone.sum(axis=0)
    assert (gone == 2).all()  # of four inputs two are needed
    wanted = np.array([[True, False, True, False], [True, True, False, False]])
    for links in structure(done.fitted.ensemble).links:
        assert np.array_equal(links, wanted)
    first, second = state_equations(done.fitted.ensemble, 1, data)
    assert first.refit is not None
    assert second.refit is not None
    np.testing.assert_allclose(first.refit.coefficients, [-0.5, 0, 1, 0], rtol=1e-6)
    np.testing.assert_allclose(second.refit.coefficients, [0.4, -0.3, 0, 0], rtol=1e-6)


def test_an_interruption_keeps_what_has_been_trained(train):
    def interrupt(report):
        os.kill(os.getpid(), signal.SIGINT)

    architecture = DerivativeMLP(widths=(4,), per_state=True, skip=True)
    options = {"size": 3, "key": jax.random.key(0)}
    done = fit_readable(architecture, train, train, TINY, callback=interrupt, **options)
    assert done.strengths is None
    assert len(done.fitted.ensemble) == 3
    assert len(done.fitted.history.epochs) == 1
    fresh = Training(architecture, train).begin(jax.random.split(jax.random.key(0), 3))
    first = np.asarray(fresh.models().network.networks.layers[0].weight.raw)
    assert not np.array_equal(done.fitted.ensemble.weights()[0][1], first)
    assert any("interrupted" in note for note in done.fitted.history.sentences())


def test_an_interrupted_trial_is_not_judged(train):
    """Ctrl-C while the first input is tried: all links are there, and nothing is cut."""
    seen = []
    before = TINY.half + TINY.epochs + TINY.short  # up to the training without the input

    def interrupt(report):
        seen.append(report)
        if len(seen) == before + 1:
            os.kill(os.getpid(), signal.SIGINT)

    architecture = DerivativeMLP(widths=(4,), per_state=True, skip=True)
    done = fit_readable(
        architecture, train, train, TINY, size=2, callback=interrupt, key=jax.random.key(0)
    )
    assert len(seen) == before + 1
    assert done.path is not None
    assert not len(done.path.tried)
    assert structure(done.fitted.ensemble).links.all()


def test_a_choice_that_the_joint_run_does_not_bear_out_is_not_taken(train, monkeypatch):
    """Free runs are told to be worst where states have strengths of their own."""
    details = iter([np.array([1.0, 1.0, 2.0, 2.0]), np.array([9.0, 9.0])])
    monkeypatch.setattr(readable, "free_run_errors", lambda *_: next(details))
    monkeypatch.setattr(
        readable, "alone_errors", lambda *_: np.array([[1, 2], [1, 2], [2, 1], [2, 1]], float)
    )
    architecture = DerivativeMLP(widths=(4,), per_state=True, skip=True)
    done = fit_readable(architecture, train, train, TINY, size=1, key=jax.random.key(0))
    assert done.strengths is not None
    assert done.strengths.joint_chosen == 9.0
    assert done.strengths.per_state == (1e-5, 1e-5)


def test_a_member_depends_on_the_key_and_its_number_alone(train):
    def made(size):
        architecture = DerivativeMLP(widths=(4,), per_state=True, skip=True)
        done = fit_readable(architecture, train, train, TINY, size=size, key=jax.random.key(0))
        return [w[0] for _, w in done.fitted.ensemble.weights()]

    for one, other in zip(made(1), made(3), strict=True):
        assert np.array_equal(one, other)


def test_one_network_for_all_states_cannot_be_read(train):
    with pytest.raises(SparsidError, match="per_state"):
        fit_readable(DerivativeMLP(widths=(4,)), train, train, TINY, key=jax.random.key(0))
