"""Sensitivities against differences, links and agreement by hand, and the command line."""

import json
from itertools import pairwise

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.command_line import refused, run

from sparsid._errors import SparsidError
from sparsid.data import Dataset, Normaliser
from sparsid.evaluation import Recovery, Structure, pooled, recovery, structure
from sparsid.evaluation.structure import jaccard, regressors
from sparsid.graph import Clip, Graph, GraphLayer
from sparsid.models import NARX, Card, DerivativeMLP, Ensemble, graph_of, recurrence_of
from sparsid.models.parameters import resolve
from sparsid.processes import named, simulate
from sparsid.training import fit_linear


@settings(deadline=None, max_examples=60)
@given(
    seed=st.integers(0, 10_000),
    activation=st.sampled_from(["tanh", "silu", "relu"]),
    clip=st.sampled_from([None, "hidden", "all", "linear"]),
    depth=st.integers(0, 3),
)
def test_slopes_are_those_of_small_differences(seed, activation, clip, depth):
    rng = np.random.default_rng(seed)
    sizes = [3, *rng.integers(1, 5, depth), 2]
    layers = tuple(
        GraphLayer(
            rng.normal(size=(width, before)),
            rng.normal(size=(width, 3)) if rng.random() < 0.5 else None,
            rng.normal(size=width),
        )
        for before, width in pairwise(sizes)
    )
    low = rng.uniform(-1, 0, 3)
    box = clip and Clip(
        low, low + 1, clip, rng.normal(size=(2, 3)) if clip == "linear" else None, 0.3
    )
    graph = Graph(layers, activation, ("a", "b", "c"), ("p", "q"), box or None)
    z, step = rng.normal(size=(40, 3)), 1e-6
    slopes = graph.slopes(z)
    for j in range(3):
        off = step * np.eye(3)[j]
        ahead, behind = graph.evaluate(z + off), graph.evaluate(z - off)
        differences = (ahead - behind) / (2 * step)
        bends = np.abs(ahead + behind - 2 * graph.evaluate(z)) > 1e-9  # a kink lies between
        close = np.isclose(slopes[:, :, j], differences, rtol=1e-5, atol=1e-5)
        assert (close | bends).all()
        assert close.mean() > 0.9


def made(architecture, seed=0, members=3, **channels):
    """An untrained ensemble, and data for it."""
    rng = np.random.default_rng(seed)
    data = Dataset.from_arrays(
        x=[rng.normal(size=(30, 2)) * [2.0, 5.0] + 3], u=[rng.normal(size=(30, 1)) * 4], dt=1.0
    )
    normaliser = Normaliser.fit(data)
    scaled = normaliser.apply(data)
    keys = jax.random.split(jax.random.key(seed), members)
    models = jax.vmap(lambda key: architecture.build(scaled, key=key))(keys)
    return Ensemble.of(models, normaliser, Card.describing(data, architecture), members), data


@pytest.mark.parametrize(
    "architecture",
    [
        DerivativeMLP(widths=(4,), activation="tanh", skip=True),
        DerivativeMLP(widths=(3,), activation="silu", per_state=True),
        NARX(widths=(4,), output_lags=2, input_lags=3, delay=2),
    ],
    ids=["skip", "per state", "NARX"],
)
def test_sensitivities_are_those_of_the_model_itself(architecture):
    """Against jax.jacrev of what the model computes, row by row."""
    ensemble, data = made(architecture)
    found = structure(ensemble, data)
    points = regressors(recurrence_of(ensemble, 0), data)
    with jax.enable_x64(True):
        for at, member in enumerate(ensemble.members):
            whole = jax.vmap(jax.jacrev(resolve(member.model).network))(points)
            expected = np.abs(np.asarray(whole)).mean(axis=0)
            np.testing.assert_allclose(found.sensitivity[at], expected, rtol=1e-5, atol=1e-7)
    assert found.links.all()
    assert found.inputs == graph_of(ensemble, 0).input_names


def test_regressors_are_the_lagged_record():
    ensemble, data = made(NARX(widths=(2,), output_lags=1, input_lags=3, delay=2))
    s, t = ensemble.stacked.scaling, data[0]
    x, u = (t.x - s.offset) / s.scale, (t.u - s.input_offset) / s.input_scale
    got = regressors(recurrence_of(ensemble, 0), data)
    assert len(got) == 27
    np.testing.assert_allclose(got[5], [u[6, 0], u[5, 0], x[7, 0], x[7, 1]])  # sample 8


def test_frequency_agreement_and_recovery_by_hand():
    links = np.array([[[1, 1, 0]], [[1, 0, 0]], [[1, 1, 1]]], bool)
    found = Structure(("a", "b", "c"), ("o",), links, np.ones(3, int), np.ones(3, int))
    np.testing.assert_allclose(found.frequency, [[1, 2 / 3, 1 / 3]])
    assert found.agreement == pytest.approx((1 / 2 + 2 / 3 + 1 / 3) / 3)
    truth = np.array([[True, False, True]])
    r = recovery(links[0], truth)
    assert (r.true, r.found, r.both) == (2, 2, 1)
    assert (r.precision, r.recall, r.f1) == (0.5, 0.5, 0.5)
    assert recovery(truth, truth).f1 == 1
    assert np.isnan(Recovery(2, 0, 0).precision)
    assert Recovery(2, 0, 0).f1 == 0
    assert jaccard(np.zeros(3, bool), np.zeros(3, bool)) == 1
    with pytest.raises(SparsidError, match="same shape"):
        recovery(links[0], truth.T)
    with pytest.raises(SparsidError, match="same channels"):
        pooled([found, Structure(("a", "b", "d"), ("o",), links, found.units, found.weights)])
    assert len(pooled([found, found]).links) == 6


@settings(deadline=None)
@given(seed=st.integers(0, 10_000), size=st.integers(1, 12))
def test_f1_is_the_harmonic_mean_and_jaccard_its_kin(seed, size):
    rng = np.random.default_rng(seed)
    a, b = rng.random((2, 1, size)) < 0.5
    r = recovery(a, b)
    if r.both:
        assert r.f1 == pytest.approx(2 / (1 / r.precision + 1 / r.recall))
        assert jaccard(a, b) == pytest.approx(r.f1 / (2 - r.f1))


@pytest.mark.parametrize("name", ["aluminium", "duffing", "lotka_volterra"])
def test_what_a_process_declares_is_what_its_jacobian_shows(name):
    """Over its own trajectories: a derivative that is never anything but zero is no link."""
    process = named(name)
    data = simulate(process, trajectories=3, samples=300, key=jax.random.key(1))
    x = np.concatenate([t.x for t in data])[::7]
    u = np.concatenate([t.u for t in data])[::7]
    with jax.enable_x64(True):
        jacobians = jax.jit(jax.vmap(jax.jacfwd(process.flow, (0, 1))))(
            jax.numpy.asarray(x), jax.numpy.asarray(u)
        )
    both = np.concatenate([np.asarray(j) for j in jacobians], axis=2)
    np.testing.assert_array_equal((both != 0).any(axis=0), process.depends())


def test_the_command_line_tells_and_draws(tmp_path, capsys):
    data = simulate(named("duffing"), trajectories=3, samples=60, key=jax.random.key(0))
    normaliser = Normaliser.fit(data)
    scaled = normaliser.apply(data)
    architecture = DerivativeMLP(widths=(3,), activation="relu", skip=True)
    keys = jax.random.split(jax.random.key(0), 2)
    models = jax.vmap(lambda key: architecture.build(scaled, key=key))(keys)
    ensemble = Ensemble.of(models, normaliser, Card.describing(data, architecture), 2)
    model, file = tmp_path / "duffing.sparsid", tmp_path / "data.nc"
    ensemble.save(model)
    data.to_netcdf(file)
    asked = ("structure", model, model, "--data", file, "--truth", "duffing")
    assert run(*asked, "--figures", tmp_path / "links", "--drawn", "3") == 0
    content = " ".join(capsys.readouterr().out.split())
    assert "Links of 4 networks" in content
    assert "agreement (Jaccard): 1" in content
    assert sorted(p.name for p in (tmp_path / "links").iterdir()) == sorted(
        f"{name}.{kind}"
        for name in ("links", "network-0", "network-1", "network-2")
        for kind in ("png", "svg")
    )
    assert run(*asked, "--json", "--figures", tmp_path / "links") == 0
    details = json.loads(capsys.readouterr().out)
    assert details["members"] == 4
    assert np.shape(details["frequency"]) == np.shape(details["sensitivity_median"]) == (2, 3)
    assert details["true_links"] == int(named("duffing").depends().sum())
    assert details["recovery"][0]["recall"] == 1
    assert "none of them" in refused(capsys, "structure", model, "--truth", "aluminium")
    assert "unknown process" in refused(capsys, "structure", model, "--truth", "x").lower()
    assert "Cannot create" in refused(capsys, "structure", model, "--figures", file / "here")


def test_the_truth_stands_in_the_models_order_of_channels(tmp_path, capsys):
    """A linear model of the oscillator, its states the other way round; how much a link moves."""
    whole = simulate(named("duffing"), trajectories=3, samples=200, key=jax.random.key(0))
    data = whole.select(states=("velocity", "displacement"), inputs=("force",), outputs=())
    ensemble = fit_linear(Normaliser.fit(data).apply(data))
    model, file = tmp_path / "turned.sparsid", tmp_path / "data.nc"
    ensemble.save(model)
    data.to_netcdf(file)
    assert run("structure", model, "--data", file, "--truth", "duffing", "--json") == 0
    details = json.loads(capsys.readouterr().out)
    assert details["outputs"] == ["velocity", "displacement"]
    assert details["truth"] == [[1, 1, 1], [1, 0, 0]]  # v' of v, x and the force; x' of v
    rows = np.concatenate([t.x for t in data])
    rates = np.concatenate([np.diff(t.x, axis=0) for t in data]) / data.dt
    by_hand = rows[:, 0].std() / rates[:, 1].std()  # x' = v
    assert details["true_sensitivity"][1] == pytest.approx([by_hand, 0, 0], rel=1e-6)
    assert run("structure", model, "--data", file, "--truth", "duffing") == 0
    assert "true sensitivity" in capsys.readouterr().out
