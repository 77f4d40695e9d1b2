"""Known functions to fit: points sampled over their domain, with scaled inputs and outputs."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from sparsid._errors import SparsidError
from sparsid._registry import Registry
from sparsid.data import Dataset, Normaliser

TRAJECTORIES = 8  # simulated for the training points, and as many for the test points
SAMPLES = 2000


@dataclass(frozen=True, eq=False)
class Points:
    """Training and test points. `reach` is the largest norm of an input over the domain.

    Inputs lie in [-1, 1], or have mean 0 and standard deviation 1 if they come from data; outputs
    have mean 0 and standard deviation 1 over the training points.
    """

    inputs: Float[np.ndarray, "train inputs"]
    outputs: Float[np.ndarray, "train outputs"]
    test_inputs: Float[np.ndarray, "test inputs"]
    test_outputs: Float[np.ndarray, "test outputs"]
    reach: float


FUNCTIONS: Registry[Callable[[int, int, int], Points]] = Registry("function")


@FUNCTIONS.register("sine")
def sine(train: int, test: int, seed: int) -> Points:
    """sin(4 pi x) over [0, 1]."""
    return _over_cube(lambda x: np.sin(4 * np.pi * x[:, 0]), 1, train, test, seed)


@FUNCTIONS.register("franke")
def franke(train: int, test: int, seed: int) -> Points:
    """Franke's function over [0, 1]^2 (Franke 1979, NPS-53-79-003)."""
    return _over_cube(franke_at, 2, train, test, seed)


def franke_at(x: Float[np.ndarray, "points 2"]) -> Float[np.ndarray, " points"]:
    """Franke's function: a sum of four Gaussians."""
    a, b = 9 * x.T
    return (
        0.75 * np.exp(-((a - 2) ** 2 + (b - 2) ** 2) / 4)
        + 0.75 * np.exp(-((a + 1) ** 2) / 49 - (b + 1) / 10)
        + 0.5 * np.exp(-((a - 7) ** 2 + (b - 3) ** 2) / 4)
        - 0.2 * np.exp(-((a - 4) ** 2) - (b - 7) ** 2)
    )


@FUNCTIONS.register("aluminium")
def aluminium(train: int, test: int, seed: int) -> Points:
    """The derivative of the electrolysis cell, along simulated trajectories."""
    import jax

    from sparsid.models.least_squares import one_step_examples
    from sparsid.processes import named, simulate

    keys = jax.random.split(jax.random.key(seed))
    parts = [
        simulate(named("aluminium"), trajectories=TRAJECTORIES, samples=SAMPLES, key=key)
        for key in keys
    ]
    scale = Normaliser.fit(parts[0])
    rng = np.random.default_rng(seed)

    def drawn(part: Dataset, count: int) -> tuple[np.ndarray, np.ndarray]:
        inputs, outputs = one_step_examples(scale.apply(part))
        if count > len(inputs):
            raise SparsidError(
                "The number of training or test points of the function 'aluminium' must be at most "
                f"{len(inputs)}; got {count}."
            )
        at = rng.choice(len(inputs), count, replace=False)
        return inputs[at], outputs[at]

    inputs, outputs = drawn(parts[0], train)
    reach = float(np.linalg.norm(inputs, axis=1).max())
    return Points(inputs, outputs, *drawn(parts[1], test), reach)


def _over_cube(
    function: Callable[[np.ndarray], np.ndarray], inputs: int, train: int, test: int, seed: int
) -> Points:
    """Points sampled uniformly in the unit cube."""
    rng = np.random.default_rng(seed)
    x, others = rng.random((train, inputs)), rng.random((test, inputs))
    y, truth = function(x), function(others)
    middle, spread = y.mean(), y.std()
    return Points(
        2 * x - 1,
        (y - middle)[:, None] / spread,
        2 * others - 1,
        (truth - middle)[:, None] / spread,
        float(np.sqrt(inputs)),
    )
