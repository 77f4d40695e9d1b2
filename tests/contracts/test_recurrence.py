"""What every model's recurrence promises: the simulator's runs, exact derivatives, a pattern."""

import functools
from itertools import product
from types import SimpleNamespace

import jax
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree
from tests.by_hand import scaled_plant

from sparsid.architectures import ARCHITECTURES
from sparsid.models import (
    NARX,
    Card,
    DerivativeMLP,
    Ensemble,
    recurrence_of,
    widened,
)
from sparsid.models.parameters import is_parameter, is_weight, with_stored

STEPS, CANDIDATES = 1000, 80
CLIPS = [("none", 0.1), *product(("hidden", "all", "linear"), (0.0, 0.1))]


def derivative(stepper, clip, per_state, skip, bias, **more):
    (where, margin), widths = clip, (5, 4)
    options = {"clip": where, "clip_margin": margin, "per_state": per_state, "bias": bias}
    return DerivativeMLP(widths=widths, stepper=stepper, skip=skip, **options, **more)


def cases():
    """Name, architecture and whether it runs by default: every stepper with every clip does."""
    steppers, flags = ("euler", "rk4"), list(product((False, True), repeat=3))
    chosen = {0: (0, 3, 5), 1: (6, 1, 2)}  # flags of each that run by default
    for (i, stepper), (j, clip), (k, rest) in product(*map(enumerate, (steppers, CLIPS, flags))):
        name = f"{stepper} {clip[0]} {clip[1]:g} " + "".join("-+"[flag] for flag in rest)
        yield name, derivative(stepper, clip, *rest), chosen[i][j % 3] == k
    for activation in ("tanh", "silu", "binary"):
        made = derivative("rk4", ("linear", 0.1), True, True, True, activation=activation)
        yield f"rk4 {activation}", made, True
    for kind in ARCHITECTURES:
        yield f"default {kind}", ARCHITECTURES[kind](kind=kind), True
    yield "linear", DerivativeMLP(widths=()), True
    yield "linear rk4", DerivativeMLP(widths=(), stepper="rk4", skip=True), True
    lags = ((1, 1, 1), (3, 1, 1), (1, 4, 2), (2, 3, 3))
    for (i, each), (j, (skip, bias)) in product(
        enumerate(lags), enumerate(product((False, True), repeat=2))
    ):
        details = dict(zip(("output_lags", "input_lags", "delay"), each, strict=True))
        name = f"narx {each} {'-+'[skip]}{'-+'[bias]}"
        yield name, NARX(widths=(5, 4), skip=skip, bias=bias, **details), i == j
    yield "narx linear", NARX(widths=(), activation="relu"), True


CASES = {name: (architecture, quick) for name, architecture, quick in cases()}


def drawn(node, rng):
    """Sparse weights of every candidate; feedback through ReLU units is negative in every other."""
    if not is_parameter(node):  # a bias
        return np.float32(0.3 * rng.normal(size=(CANDIDATES, *node.shape)))
    if not is_weight(node):
        return jax.tree.map(lambda leaf: np.stack([leaf] * CANDIDATES), node)
    shape = (CANDIDATES, *np.shape(node.value()))
    values = rng.normal(size=shape) * (rng.random(shape) < 0.75) / np.sqrt(shape[-1])
    sign = -1 if node.role in ("output", "direct") else 1
    values[::2] = sign * np.abs(values[::2])
    return with_stored(node, np.float32(values))


@functools.cache
def made(name) -> SimpleNamespace:
    """A sparse random member whose free run moves, stays bounded and forgets its start."""
    architecture, _ = CASES[name]
    train = scaled_plant(trajectories=1, samples=STEPS + 10)
    rng = np.random.default_rng(list(name.encode()))
    model = architecture.build(train, key=jax.random.key(0))
    card = Card.describing(train.physical, architecture)
    (record,), scale, lag = train.physical, train.normaliser.states.scale, model.lag
    u = record.u[: lag + STEPS]
    best, narrow = 0.2, None
    for _ in range(12):
        stacked = jax.tree.map(lambda node: drawn(node, rng), model, is_leaf=is_parameter)
        ensemble = Ensemble.of(stacked, train.normaliser, card, CANDIDATES)
        apart = apart_at_the_end(ensemble, record, u, scale)
        if apart.min() < best:
            best, narrow = apart.min(), ensemble.pick([int(apart.argmin())])
        if best < 1e-3:
            break
    assert narrow is not None
    return SimpleNamespace(
        narrow=narrow, wide=widened(narrow), record=record, u=u, scale=scale, lag=lag
    )


def apart_at_the_end(ensemble, record, u, scale):
    """How far apart two starts end, in standard deviations; inf where runs are wide or still."""
    lag = ensemble.lag
    starts = np.stack([record.x[:lag], record.x[5 : 5 + lag]])
    with np.errstate(over="ignore", invalid="ignore"):
        runs = ensemble.run(starts[:, 0] if lag == 1 else starts, np.stack([u, u])) / scale
        apart = np.abs(runs[:, 0, -1] - runs[:, 1, -1]).max(axis=-1)
        wide = np.abs(runs - record.x.mean(axis=0) / scale).max(axis=(1, 2, 3))
        moves = runs[:, 0, lag:].std(axis=1).max(axis=-1)
        return np.where((wide < 20) & (moves > 0.03), apart, np.inf)


@pytest.fixture(
    scope="module",
    params=[
        pytest.param(name, marks=() if quick else pytest.mark.slow)
        for name, (_, quick) in CASES.items()
    ],
)
def case(request):
    return made(request.param)


def run_of(case, ensemble) -> tuple[np.ndarray, np.ndarray]:
    """(by the simulator, by the recurrence) from the same rows, in standard deviations."""
    start = case.record.x[: case.lag]
    wanted = ensemble.members[0].rollout(start[0] if case.lag == 1 else start, case.u)
    recurrence = recurrence_of(ensemble, 0)
    carry = recurrence.init(start, case.u[: case.lag])
    got = recurrence.run(carry, case.u[case.lag - 1 : -1])
    assert len(got) == STEPS
    return wanted[case.lag :] / case.scale, got / case.scale


def test_it_runs_as_the_simulator_does(case):
    wanted, got = run_of(case, case.wide)
    np.testing.assert_allclose(got, wanted, rtol=0, atol=1e-12)


def test_it_runs_as_the_simulator_of_float32_does_nearly(case):
    wanted, got = run_of(case, case.narrow)
    np.testing.assert_allclose(got, wanted, rtol=0, atol=1e-5)


def points(case, recurrence):
    """Carries and inputs in the box of the training data, at its edge, and far outside."""
    rng = np.random.default_rng(0)
    carries = rng.normal(size=(24, len(recurrence.carry_names)))
    u = rng.normal(size=(24, 1)) * recurrence.inputs.scale + recurrence.inputs.offset
    return carries * np.array([0.5, 1.5, 6.0] * 8)[:, None], u


def central_differences(step, carries, u):
    """Derivatives of (later carry, y) by carry and u; no jump lies within a difference."""
    both, size, off = np.hstack([carries, u]), carries.shape[1], 2.0**-20
    ahead, behind = (
        [step(*np.split(both + sign * off * row, [size], axis=1)) for row in np.eye(both.shape[1])]
        for sign in (1, -1)
    )
    parts = [
        np.stack([(a[part] - b[part]) / (2 * off) for a, b in zip(ahead, behind, strict=True)], -1)
        for part in (0, 1)
    ]
    return [np.split(part, [size], axis=-1) for part in parts]


def test_its_derivatives_are_those_of_the_simulator(case):
    """By forward differentiation of `Simulator.step`; and its carry is laid out alike."""
    simulator, recurrence = case.wide.members[0], recurrence_of(case.wide, 0)
    rows, inputs = case.record.x[: case.lag], case.record.u[: case.lag]
    with jax.enable_x64(True):
        flat, shaped = ravel_pytree(simulator.init(rows, inputs))
        np.testing.assert_allclose(recurrence.init(rows, inputs), flat, rtol=1e-13, atol=1e-13)

        def step(carry, u):
            later, y = simulator.step(shaped(carry), u)
            return ravel_pytree(later)[0], y

        carries, u = points(case, recurrence)
        exact = case.wide.card.architecture.activation != "binary"  # that has a surrogate slope
        if exact:
            slopes = jax.jit(jax.vmap(jax.jacfwd(step, argnums=(0, 1))))(carries, u)
        else:
            slopes = central_differences(jax.jit(jax.vmap(step)), carries, u)
    noise, pattern = 1e-11 if exact else 1e-6, recurrence.pattern()
    for at, (carry, u_k) in enumerate(zip(carries, u, strict=True)):
        wanted = [np.asarray(part)[at] for row in slopes for part in row]
        size = max(np.abs(true).max(initial=0.0) for true in wanted)
        for got, true, may in zip(recurrence.jacobian(carry, u_k), wanted, pattern, strict=True):
            np.testing.assert_allclose(got, true, rtol=1e-9, atol=noise * size)
            assert (np.abs(true[~may]) <= (0 if exact else noise * size)).all()
            assert not got[~may].any()


def test_names_units_and_box_are_the_cards(case):
    recurrence, card = recurrence_of(case.wide, 0), case.wide.card
    assert (recurrence.observed.names, recurrence.observed.units) == (
        card.states.names,
        card.states.units,
    )
    assert (recurrence.inputs.names, recurrence.inputs.units) == (
        card.inputs.names,
        card.inputs.units,
    )
    assert (recurrence.dt, recurrence.lag) == (card.dt, case.lag)
    rows, u = case.record.x, case.record.u
    for at in range(case.lag - 1, len(rows)):  # no row of the training data is outside its box
        last = slice(at + 1 - case.lag, at + 1)
        assert not recurrence.outside(recurrence.init(rows[last], u[last]), u[at])
    inside = recurrence.init(rows[: case.lag], u[: case.lag])
    assert recurrence.outside(inside, u.max(axis=0) + 1e-9)
    for entry, name in enumerate(recurrence.carry_names):
        channel = name.partition("(")[0]
        column = {"x1": rows[:, 0], "x2": rows[:, 1], "u1": u[:, 0]}[channel]
        scaled = (column.max() - recurrence.carry_offset[entry]) / recurrence.carry_scale[entry]
        outer = inside.copy()
        outer[entry] = scaled + 1e-6
        assert recurrence.outside(outer, u[0])
