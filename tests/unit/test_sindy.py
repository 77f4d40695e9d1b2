"""The PySINDy baseline against coefficients worked out by hand, PySINDy's own door, plain loops."""

import importlib.util
import sys
import warnings

import numpy as np
import pytest

from sparsid._errors import MissingExtraError, SparsidError
from sparsid.data import Dataset, Normaliser
from sparsid.identify import sindy
from sparsid.identify.sindy import fit_sindy

needs_pysindy = pytest.mark.skipif(
    importlib.util.find_spec("pysindy") is None,
    reason="PySINDy is not installed; pip install 'sparsid[sindy]' brings it",
)

# Increments c + L z + z' Q z of two states under one input, z = (x1, x2, u), in physical units.
CONSTANT = np.array([0.4, 0.0])
LINEAR = np.array([[-0.1, 0.05, 0.0], [0.0, -0.2, 0.1]])
QUADRATIC = np.zeros((2, 3, 3))
QUADRATIC[0, 1, 2] = 0.02  # x2 u
QUADRATIC[1, 0, 0] = -0.01  # x1^2


def increment(z, quadratic):
    """Increments (..., 2) from z (..., 3)."""
    return CONSTANT + z @ LINEAR.T + np.einsum("...i,sij,...j->...s", z, quadratic, z)


def records(quadratic, *, trajectories=3, samples=80, seed=0) -> Dataset:
    rng = np.random.default_rng(seed)
    u = rng.uniform(-1, 3, (trajectories, samples, 1))
    x = np.zeros((trajectories, samples, 2))
    x[:, 0] = rng.uniform(-2, 4, (trajectories, 2))
    for k in range(samples - 1):
        x[:, k + 1] = x[:, k] + increment(np.hstack([x[:, k], u[:, k]]), quadratic)
    names = {"state_names": ["a", "b"], "input_names": ["q"]}
    return Dataset.from_arrays(x=x, u=u, dt=0.5, **names)


def in_scaled_numbers(train: Dataset, quadratic) -> dict[str, np.ndarray]:
    """The coefficients of each term after z = o + s * scaled: expanded by hand."""
    scale = Normaliser.fit(train)
    o = np.append(scale.states.offset, scale.inputs.offset)
    s = np.append(scale.states.scale, scale.inputs.scale)
    both = quadratic + np.swapaxes(quadratic, 1, 2)
    names, made = ("a", "b", "q"), {}
    made["1"] = increment(o, quadratic) - scale.increments.offset
    for i in range(3):
        made[names[i]] = (LINEAR[:, i] + both[:, i] @ o) * s[i]
        made[f"{names[i]}^2"] = quadratic[:, i, i] * s[i] ** 2
        for j in range(i):
            made[f"{names[j]} {names[i]}"] = both[:, i, j] * s[i] * s[j]
    return {name: column / scale.increments.scale for name, column in made.items()}


@needs_pysindy
@pytest.mark.parametrize(
    ("library", "quadratic", "terms"),
    [("linear", 0 * QUADRATIC, 4), ("quadratic", QUADRATIC, 10)],
)
def test_a_known_system_is_recovered(library, quadratic, terms):
    # Many, for PySINDy's small ridge to fade; short, for constants far above the threshold.
    train = records(quadratic, trajectories=400, samples=8)
    model = fit_sindy(train, library=library, threshold=1e-4)
    right = in_scaled_numbers(train, quadratic)
    assert len(model.names) == terms
    assert set(model.names) <= set(right)
    expected = np.column_stack([right[name] for name in model.names])
    expected = np.where(np.abs(expected) > 1e-9, expected, 0)
    np.testing.assert_allclose(model.coefficients, expected, atol=1e-9)
    assert model.terms == 2 * terms
    assert model.nonzero == np.count_nonzero(expected)
    test = records(quadratic, seed=1)
    x, _, u = test.padded()
    np.testing.assert_allclose(model.run(x[:, 0], u), x, atol=1e-6)


@needs_pysindy
@pytest.mark.parametrize("threshold", [0.02, 0.1])
def test_the_fit_is_what_pysindy_gives_by_its_own_door(monkeypatch, threshold):
    import pysindy

    monkeypatch.setattr(sindy, "CHUNK", 100)  # several chunks
    exact = records(QUADRATIC)
    rng = np.random.default_rng(2)
    noisy = Dataset.from_arrays(
        x=[t.x + 0.1 * rng.normal(size=t.x.shape) for t in exact],
        u=[t.u for t in exact],
        dt=exact.dt,
    )
    ours = fit_sindy(noisy, library="quadratic", threshold=threshold)
    scaled = Normaliser.fit(noisy).apply(noisy)
    theirs = pysindy.SINDy(
        optimizer=pysindy.STLSQ(threshold=threshold),
        feature_library=pysindy.PolynomialLibrary(degree=2),
    ).fit(
        [t.x[:-1] for t in scaled.scaled],
        t=1.0,
        x_dot=scaled.increments(),
        u=[t.u[:-1] for t in scaled.scaled],
    )
    np.testing.assert_allclose(ours.coefficients, theirs.coefficients(), atol=1e-10)
    assert 0 < ours.nonzero < ours.terms


@needs_pysindy
@pytest.mark.parametrize("library", ["linear", "quadratic"])
def test_a_run_is_a_plain_loop(library):
    train = records(QUADRATIC)
    model = fit_sindy(train, library=library)
    scale = Normaliser.fit(train)
    x, _, u = records(QUADRATIC, seed=3).padded()
    runs = model.run(x[:, 0], u)
    assert runs.dtype == np.float64
    for run, start, inputs in zip(runs, x[:, 0], u, strict=True):
        state = start
        for k in range(len(inputs)):
            np.testing.assert_allclose(run[k], state, rtol=1e-10, atol=1e-12)
            z = np.append(scale.states.apply(state), scale.inputs.apply(inputs[k]))
            rise = np.zeros(2)
            for powers, column in zip(model.powers, model.coefficients.T, strict=True):
                rise += column * np.prod(z**powers)
            state = state + scale.increments.undo(rise)
    other = u.copy()
    other[:, -1] = 1e6  # the last input is not used
    np.testing.assert_array_equal(model.run(x[:, 0], other), runs)


@needs_pysindy
def test_a_system_without_inputs():
    rng = np.random.default_rng(0)
    x = np.zeros((4, 40, 2))
    x[:, 0] = rng.normal(size=(4, 2))
    turn = np.array([[0.95, 0.1], [-0.1, 0.95]])
    for k in range(39):
        x[:, k + 1] = x[:, k] @ turn.T
    model = fit_sindy(Dataset.from_arrays(x=x, dt=1), library="linear", threshold=1e-6)
    np.testing.assert_allclose(model.run(x[:, 0], np.zeros((4, 40, 0))), x, atol=1e-9)


@needs_pysindy
def test_a_run_that_diverges_is_a_result_and_disturbs_no_other():
    model = fit_sindy(records(QUADRATIC), library="quadratic")
    u = np.ones((2, 400, 1))
    start = np.array([[1.0, 1.0], [1e30, -1e30]])
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        runs = model.run(start, u)
    assert not np.isfinite(runs[1, -1]).any()
    np.testing.assert_allclose(runs[0], model.run(start[:1], u[:1])[0], rtol=1e-12)


@needs_pysindy
def test_a_threshold_above_everything_leaves_nothing_without_a_word():
    train = records(QUADRATIC)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        model = fit_sindy(train, library="quadratic", threshold=1e6)
    assert model.nonzero == 0
    x, _, u = train.padded()
    steps = np.diff(model.run(x[:, 0], u), axis=1)
    mean = np.concatenate([np.diff(t.x, axis=0) for t in train]).mean(axis=0)
    np.testing.assert_allclose(steps, np.broadcast_to(mean, steps.shape), atol=1e-12)


@needs_pysindy
@pytest.mark.parametrize(
    ("start", "u"),
    [((3,), (3, 5, 1)), ((3, 2), (2, 5, 1)), ((3, 2), (3, 5, 2)), ((3, 2), (3, 0, 1))],
)
def test_shapes_that_do_not_fit_are_refused(start, u):
    model = fit_sindy(records(QUADRATIC), library="linear")
    with pytest.raises(SparsidError, match=r"`start` of shape \(trajectory, 2\).*got \(3,"):
        model.run(np.zeros(start), np.zeros(u))


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"library": "cubic"}, "Unknown library 'cubic'; known: linear, quadratic"),
        ({"library": "linear", "threshold": -1.0}, "`threshold` must be .* got -1"),
        ({"library": "linear", "threshold": np.nan}, "`threshold` must be .* got nan"),
    ],
)
def test_bad_options_are_refused(options, words):
    with pytest.raises(SparsidError, match=words):
        fit_sindy(records(QUADRATIC), **options)


def test_data_that_cannot_do_is_refused():
    outputs = Dataset.from_arrays(y=np.zeros((1, 50, 1)), dt=1)
    with pytest.raises(SparsidError, match="measured states"):
        fit_sindy(outputs, library="linear")
    short = records(QUADRATIC, trajectories=2, samples=5)
    with pytest.raises(SparsidError, match=r"10 terms for 3 channels .* the data has 8"):
        fit_sindy(short, library="quadratic")


def test_without_pysindy_the_extra_is_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "pysindy", None)
    with pytest.raises(MissingExtraError, match=r"sparsid\[sindy\]"):
        fit_sindy(records(QUADRATIC), library="linear")
