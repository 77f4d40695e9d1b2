"""What every registered process keeps: a process that registers is tested here without more ado."""

import sys
from dataclasses import replace

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from sparsid._errors import MissingExtraError, SparsidError
from sparsid.data import Channels, Dataset
from sparsid.plants import PLANTS
from sparsid.processes import PROCESSES, Recorded, replay, simulate
from sparsid.processes.sources import play

COUNT, SAMPLES = 12, 300


@pytest.fixture(scope="module", params=list(PROCESSES))
def process(request):
    return PROCESSES[request.param]()


@pytest.fixture(scope="module")
def data(process):
    return simulate(process, trajectories=COUNT, samples=SAMPLES, key=jax.random.key(1))


@pytest.fixture(scope="module")
def single(process):
    """The first of the same trajectories, asked for alone."""
    return simulate(process, trajectories=1, samples=SAMPLES, key=jax.random.key(1))


def sizes(process):
    return len(process.states), len(process.inputs), len(process.outputs)


def in_box(process, count, seed):
    """Random states and inputs within the operating box."""
    names = (*process.states.names, *process.inputs.names)
    low, high = np.array([process.box[name] for name in names]).T
    rows = np.random.default_rng(seed).uniform(low, high, (count, len(names)))
    return rows[:, : len(process.states)], rows[:, len(process.states) :]


def test_it_is_known_by_its_name(process):
    assert type(process) is PROCESSES[process.name]
    assert process.name in PLANTS
    assert len(process.facts.reference) > 20
    assert process.dt > 0


def test_every_channel_has_unit_and_bounds(process):
    for channels in (process.states, process.outputs, process.inputs):
        assert all(channels.units)
    names = {*process.states.names, *process.inputs.names}
    assert set(process.box) == names
    assert all(low < high for low, high in process.box.values())
    assert set(process.dependence) == set(process.states.names)
    assert {name for links in process.dependence.values() for name in links} <= names
    assert not names & set(process.outputs.names)


def test_flow_and_output_are_finite_in_the_box(process):
    n, _, p = sizes(process)
    for x, u in zip(*in_box(process, 50, seed=0), strict=True):
        assert process.flow(x, u).shape == (n,)
        assert process.output(x, u).shape == (p,)
        assert np.isfinite(process.flow(x, u)).all()
        assert np.isfinite(process.output(x, u)).all()


def test_numpy_and_jax_agree(process):
    x, u = (rows[0] for rows in in_box(process, 1, seed=1))
    assert isinstance(process.flow(x, u), np.ndarray)
    with jax.enable_x64(True):
        flow = jax.jit(process.flow)(jnp.asarray(x), jnp.asarray(u))
        output = jax.jit(process.output)(jnp.asarray(x), jnp.asarray(u))
        assert flow.dtype == output.dtype == jnp.float64
    np.testing.assert_allclose(flow, process.flow(x, u), rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(output, process.output(x, u), rtol=1e-9, atol=1e-12)


def test_stated_dependence_is_the_pattern_of_the_jacobian(process):
    """A link is where the derivative moves with the channel somewhere in the box."""
    x, u = in_box(process, 50, seed=2)
    with jax.enable_x64(True):
        jacobian = jax.vmap(jax.jacobian(process.flow, argnums=(0, 1)))(jnp.array(x), jnp.array(u))
        moves = np.abs(np.concatenate(jacobian, axis=2)).max(axis=0) > 0
    np.testing.assert_array_equal(process.depends(), moves)


def test_simulated_shapes_and_names(process, data):
    n, m, p = sizes(process)
    assert len(data) == COUNT
    for t in data:
        assert (t.x.shape, t.u.shape, t.y.shape) == ((SAMPLES, n), (SAMPLES, m), (SAMPLES, p))
        assert t.x.dtype == t.u.dtype == t.y.dtype == np.float64
    assert (data.states, data.outputs, data.inputs) == (
        process.states,
        process.outputs,
        process.inputs,
    )
    assert data.dt == process.dt
    assert data.attributes["process"] == process.name
    assert data.attributes["method"] == "rk4"


def test_simulated_data_lies_in_the_box(process, data):
    for channels, letter in ((process.states, "x"), (process.inputs, "u")):
        rows = np.concatenate([getattr(t, letter) for t in data])
        low, high = np.array([process.box[name] for name in channels.names]).T
        assert (rows >= low).all()
        assert (rows <= high).all()


def test_a_key_gives_the_same_data_and_another_key_other_data(process, data):
    again = simulate(process, trajectories=COUNT, samples=SAMPLES, key=jax.random.key(1))
    other = simulate(process, trajectories=COUNT, samples=SAMPLES, key=jax.random.key(2))
    assert again.digest() == data.digest()
    assert all((a.x[0] != b.x[0]).any() for a, b in zip(data, other, strict=True))
    starts = np.array([t.x[0] for t in data])
    assert len(np.unique(starts, axis=0)) == len(starts)


def test_both_kinds_of_key_give_the_same(process, data):
    old = simulate(process, trajectories=COUNT, samples=SAMPLES, key=jax.random.PRNGKey(1))
    assert old.digest() == data.digest()


def test_rows_hold_the_input_applied_next_and_the_output_of_the_row(process, data):
    """x_{k+1} follows from row k alone: checked with a Runge-Kutta step written out here."""
    h = data.dt
    for t in data[:2]:
        for k in range(0, SAMPLES - 1, 17):
            x, u = t.x[k], t.u[k]
            a = process.flow(x, u)
            b = process.flow(x + h * a / 2, u)
            c = process.flow(x + h * b / 2, u)
            d = process.flow(x + h * c, u)
            after = x + h * (a / 6 + b / 3 + c / 3 + d / 6)
            np.testing.assert_allclose(t.x[k + 1], after, rtol=1e-8, atol=1e-10)
            np.testing.assert_allclose(t.y[k], process.output(x, u), rtol=1e-9)


def test_recorded_inputs_of_feedback_belong_to_the_state_of_their_row(process, single):
    """Playing the excitation along the recorded states gives the recorded inputs again."""
    with jax.enable_x64(True):
        _, k_plan = jax.random.split(jax.random.fold_in(jax.random.key(1), 0))
        states = jnp.array(single[0].x)
        played = play(process.excitation(dt=process.dt), states, dt=process.dt, key=k_plan)
        np.testing.assert_allclose(played, single[0].u, rtol=1e-9, atol=1e-12)


def test_replay_gives_the_simulation_again(process, data):
    cut = replace(data, trajectories=(data[0].part(0, 200), *data.trajectories[1:]))
    again = replay(process, cut)
    assert again.lengths == (200, *(SAMPLES,) * (COUNT - 1))
    assert not again.notes
    for a, b in zip(cut, again, strict=True):
        spread = a.x.std(axis=0)
        np.testing.assert_allclose(a.x / spread, b.x / spread, rtol=0, atol=1e-7)
        np.testing.assert_array_equal(a.u, b.u)


def test_replay_takes_channels_in_any_order_and_says_what_it_assumed(process, data):
    n = len(process.states)
    turned = data[:1].select(
        states=process.states.names[::-1], inputs=process.inputs.names[::-1], outputs=()
    )
    silent = replace(turned, states=Channels(turned.states.names, (None,) * n))
    again = replay(process, silent)
    spread = data[0].x.std(axis=0)
    np.testing.assert_allclose(again[0].x / spread, data[0].x / spread, rtol=0, atol=1e-7)
    assert len(again.notes) == 1
    assert all(name in again.notes[0] for name in process.states.names)


def test_adaptive_integration_agrees(process, data):
    pytest.importorskip("diffrax")
    if process.name == "aluminium":  # no solution runs through the poles below 2.21 % alumina
        shares = [t.x[0, 1] / t.x[0, 1:4].sum() for t in data]
        kept = tuple(t for t, share in zip(data, shares, strict=True) if share >= 0.023)
        assert len(kept) >= 3
        data = replace(data, trajectories=kept)
    again = replay(process, data, method="adaptive")
    assert again.attributes["method"] == "adaptive"
    for a, b in zip(data, again, strict=True):
        difference = np.abs(a.x - b.x).max(axis=0) / a.x.std(axis=0)
        assert (difference < 1e-3).all()
        assert (difference > 0).any()


def test_an_own_excitation_in_place_of_the_default(process):
    u = np.array([np.mean(process.box[name]) for name in process.inputs.names])
    held = Recorded(np.tile(u, (20, 1)))
    data = simulate(process, trajectories=2, samples=20, excitation=held, key=jax.random.key(0))
    assert all((t.u == u).all() for t in data)


def test_a_trajectory_does_not_depend_on_how_many_are_asked_for(data, single):
    np.testing.assert_array_equal(single[0].x[0], data[0].x[0])
    spread = data[0].x.std(axis=0)
    np.testing.assert_allclose(single[0].x / spread, data[0].x / spread, rtol=0, atol=1e-7)


@pytest.mark.parametrize(
    ("wrong", "content"),
    [
        ({"trajectories": 0}, "`trajectories` must be"),
        ({"trajectories": 2.5}, "`trajectories` must be"),
        ({"samples": 1}, "`samples` must be"),
        ({"dt": 0.0}, "`dt` must be"),
        ({"dt": -1.0}, "`dt` must be"),
        ({"dt": float("nan")}, "`dt` must be"),
        ({"method": "rk5"}, "Did you mean 'rk4'"),
        ({"key": 7}, "`key` must be a JAX key"),
    ],
)
def test_refusals(wrong, content):
    right = {"trajectories": 2, "samples": 20, "key": jax.random.key(0)}
    with pytest.raises(SparsidError, match=content):
        simulate(PROCESSES["duffing"](), **right | wrong)


def test_an_excitation_of_another_width_is_refused():
    duffing = PROCESSES["duffing"]()
    for values in (np.zeros(20), np.zeros((20, 2))):
        with pytest.raises(SparsidError, match="must give the 1 inputs of duffing"):
            simulate(
                duffing,
                trajectories=1,
                samples=20,
                excitation=Recorded(values),
                key=jax.random.key(0),
            )


def duffing_record(x, u, **other):
    names = {"state_names": ("displacement", "velocity"), "input_names": ("force",)}
    return Dataset.from_arrays(x, u=u, dt=0.05, **names | other)


def test_replay_refuses_other_channels():
    x, u = np.zeros((1, 5, 2)), np.zeros((1, 5, 1))
    duffing = PROCESSES["duffing"]()
    with pytest.raises(SparsidError, match="has the states displacement, velocity; the data has a"):
        replay(duffing, duffing_record(x, u, state_names=("a", "velocity")))
    with pytest.raises(SparsidError, match="the data has none"):
        replay(duffing, Dataset.from_arrays(x, dt=0.05, state_names=duffing.states.names))
    with pytest.raises(SparsidError, match="has force in N; the data has it in kN"):
        replay(duffing, duffing_record(x, u, input_units=("kN",)))


def test_an_unknown_process_is_refused_with_the_known_ones():
    with pytest.raises(SparsidError, match=r"known: aluminium.*Did you mean 'duffing'"):
        PROCESSES["dufing"]


def test_a_run_that_leaves_the_finite_numbers_keeps_its_finite_part_and_is_told():
    """A force of 1e60 N makes the cube overflow after a few samples; the other run is at rest."""
    u = np.zeros((2, 40, 1))
    u[1, 10:] = 1e60
    data = replay(PROCESSES["duffing"](), duffing_record(np.zeros((2, 40, 2)), u))
    kept = data.lengths[1]
    assert data.lengths[0] == 40
    assert 11 <= kept < 20
    details = [note for note in data.notes if "Trajectory" in note]
    assert details == [
        f"Trajectory 1 became NaN or infinite at sample {kept} of 40 ({kept * 0.05:g} s); "
        f"the {kept} samples before are kept."
    ]


def test_a_run_that_leaves_them_at_once_is_an_error():
    x = np.full((2, 5, 2), 1e200)
    x[0] = 0.0
    with pytest.raises(SparsidError, match="Trajectory 1 became NaN or infinite at sample 1 of 5"):
        replay(PROCESSES["duffing"](), duffing_record(x, np.zeros((2, 5, 1))))


def test_without_diffrax_adaptive_names_the_extra(monkeypatch):
    monkeypatch.setitem(sys.modules, "diffrax", None)
    with pytest.raises(MissingExtraError, match=r"sparsid\[adaptive\]"):
        simulate(
            PROCESSES["duffing"](),
            trajectories=1,
            samples=5,
            method="adaptive",
            key=jax.random.key(0),
        )


def test_simulation_leaves_the_precision_of_others_alone():
    simulate(PROCESSES["duffing"](), trajectories=2, samples=20, key=jax.random.key(0))
    assert jnp.zeros(1).dtype == jnp.float32
