"""Things added from outside, each in at most 30 lines and one of registration: a process, a kind of
model, a method, a loss, a recipe. Everything then knows them.

Formats (readers) and activations have tests of their own.
"""

import inspect
from typing import Any, ClassVar, Literal

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from pydantic import Field
from tests.by_hand import plant, scaled_plant
from tests.command_line import run
from tests.contracts import test_processes, test_sparsifiers

import sparsid
from sparsid._tables import parse
from sparsid.architectures import ARCHITECTURES, MODELS, AbstractArchitecture, ArraySpec, add_kind
from sparsid.architectures.capabilities import ONE_STEP
from sparsid.data import Channels, read
from sparsid.evaluation import forecast, sparsity, structure
from sparsid.graph import Graph, GraphLayer, Increment
from sparsid.identify import FitSpec
from sparsid.identify.kinds import RECIPES
from sparsid.identify.recipes import Recipe, RecipeKind, Request
from sparsid.models import AbstractModel, load
from sparsid.models.parameters import Weight, map_weights, stored, with_stored
from sparsid.plants import PLANTS, Plant
from sparsid.processes import APRBS, PROCESSES, AbstractProcess, Stack, add_process
from sparsid.sparsify import METHODS, Method, Sparsifier
from sparsid.training import AbstractLoss, Constant, FreeRun, OneStep, Phase
from sparsid.training.losses import LOSSES


class Decay(AbstractArchitecture):
    """x(k+1) = x(k) + W [x(k); u(k)], with one matrix."""

    kind: Literal["decay"] = "decay"
    observes: ClassVar = "states"
    recipes: ClassVar = ("decay",)
    baselines: ClassVar = ("linear, one-step",)

    def arrays(self, observed, inputs):
        return {"matrix": ArraySpec((observed, observed + inputs), "first")}


class DecayModel(AbstractModel):
    matrix: Any
    lag: ClassVar = 1

    @classmethod
    def build(cls, architecture, scaled, *, key):
        n, m = len(scaled.normaliser.states.scale), len(scaled.normaliser.inputs.scale)
        return cls(Weight(jnp.zeros((n, n + m)), "first"))

    @classmethod
    def from_arrays(cls, architecture, arrays):
        return cls(Weight(arrays["matrix"], "first"))

    def arrays(self):
        return {"matrix": self.matrix.raw}

    def init(self, observed, inputs):
        return observed[0]

    def step(self, carry, u):
        return (carry + self.matrix @ jnp.concatenate([carry, u]).astype(self.matrix.dtype),) * 2

    def graph_and_rule(self, inputs, outputs):
        one, layer = np.ones(len(outputs)), GraphLayer(self.matrix, None, np.zeros(len(outputs)))
        return Graph((layer,), "relu", inputs, outputs), Increment(one, 0 * one, "euler")


def decay_recipe(request: Request) -> Recipe:
    epochs = max(round(40 * request.effort), 1)
    loss = FreeRun(window=10, stride=5)
    return Recipe("decay", Decay(), (Phase(epochs, Constant(0.03), loss=loss, batch=8),))


class Tank(AbstractProcess):
    """A stirred tank: T' = (T_feed - T) / residence, and the temperature in degF is measured."""

    facts: ClassVar = Plant(
        "tank",
        "any textbook of process control, a stirred tank of constant volume",
        10.0,
        Channels(("temperature",), ("degC",)),
        Channels(("reading",), ("degF",)),
        Channels(("feed",), ("degC",)),
    )
    box: ClassVar = {"temperature": (0.0, 100.0), "feed": (0.0, 100.0)}
    dependence: ClassVar = {"temperature": ("temperature", "feed")}
    residence: float = 100.0

    def flow(self, x, u):
        return (u - x) / self.residence

    def output(self, x, u):
        return 32 + 1.8 * x

    def initial_state(self, *, key):
        return jax.random.uniform(key, (1,), float, 20.0, 80.0)

    def excitation(self, *, dt):
        return Stack((APRBS(20.0, 80.0, 5, 20),))


class Bounded(Method):
    """No weight is larger than `most`: `bounded = {most = 0.1}`."""

    order: ClassVar = 65
    begins: ClassVar = "weights"
    trial: ClassVar = {"most": 0.4}
    most: float = Field(gt=0, description="the largest magnitude of a weight")

    def build(self) -> Sparsifier:
        return Sparsifier(
            init=lambda model, *, key: jnp.asarray(self.most, float), after_step=held_within
        )


def held_within(model, moments, state, clock, seen):
    def bound(weight):
        return with_stored(weight, jnp.clip(stored(weight), -state, state))

    return map_weights(bound, model), moments, state


class Huber(AbstractLoss):
    """The one-step error, squared up to `delta` and linear beyond: `loss = "huber"`."""

    needs: ClassVar = ONE_STEP
    delta: float = Field(default=1.0, gt=0, description="huber: larger errors count linearly")

    def examples(self, scaled):
        return OneStep().examples(scaled)

    def value(self, model, batch):
        inputs, targets = batch
        error = jnp.abs(model.one_step(inputs.T) - targets.T)
        beyond = self.delta * (2 * error - self.delta)
        return jnp.mean(jnp.where(error <= self.delta, error**2, beyond))


ADDED = (  # what is said, and the one line that makes it known
    ((Tank,), lambda: add_process(Tank)),
    ((Decay, DecayModel), lambda: add_kind("decay", Decay, DecayModel)),
    ((Bounded, held_within), lambda: METHODS.register("bounded")(Bounded)),
    ((Huber,), lambda: LOSSES.register("huber")(Huber)),
    ((decay_recipe,), lambda: RECIPES.register("decay")(RecipeKind("states", decay_recipe))),
)
REGISTRIES = (PROCESSES, PLANTS, ARCHITECTURES, MODELS, METHODS, LOSSES, RECIPES)


@pytest.fixture(autouse=True)
def registered(monkeypatch):
    for registry in REGISTRIES:
        monkeypatch.setattr(registry, "_objects", dict(registry._objects))
    for _, add in ADDED:
        add()


@pytest.mark.parametrize("added", [things for things, _ in ADDED], ids=lambda t: t[0].__name__)
def test_they_are_short(added):
    """At most 30 lines, blank ones and comments not counted."""
    lines = "".join(map(inspect.getsource, added)).splitlines()
    assert sum(bool(line.strip()) for line in lines) <= 30


def test_a_process_is_simulated_and_listed(tmp_path, capsys):
    assert (
        run("simulate", "tank", "--trajectories", 2, "--samples", 50, "--out", tmp_path / "t.nc")
        == 0
    )
    data = read(tmp_path / "t.nc")
    assert (data.states.names, data.outputs.units, data.dt) == (("temperature",), ("degF",), 10.0)
    for t in data:  # the exact solution over a sample, the feed held
        after = t.u[:-1] + (t.x[:-1] - t.u[:-1]) * np.exp(-0.1)
        np.testing.assert_allclose(t.x[1:], after, atol=1e-4)
        np.testing.assert_allclose(t.y, 32 + 1.8 * t.x, rtol=1e-9)
    assert run("processes") == 0
    assert "tank: any textbook" in capsys.readouterr().out
    for keeps in (
        test_processes.test_it_is_known_by_its_name,
        test_processes.test_every_channel_has_unit_and_bounds,
        test_processes.test_numpy_and_jax_agree,
        test_processes.test_stated_dependence_is_the_pattern_of_the_jacobian,
    ):
        keeps(Tank())


def fitted(folder, phase: str):
    """Weights of a small network that `sparsid fit` trains through `phase` on recorded data."""
    sparsid.data.write(plant(trajectories=4, samples=80), folder / "plant.nc")
    (folder / "fit.toml").write_text(
        f"""
        out = "{phase.count(" ")}{len(phase)}.sparsid"
        [data]
        files = ["plant.nc"]
        [model]
        widths = [4]
        [training]
        members = 2
        keep_best = false
        [[phase]]
        epochs = 5
        batch = 20
        rate = {{ rate = 1e-2 }}
        {phase}
        """
    )
    spec = sparsid.identify.read_spec(folder / "fit.toml")
    assert run("fit", folder / "fit.toml") == 0
    return [w for _, w in load(spec.out).weights()]


def test_a_method_is_a_key_of_a_phase(tmp_path):
    found = fitted(tmp_path, "bounded = { most = 0.1 }")
    assert all(np.abs(w).max() == np.float32(0.1) for w in found)
    assert all(np.abs(w).max() > 0.1 for w in fitted(tmp_path, ""))
    tables = {"data": {"files": ["a.csv"], "states": ["x"]}}
    for phase, content in (
        ({"bounded": {"msot": 1}}, r"Unknown key 'msot'; known: most"),
        ({"bounded": {"most": 0}}, r"`phase.bounded.most` is invalid .*greater than 0"),
        ({"bound": {"most": 1}}, r"Unknown key 'bound'; known: .*, bounded, .*mean 'bounded'"),
    ):
        with pytest.raises(ValueError, match=content):
            parse(FitSpec, tables | {"phase": [{"epochs": 1} | phase]}, "fit")
    train = scaled_plant(trajectories=1, samples=31)
    for keeps in (
        test_sparsifiers.test_a_phase_begins_as_declared,
        test_sparsifiers.test_hooks_after_a_step_keep_layout_and_precision,
    ):
        method = test_sparsifiers.tried("bounded")
        given = {"train": train, "method": method.build(), "methods": (method,)}
        keeps(**{name: given[name] for name in inspect.signature(keeps).parameters})


def test_a_loss_is_named_in_a_phase_and_has_keys_there(tmp_path):
    plain = fitted(tmp_path, "")
    wide = fitted(tmp_path, 'loss = "huber"\n        delta = 1e6')
    narrow = fitted(tmp_path, 'loss = "huber"\n        delta = 1e-2')
    for a, b, c in zip(plain, wide, narrow, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-5)  # all errors are squared
        assert not np.allclose(a, c, rtol=1e-2, atol=1e-2)
    tables = {"data": {"files": ["a.csv"], "outputs": ["y"]}, "model": {"kind": "narx"}}
    with pytest.raises(ValueError, match="increments predicted one step ahead"):
        parse(FitSpec, tables | {"phase": [{"epochs": 1, "loss": "huber"}]}, "fit")
    with pytest.raises(ValueError, match=r"Unknown loss 'hubr'; known: free-run, huber"):
        parse(FitSpec, tables | {"phase": [{"epochs": 1, "loss": "hubr"}]}, "fit")


def test_a_model_of_that_kind_is_fitted_judged_saved_loaded_and_read(tmp_path):
    data = plant(trajectories=4, samples=80)
    result = sparsid.fit(data, model=Decay(), members=2, effort=2.0)
    assert result.chosen.name == "decay"
    assert [candidate.name for candidate in result.linear] == ["linear, one-step"]
    assert result.chosen.validation < 0.5  # standard deviations: the plant is nearly linear
    result.ensemble.save(tmp_path / "decay.sparsid")
    again = load(tmp_path / "decay.sparsid")
    assert again.card.architecture == Decay()
    np.testing.assert_array_equal(forecast(again, data), forecast(result.ensemble, data))
    assert sparsity(again).nonzero == (6, 6)
    assert structure(again, data).links.all()


def test_a_specification_may_name_that_kind_and_is_refused_like_any_other():
    tables = {"data": {"files": ["a.csv"], "states": ["x"]}}
    assert parse(FitSpec, tables | {"model": {"kind": "decay"}}, "fit").model == Decay()
    with pytest.raises(ValueError, match=r"Unknown key 'widths'; known: kind"):
        parse(FitSpec, tables | {"model": {"kind": "decay", "widths": [3]}}, "fit")
    with pytest.raises(ValueError, match=r"Unknown kind of model 'decy'; known: decay, .*decay"):
        parse(FitSpec, tables | {"model": {"kind": "decy"}}, "fit")


def test_a_recipe_may_be_asked_for_by_name():
    result = sparsid.fit(plant(trajectories=4, samples=80), recipe="decay", members=1, effort=0.1)
    assert result.chosen.name == "decay"
    assert result.ensemble.card.training["recipe"] == "decay"
    with pytest.raises(ValueError, match=r"Unknown recipe 'decai'; known: auto, decay, .*decay"):
        sparsid.fit(plant(), recipe="decai")
