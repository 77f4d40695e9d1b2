"""What every registered loss keeps, with every kind of model that can do what it needs."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tests.by_hand import scaled_plant

from sparsid._errors import SparsidError
from sparsid._tables import parse
from sparsid.architectures import ARCHITECTURES
from sparsid.architectures.capabilities import check_serves
from sparsid.identify.phase_spec import PhaseSpec
from sparsid.models.parameters import resolve
from sparsid.training.losses import LOSSES

PAIRS = [(loss, kind) for loss in LOSSES for kind in ARCHITECTURES]


def served(loss, kind) -> bool:
    need = LOSSES[loss].needs
    return need is None or need.capability in ARCHITECTURES[kind].can


@pytest.fixture(scope="module")
def train():
    return scaled_plant(trajectories=2, samples=201)


@pytest.fixture(scope="module", params=LOSSES)
def name(request):
    return request.param


def cast(examples):
    return jax.tree.map(lambda array: jnp.asarray(array, jnp.float32), examples)


def test_examples_are_float64_and_as_many_in_every_array(train, name):
    leaves = jax.tree.leaves(LOSSES[name]().examples(train))
    assert all(leaf.dtype == np.float64 and np.isfinite(leaf).all() for leaf in leaves)
    assert len({len(leaf) for leaf in leaves}) == 1
    assert len(leaves[0]) > 10


@pytest.mark.parametrize(("name", "kind"), PAIRS)
def test_its_value_is_a_mean_with_a_slope_wherever_a_model_serves_it(train, name, kind):
    loss, architecture = LOSSES[name](), ARCHITECTURES[kind](kind=kind)
    if not served(name, kind):
        with pytest.raises(SparsidError, match="does not offer"):
            check_serves(architecture, loss)
        return
    check_serves(architecture, loss)
    loss.check(train, lag=architecture.lag)
    model = resolve(architecture.build(train, key=jax.random.key(0)))
    examples = cast(loss.examples(train))
    halves = [jax.tree.map(lambda array, at=at: array[at : at + 6], examples) for at in (0, 6)]
    whole, slope = jax.value_and_grad(loss.value, allow_int=True)(
        model, jax.tree.map(lambda array: array[:12], examples)
    )
    assert whole.shape == ()
    assert whole > 0
    np.testing.assert_allclose(whole, np.mean([loss.value(model, h) for h in halves]), rtol=1e-5)
    floats = [leaf for leaf in jax.tree.leaves(slope) if leaf.dtype == jnp.float32]
    assert all(np.isfinite(leaf).all() for leaf in floats)
    assert any(leaf.any() for leaf in floats)


def test_equal_options_are_one_program_and_a_phase_names_it(name):
    kind = LOSSES[name]
    assert kind() == kind()
    assert hash(kind()) == hash(kind())
    phase = parse(PhaseSpec, {"epochs": 1, "loss": name}, "test")
    assert phase.build().loss == kind()
    assert phase.needs is kind.needs
