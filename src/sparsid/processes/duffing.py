"""The forced Duffing oscillator: the smallest plant with a nonlinear spring."""

from typing import ClassVar

import jax

from sparsid.plants import DUFFING, Plant
from sparsid.processes.base import AbstractProcess, namespace
from sparsid.processes.signals import Multisine
from sparsid.processes.sources import Stack


class Duffing(AbstractProcess):
    """x'' + damping x' + stiffness x + cubic x^3 = force, for a mass of 1 kg.

    `damping` is in N s/m, `stiffness` in N/m, `cubic` in N/m^3. The default spring hardens and has
    one rest position; a negative stiffness makes two wells, and chaos under a strong force.
    """

    damping: float = 0.2
    stiffness: float = 1.0
    cubic: float = 1.0

    facts: ClassVar[Plant] = DUFFING
    box: ClassVar[dict[str, tuple[float, float]]] = {
        "displacement": (-3.0, 3.0),
        "velocity": (-4.0, 4.0),
        "force": (-4.0, 4.0),
    }
    dependence: ClassVar[dict[str, tuple[str, ...]]] = {
        "displacement": ("velocity",),
        "velocity": ("displacement", "velocity", "force"),
    }

    def flow(self, x, u):
        spring = self.stiffness * x[0] + self.cubic * x[0] ** 3
        return namespace(x, u).stack([x[1], u[0] - self.damping * x[1] - spring])

    def output(self, x, u):
        return x[:1]

    def initial_state(self, *, key):
        """Uniform in [-1, 1] m and [-1, 1] m/s."""
        return jax.random.uniform(key, (2,), float, -1.0, 1.0)

    def excitation(self, *, dt):
        """A random-phase multisine of 0.5 N RMS from 0.02 to 0.4 Hz, period 50 s."""
        period = max(round(50 / dt), 42)
        return Stack((Multisine(rms=0.5, period=period, lowest=1, highest=20),))
