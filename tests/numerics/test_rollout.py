"""Free runs against plain Python loops in physical units: alignment, steppers, precision."""

import jax
import numpy as np
import pytest
from tests.by_hand import layers_of, physical_rate, physical_rollout, plant, scaled_plant

from sparsid.data import Dataset, Normaliser
from sparsid.evaluation import forecast
from sparsid.models import Card, DerivativeMLP, Ensemble
from sparsid.training import fit_linear

SHAPES = {
    "plain": DerivativeMLP(widths=(4, 3)),
    "skip, tanh, rk4": DerivativeMLP(widths=(4, 3), skip=True, activation="tanh", stepper="rk4"),
    "per state, silu": DerivativeMLP(widths=(3,), skip=True, per_state=True, activation="silu"),
}


def untrained(architecture, train, *, size=2, seed=0) -> Ensemble:
    """Random members, in single precision as training leaves them."""
    rng = np.random.default_rng(seed)
    models = jax.vmap(lambda key: architecture.build(train, key=key))(
        jax.random.split(jax.random.key(seed), size)
    )

    def shaken(layers):
        return jax.tree.map(
            lambda a: (0.5 * a + 0.1 * rng.normal(size=a.shape)).astype(np.float32), layers
        )

    models = jax.tree.map(np.asarray, models)
    object.__setattr__(models, "network", shaken(models.network))  # biases, too, away from zero
    return Ensemble.of(
        models, train.normaliser, Card.describing(train.physical, architecture), size
    )


def networks_of(ensemble, member):
    """One member's plain layers: one network, or one for each state."""
    network = ensemble.stacked.model.network
    if not hasattr(network, "networks"):
        return [layers_of(network, member)]
    return [layers_of(network.networks, (member, state)) for state in range(2)]


@pytest.fixture(scope="module")
def train():
    return scaled_plant(trajectories=2, samples=51)


@pytest.fixture(scope="module", params=SHAPES)
def ensemble(request, train):
    return untrained(SHAPES[request.param], train)


def by_hand(ensemble, member, train, start, u):
    architecture = ensemble.card.architecture
    rate = physical_rate(
        networks_of(ensemble, member), train.physical, activation=architecture.activation
    )
    return physical_rollout(rate, start, u, stepper=architecture.stepper)


def test_a_rollout_is_a_python_loop_in_physical_units(ensemble, train):
    trajectory = train.physical[1]
    for member, simulator in enumerate(ensemble):
        run = simulator.rollout(trajectory.x[0], trajectory.u)
        wanted = by_hand(ensemble, member, train, trajectory.x[0], trajectory.u)
        assert run.dtype == np.float64
        assert run.shape == wanted.shape == (51, 2)
        assert wanted.std(axis=0).min() > 1e-3
        spread = np.abs(wanted - wanted[0]).max(axis=0)
        assert (np.abs(run - wanted).max(axis=0) < 1e-4 * spread).all()


def test_the_first_row_is_given_and_the_last_input_unused(ensemble, train):
    trajectory = train.physical[0]
    simulator = ensemble.members[0]
    run = simulator.rollout(trajectory.x[0], trajectory.u)
    assert np.array_equal(run[0], trajectory.x[0])
    other = trajectory.u.copy()
    other[-1] += 1e3
    assert np.array_equal(simulator.rollout(trajectory.x[0], other), run)
    other[-2] -= 20.0
    later = simulator.rollout(trajectory.x[0], other)
    assert np.array_equal(later[:-1], run[:-1])
    assert not np.array_equal(later[-1], run[-1])


def test_a_run_of_one_row_is_its_start(train):
    simulator = untrained(SHAPES["plain"], train).members[0]
    assert np.array_equal(simulator.rollout([300.0, -2.0], [[5.0]]), [[300.0, -2.0]])


def test_init_and_step_march_as_the_rollout_does(ensemble, train):
    simulator, trajectory = ensemble.members[1], train.physical[0]
    with jax.enable_x64(True):
        carry = simulator.init(trajectory.x[:1], trajectory.u[:1])
        rows = []
        for u in trajectory.u[:5]:
            carry, observed = simulator.step(carry, u)
            rows.append(np.asarray(observed))
    run = simulator.rollout(trajectory.x[0], trajectory.u[:6])
    np.testing.assert_allclose(np.stack(rows), run[1:], rtol=1e-6)


def test_one_call_runs_every_member_over_every_trajectory(ensemble, train):
    x, _, u = train.physical.padded()
    runs = ensemble.run(x[:, 0], u)
    assert runs.shape == (2, 2, 51, 2)
    for member, simulator in enumerate(ensemble):
        for at in range(2):
            alone = simulator.rollout(x[at, 0], u[at])
            np.testing.assert_allclose(runs[member, at], alone, rtol=1e-5)
    assert not np.allclose(runs[0], runs[1])
    picked = ensemble.pick([1]).run(x[:, 0], u)
    np.testing.assert_allclose(picked[0], runs[1], rtol=1e-9)


def test_forecasts_of_unequal_lengths_are_filled_up_with_nan(train):
    ensemble = untrained(SHAPES["plain"], train)
    whole = plant(trajectories=3, samples=30, seed=4)
    lengths = [30, 12, 21]
    uneven = Dataset.from_arrays(
        x=[t.x[:n] for t, n in zip(whole, lengths, strict=True)],
        u=[t.u[:n] for t, n in zip(whole, lengths, strict=True)],
        dt=whole.dt,
    )
    got = forecast(ensemble, uneven)
    assert got.shape == (2, 3, 30, 2)
    for member, simulator in enumerate(ensemble):
        for at, (t, n) in enumerate(zip(uneven, lengths, strict=True)):
            np.testing.assert_allclose(got[member, at, :n], simulator.rollout(t.x[0], t.u))
            assert np.isnan(got[member, at, n:]).all()


def test_a_run_that_diverges_is_a_result(train):
    ensemble = untrained(SHAPES["plain"], train)
    u = np.full((400, 1), 1e300)
    run = ensemble.members[0].rollout([300.0, -2.0], u)
    assert run.shape == (400, 2)
    assert not np.isfinite(run[-1]).all()


@pytest.mark.parametrize(
    ("start", "u"),
    [
        ([1.0], np.zeros((5, 1))),
        (np.zeros((1, 2)), np.zeros((5, 1))),
        ([1.0, 2.0], np.zeros((5, 2))),
        ([1.0, 2.0], np.zeros(5)),
        ([1.0, 2.0], np.zeros((0, 1))),
    ],
)
def test_wrong_shapes_are_refused(train, start, u):
    simulator = untrained(SHAPES["plain"], train).members[0]
    with pytest.raises(ValueError, match="A free run needs"):
        simulator.rollout(start, u)


@pytest.mark.parametrize("weights", [np.float32, np.float64])
def test_the_state_is_carried_in_double_precision(weights):
    """A slow integrator over 50 000 samples against its exact sum.

    Carried in single precision it would be off by some 0.07 of a standard deviation.
    """
    rng = np.random.default_rng(1)
    u = np.repeat(rng.uniform(-1, 1, (51, 1)), 1000, axis=0)[:50_000]
    x = 1e4 + 1e-3 * np.concatenate([[[0.0]], np.cumsum(u, axis=0)[:-1]])
    data = Dataset.from_arrays(x=x[None], u=u[None], dt=10.0)
    fitted = fit_linear(Normaliser.fit(data).apply(data))
    model = jax.tree.map(lambda a: a.astype(weights), fitted.stacked.model)
    ensemble = Ensemble.of(model, Normaliser.fit(data), fitted.card, 1)
    run = ensemble.members[0].rollout(x[0], u)
    worst = np.abs(run - x).max() / x.std()
    assert worst < (2e-5 if weights is np.float32 else 1e-9)
    together = ensemble.run(x[None, 0], u[None])[0, 0]
    assert np.abs(together - x).max() / x.std() < (2e-5 if weights is np.float32 else 1e-9)
