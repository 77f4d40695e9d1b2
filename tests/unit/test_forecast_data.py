"""Data that reaches a model in another order, or does not fit: forecasts, scores, structure."""

from dataclasses import replace

import jax
import numpy as np
import pytest

from sparsid._errors import SparsidError
from sparsid.data import Channels, Dataset, Normaliser
from sparsid.evaluation import (
    alone_errors,
    forecast,
    free_run_errors,
    matched,
    score,
    state_equations,
    structure,
)
from sparsid.identify import simulation_errors
from sparsid.identify.parts import split
from sparsid.models import NARX, Card, DerivativeMLP, Ensemble

LENGTHS = (30, 25)


def recorded(kind: str = "state") -> Dataset:
    """Two observed channels and two inputs that no reordering leaves as they are."""
    rng = np.random.default_rng(0)
    observed = [rng.normal(size=(n, 2)) * [2.0, 50.0] + [0, 300] for n in LENGTHS]
    letter = {"state": "x", "output": "y"}[kind]
    return Dataset.from_arrays(
        **{letter: observed, f"{kind}_names": ["h", "T"], f"{kind}_units": ["m", "K"]},
        u=[rng.normal(size=(n, 2)) * [4.0, 0.1] for n in LENGTHS],
        dt=4,
        input_names=["Q", "v"],
        input_units=["kW", None],
    )


def untrained(architecture, data: Dataset, members: int = 2) -> Ensemble:
    normaliser = Normaliser.fit(data)
    scaled = normaliser.apply(data)
    keys = jax.random.split(jax.random.key(3), members)
    models = jax.vmap(lambda key: architecture.build(scaled, key=key))(keys)
    return Ensemble.of(models, normaliser, Card.describing(data, architecture), members)


@pytest.fixture(scope="module")
def data():
    return recorded()


@pytest.fixture(scope="module")
def ensemble(data):
    return untrained(DerivativeMLP(widths=(4,), activation="relu"), data)


@pytest.fixture(scope="module")
def recurrent():
    return untrained(NARX(widths=(3,), output_lags=2), recorded("output").outputs_as_states())


def numbers(ensemble: Ensemble, data: Dataset) -> list[np.ndarray]:
    """All that is computed of a model on data."""
    scores = score(ensemble, data, [10, 30])
    found = [forecast(ensemble, data), free_run_errors(ensemble, data)]
    found += simulation_errors(ensemble, data)
    found += [scores[10].error, scores[30].error, structure(ensemble, data).sensitivity]
    if isinstance(ensemble.card.architecture, DerivativeMLP):
        found.append(alone_errors(ensemble, data))
        for equation in state_equations(ensemble, 0, data):
            found.append(
                np.array([(*p.coefficients, p.constant, p.share) for p in equation.pieces])
            )
    return found


def check_same(found: list[np.ndarray], expected: list[np.ndarray]) -> None:
    for one, other in zip(found, expected, strict=True):
        np.testing.assert_array_equal(one, other)


def test_channels_are_found_by_name(ensemble, data):
    turned = data.select(states=["T", "h"], inputs=["v", "Q"])
    assert turned[0].x[0, 0] == data[0].x[0, 1]
    check_same(numbers(ensemble, turned), numbers(ensemble, data))
    # Channels that the model does not know change nothing either.
    rows = [np.column_stack([np.ones(n), t.x, t.x]) for n, t in zip(LENGTHS, data, strict=True)]
    more = Dataset.from_arrays(
        x=rows,
        y=[row[:, :1] for row in rows],
        u=[t.u for t in data],
        dt=4,
        state_names=["a", "h", "T", "b", "c"],
        input_names=["Q", "v"],
    )
    check_same(numbers(ensemble, more), numbers(ensemble, data))


def test_free_runs_start_from_the_records_own_first_state(ensemble, data):
    """Swapped on purpose, against the member's own rollout of the arrays in the model's order."""
    turned = data.select(states=["T", "h"], inputs=["v", "Q"])
    for member, runs in zip(ensemble, forecast(ensemble, turned), strict=True):
        expected = member.rollout(data[1].x[0], data[1].u)
        np.testing.assert_allclose(runs[1, : LENGTHS[1]], expected, rtol=1e-12)


def units(data: Dataset, *of_states: str | None) -> Dataset:
    return replace(data, states=Channels(data.states.names, of_states))


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda d: replace(d, dt=60.0), ["sampling time", "4 s", "60 s"]),
        (lambda d: replace(d, states=Channels(("h", "p"))), ["lacks the state T", "h, p"]),
        (lambda d: replace(d, inputs=Channels(("Q", "w"))), ["lacks the input v", "Q, w"]),
        (lambda d: replace(d, inputs=Channels(("T", "h"))), ["lacks the input Q, v"]),
        (lambda d: d.select(inputs=["Q"]), ["lacks the input v"]),
        (lambda d: units(d, "m", "degC"), ["T", "in K", "in degC", "convert"]),
        (lambda d: recorded("output"), ["lacks the state h, T", "h is an output"]),
    ],
)
@pytest.mark.parametrize(
    "judge",
    [
        forecast,
        free_run_errors,
        alone_errors,
        structure,
        lambda ensemble, data: score(ensemble, data, [10]),
        lambda ensemble, data: state_equations(ensemble, 0, data),
    ],
    ids=["forecast", "free_run_errors", "alone_errors", "structure", "score", "laws"],
)
def test_data_that_does_not_fit_is_refused_in_a_sentence(ensemble, data, judge, spoil, words):
    with pytest.raises(SparsidError) as refusal:
        judge(ensemble, spoil(data))
    assert all(word in str(refusal.value) for word in words), str(refusal.value)


def test_a_unit_that_one_side_does_not_state_fits(ensemble, data):
    silent = units(data, None, "K")
    np.testing.assert_array_equal(forecast(ensemble, silent), forecast(ensemble, data))
    _, notes = matched(ensemble.card, silent)
    assert len(notes) == 1
    assert "states no unit for h [m]" in notes[0]


def test_a_model_of_outputs_runs_on_a_dataset_of_outputs(recurrent):
    data = recorded("output")
    expected = numbers(recurrent, data.outputs_as_states())
    check_same(numbers(recurrent, data), expected)
    check_same(numbers(recurrent, data.select(outputs=["T", "h"], inputs=["v", "Q"])), expected)
    with pytest.raises(SparsidError, match="lacks the output T"):
        forecast(recurrent, data.select(outputs=["h"]))


def test_a_model_of_outputs_prefers_outputs_to_states_of_their_names(recurrent):
    data = recorded("output")
    both = Dataset.from_arrays(
        x=[np.zeros_like(t.y) for t in data],
        y=[t.y for t in data],
        u=[t.u for t in data],
        dt=4,
        state_names=data.outputs.names,
        output_names=data.outputs.names,
        input_names=data.inputs.names,
    )
    np.testing.assert_array_equal(forecast(recurrent, both), forecast(recurrent, data))


def test_what_is_matched_already_is_matched_to_itself(ensemble, data):
    fitting, notes = matched(ensemble.card, data)
    assert notes == []
    assert matched(ensemble.card, fitting)[0].digest() == fitting.digest() == data.digest()


def test_parts_given_apart_take_the_order_of_the_training_data(data):
    turned = data.select(states=["T", "h"], inputs=["v", "Q"])
    parts = split(data, validation=turned, test=turned)
    assert parts.validation.digest() == parts.test.digest() == data.digest()
    assert split(data, validation=0.2, test=data).test is data
    with pytest.raises(SparsidError, match=r"in K in the training data and in degC"):
        split(data, validation=0.2, test=units(data, "m", "degC"))
    with pytest.raises(SparsidError, match="sampling time of the training data"):
        split(data, validation=replace(data, dt=5.0), test=0.2)
