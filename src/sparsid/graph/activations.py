"""Activation functions in plain NumPy, under the names that the models know them by."""

from collections.abc import Callable

import numpy as np

from sparsid._registry import Registry

ACTIVATIONS: Registry[Callable[[np.ndarray], np.ndarray]] = Registry("activation")
ACTIVATIONS.register("tanh")(np.tanh)


@ACTIVATIONS.register("relu")
def relu(a: np.ndarray) -> np.ndarray:
    return np.maximum(a, 0.0)


@ACTIVATIONS.register("binary")
def binary(a: np.ndarray) -> np.ndarray:
    """1 where a is not negative, else 0."""
    return np.where(a >= 0, 1.0, 0.0)


@ACTIVATIONS.register("silu")
def silu(a: np.ndarray) -> np.ndarray:
    """a times the logistic function of a, written so that nothing overflows."""
    return 0.5 * a * (1.0 + np.tanh(0.5 * a))


SLOPES: Registry[Callable[[np.ndarray], np.ndarray]] = Registry("slope of an activation")


@SLOPES.register("tanh")
def tanh_slope(a: np.ndarray) -> np.ndarray:
    return 1.0 - np.tanh(a) ** 2


@SLOPES.register("relu")
def relu_slope(a: np.ndarray) -> np.ndarray:
    return np.where(a > 0, 1.0, 0.0)


@SLOPES.register("binary")
def binary_slope(a: np.ndarray) -> np.ndarray:
    return np.zeros_like(a)


@SLOPES.register("silu")
def silu_slope(a: np.ndarray) -> np.ndarray:
    logistic = 0.5 * (1.0 + np.tanh(0.5 * a))
    return logistic + a * logistic * (1.0 - logistic)
