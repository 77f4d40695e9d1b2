"""What every registered recipe keeps: its architecture serves its phases, effort prolongs them."""

import pytest
from tests.by_hand import plant

from sparsid.architectures import ARCHITECTURES
from sparsid.architectures.capabilities import check_serves
from sparsid.data import Dataset
from sparsid.identify.kinds import RECIPES
from sparsid.identify.recipes import Request


@pytest.fixture(scope="module", params=RECIPES)
def name(request):
    return request.param


@pytest.fixture(scope="module")
def data(name) -> Dataset:
    """States, or outputs in their place, as the recipe takes them: ten records of 400 samples."""
    whole = plant(trajectories=10, samples=400)
    if RECIPES[name].observes == "states":
        return whole
    y, u = [t.x[:, :1] for t in whole], [t.u for t in whole]
    return Dataset.from_arrays(y=y, u=u, dt=whole.dt).outputs_as_states()


def made(name, data, **more):
    return RECIPES[name].make(Request(data[:8], data[8:], **more))


def test_it_trains_its_architecture_on_what_it_is_for(name, data):
    recipe = made(name, data)
    assert recipe.architecture.observes == RECIPES[name].observes
    assert bool(recipe.phases) != (recipe.own_training is not None)
    for phase in recipe.phases:
        check_serves(recipe.architecture, phase)
    assert recipe.restarts >= 1


def test_effort_makes_phases_longer(name, data):
    short, long = (made(name, data, effort=effort) for effort in (1e-4, 1.0))
    for one, other in zip(short.phases, long.phases, strict=True):
        assert 1 <= one.epochs < other.epochs


def test_the_users_architecture_takes_the_place_of_its_own(name, data):
    own = made(name, data).architecture
    again = made(name, data, model=own.model_copy(update={"widths": (3,)}))
    assert again.architecture.widths == (3,)
    assert type(again.architecture) is type(own)


def test_kinds_of_models_name_recipes_for_what_they_simulate():
    for kind in ARCHITECTURES:
        for recipe in ARCHITECTURES[kind].recipes:
            assert RECIPES[recipe].observes == ARCHITECTURES[kind].observes
