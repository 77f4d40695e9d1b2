"""Activation functions: value and slope for NumPy and JAX, and their text for exporters."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from sparsid._registry import Registry


@dataclass(frozen=True)
class Activation:
    """One activation, element by element.

    `value` and `slope` take an array and the namespace to compute it in (numpy or jax.numpy); at a
    kink or a jump the slope is a finite number. `c` is the value as a C expression of the double
    `a`, `text` its name in written equations.
    """

    value: Callable[[Any, Any], Any]
    slope: Callable[[Any, Any], Any]
    c: str
    text: str

    def __call__(self, a: np.ndarray) -> np.ndarray:
        """The value in NumPy."""
        return self.value(a, np)


ACTIVATIONS: Registry[Activation] = Registry("activation")


def _logistic(a, xp):
    """The logistic function, written so that nothing overflows."""
    return 0.5 * (1.0 + xp.tanh(0.5 * a))


def _silu_slope(a, xp):
    logistic = _logistic(a, xp)
    return logistic + a * logistic * (1.0 - logistic)


ACTIVATIONS.register("tanh")(
    Activation(
        lambda a, xp: xp.tanh(a),
        lambda a, xp: 1.0 - xp.tanh(a) ** 2,
        c="tanh(a)",
        text="tanh",
    )
)
ACTIVATIONS.register("relu")(
    Activation(
        lambda a, xp: xp.maximum(a, 0.0),
        lambda a, xp: xp.where(a > 0, 1.0, 0.0),
        c="(a <= 0.0 ? 0.0 : a)",  # NaN stays NaN, unlike under fmax
        text="relu",
    )
)
ACTIVATIONS.register("silu")(  # a times the logistic function of a
    Activation(
        lambda a, xp: 0.5 * a * (1.0 + xp.tanh(0.5 * a)),
        _silu_slope,
        c="(0.5 * a * (1.0 + tanh(0.5 * a)))",
        text="silu",
    )
)
ACTIVATIONS.register("binary")(  # 1 where a is not negative, else 0
    Activation(
        lambda a, xp: xp.where(a >= 0, 1.0, 0.0),
        lambda a, xp: xp.zeros_like(a),
        c="(a >= 0.0 ? 1.0 : 0.0)",
        text="step",
    )
)
