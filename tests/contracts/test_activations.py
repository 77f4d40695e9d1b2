"""What every registered activation promises: value, slope and text in C agree."""

import ctypes
import inspect
import shutil
import subprocess

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from tests.by_hand import scaled_plant

from sparsid.graph.activations import ACTIVATIONS, Activation
from sparsid.models import DerivativeMLP, recurrence_of
from sparsid.models.mlp import TRAINED, activation
from sparsid.training import Constant, Phase, fit_ensemble

EDGES = [-np.inf, -1e30, -800.0, -1e-30, -0.0, 0.0, 1e-30, 800.0, 1e30, np.inf, np.nan]


def points(dtype) -> np.ndarray:
    drawn = 3 * np.random.default_rng(0).normal(size=2000)
    return np.concatenate([drawn, EDGES]).astype(dtype)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_the_slope_is_the_derivative(name):
    entry, a = ACTIVATIONS[name], points(np.float64)
    a = a[np.isfinite(a) & (a != 0)]  # at 0 lie kinks and jumps
    with jax.enable_x64(True):
        for xp in (np, jnp):
            got = entry.slope(xp.asarray(a), xp)
            wanted = jax.vmap(jax.grad(lambda x: entry.value(x, jnp)))(a)
            np.testing.assert_allclose(got, wanted, rtol=1e-12, atol=1e-15)
    assert np.isfinite(entry.slope(np.zeros(1), np)).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("name", ACTIVATIONS)
def test_training_computes_the_same_function(name, dtype):
    a = points(dtype)
    with jax.enable_x64(dtype is np.float64):
        got = np.asarray(jax.jit(activation(name))(a))
    assert got.dtype == dtype
    with np.errstate(invalid="ignore"):
        wanted = ACTIVATIONS[name](a)
    known, rounding = np.isfinite(wanted), 8 * np.finfo(dtype).eps
    np.testing.assert_allclose(got[known], wanted[known], rtol=rounding, atol=rounding)
    assert np.isnan(got[-1]) == np.isnan(wanted[-1])


@pytest.mark.parametrize(
    ("name", "jaxs"), [("relu", jax.nn.relu), ("silu", jax.nn.silu), ("tanh", jnp.tanh)]
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_training_has_the_bits_of_jax(name, jaxs, dtype):
    a = points(dtype)
    with jax.enable_x64(dtype is np.float64):
        for of in (lambda f: f, lambda f: jax.vmap(jax.grad(f))):
            got, wanted = (np.asarray(jax.jit(of(f))(a)) for f in (activation(name), jaxs))
            assert got.tobytes() == wanted.tobytes()


@pytest.mark.skipif(shutil.which("cc") is None, reason="needs a C compiler, cc")
def test_the_text_in_c_computes_the_value(tmp_path):
    lines = [
        f"double f_{name}(double a) {{ return {ACTIVATIONS[name].c}; }}" for name in ACTIVATIONS
    ]
    (tmp_path / "a.c").write_text("\n".join(["#include <math.h>", *lines, ""]), encoding="ascii")
    flags = ["-std=c99", "-pedantic", "-Wall", "-Werror", "-shared", "-fPIC", "-fno-builtin"]
    made = ["cc", *flags, str(tmp_path / "a.c"), "-o", str(tmp_path / "a.so"), "-lm"]
    subprocess.run(made, check=True)
    library = ctypes.CDLL(str(tmp_path / "a.so"))
    for name in ACTIVATIONS:
        value = getattr(library, f"f_{name}")
        value.argtypes, value.restype = [ctypes.c_double], ctypes.c_double
        a = points(np.float64)
        with np.errstate(invalid="ignore"):
            wanted = ACTIVATIONS[name](a)
        np.testing.assert_allclose(
            [value(x) for x in a], wanted, rtol=1e-14, atol=1e-15, err_msg=name
        )


def test_overrides_are_of_registered_activations():
    assert set(TRAINED) <= set(ACTIVATIONS)


def cubic() -> Activation:
    """A throw-away activation: a + a^3 / 3 up to |a| = 1, going on in a straight line."""

    def value(a, xp):
        held = xp.clip(a, -1.0, 1.0)
        return held + held**3 / 3 + 2 * (a - held)

    def slope(a, xp):
        return 1 + xp.clip(a, -1.0, 1.0) ** 2

    return Activation(value, slope, c="cubic(a)", text="cubic")


def test_one_entry_of_a_few_lines_adds_an_activation(monkeypatch):
    assert len(inspect.getsource(cubic).splitlines()) <= 30
    monkeypatch.setattr(ACTIVATIONS, "_objects", dict(ACTIVATIONS._objects))
    ACTIVATIONS.register("cubic")(cubic())
    test_the_slope_is_the_derivative("cubic")
    train = scaled_plant(trajectories=2, samples=101)
    architecture = DerivativeMLP(widths=(6,), activation="cubic", stepper="rk4")
    fitted = fit_ensemble(
        architecture, train, (Phase(200, Constant(1e-2)),), size=1, key=jax.random.key(0)
    )
    member, recurrence = fitted.ensemble.members[0], recurrence_of(fitted.ensemble, 0)
    scale = train.normaliser.states.scale
    for record in train.physical:
        run = member.rollout(record.x[0], record.u)
        assert np.sqrt(np.mean(((run - record.x) / scale) ** 2)) < 0.2
        again = recurrence.run(recurrence.init(record.x[:1], record.u[:1]), record.u[:-1])
        np.testing.assert_allclose(again / scale, run[1:] / scale, rtol=0, atol=1e-5)
