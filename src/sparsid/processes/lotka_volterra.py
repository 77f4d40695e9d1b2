"""Two species that compete for one resource, both harvested: Lotka-Volterra competition."""

from typing import ClassVar

import jax
import jax.numpy as jnp

from sparsid.plants import LOTKA_VOLTERRA, Plant
from sparsid.processes.base import AbstractProcess, namespace
from sparsid.processes.signals import APRBS
from sparsid.processes.sources import Stack


class LotkaVolterra(AbstractProcess):
    """x_i' = growth_i x_i (1 - (x_i + rivalry_i x_j) / capacity_i) - u_i x_i.

    `growth` is in 1/s, `capacity` in g/L, `rivalry` without unit; u_i is the share harvested per
    second, so that x_i stays positive. With the default rivalry both species coexist
    (rivalry_1 < capacity_1 / capacity_2 and the same for the other).
    """

    growth: tuple[float, float] = (6e-5, 4e-5)
    capacity: tuple[float, float] = (13.0, 9.0)
    rivalry: tuple[float, float] = (0.6, 0.4)

    facts: ClassVar[Plant] = LOTKA_VOLTERRA
    box: ClassVar[dict[str, tuple[float, float]]] = {
        "species_1": (0.0, 15.0),
        "species_2": (0.0, 12.0),
        "harvest_1": (0.0, 3e-5),
        "harvest_2": (0.0, 2e-5),
    }
    dependence: ClassVar[dict[str, tuple[str, ...]]] = {
        "species_1": ("species_1", "species_2", "harvest_1"),
        "species_2": ("species_1", "species_2", "harvest_2"),
    }

    def flow(self, x, u):
        crowd = (x[0] + self.rivalry[0] * x[1], x[1] + self.rivalry[1] * x[0])
        return namespace(x, u).stack(
            [x[i] * (self.growth[i] * (1 - crowd[i] / self.capacity[i]) - u[i]) for i in (0, 1)]
        )

    def output(self, x, u):
        return x[:1] + x[1:]

    def initial_state(self, *, key):
        """Uniform in [1, 12] and [1, 9] g/L."""
        return jax.random.uniform(key, (2,), float, 1.0, jnp.array([12.0, 9.0]))

    def excitation(self, *, dt):
        """Both harvests as APRBS, held for 20 to 100 samples."""
        return Stack((APRBS(0.0, 3e-5, 20, 100), APRBS(0.0, 2e-5, 20, 100)))
