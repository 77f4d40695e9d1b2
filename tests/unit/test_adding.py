"""A kind of model and a recipe added from outside, each in a few lines: everything then knows them.

Formats, activations and recurrences have tests of their own.
"""

import inspect
from typing import Any, ClassVar, Literal

import jax.numpy as jnp
import numpy as np
import pytest
from tests.by_hand import plant

import sparsid
from sparsid._registry import Registry
from sparsid._tables import parse
from sparsid.architectures import ARCHITECTURES, MODELS, AbstractArchitecture, ArraySpec
from sparsid.evaluation import forecast, sparsity, structure
from sparsid.graph import Graph, GraphLayer, Increment
from sparsid.identify import FitSpec
from sparsid.identify.kinds import RECIPES
from sparsid.identify.recipes import Recipe, RecipeKind, Request
from sparsid.models import AbstractModel, load
from sparsid.models.parameters import Weight
from sparsid.training import Constant, FreeRun, Phase


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


@pytest.fixture(autouse=True)
def registered():
    registries: tuple[Registry, ...] = (ARCHITECTURES, MODELS, RECIPES)
    added = (Decay, DecayModel, RecipeKind("states", decay_recipe))
    for registry, thing in zip(registries, added, strict=True):
        registry.register("decay")(thing)
    yield
    for registry in registries:
        del registry._things["decay"]


def test_they_are_short():
    """A kind of model, options and computation together, and a recipe: at most 30 lines each."""
    for added in ((Decay, DecayModel), (decay_recipe,)):
        lines = "".join(map(inspect.getsource, added)).splitlines()
        assert sum(bool(line.strip()) for line in lines) <= 30


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
