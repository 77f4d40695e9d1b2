"""The aluminium electrolysis cell of Lundby et al. (2022), with the errata of its equations.

x1..x8 and u1..u5 below are the paper's; k0..k18 are computed from their physical constants.
"""

from typing import ClassVar

import jax
import jax.numpy as jnp

from sparsid.plants import ALUMINIUM, Plant
from sparsid.processes.base import AbstractProcess, namespace
from sparsid.processes.controllers import Proportional
from sparsid.processes.signals import APRBS, Constant, Impulses
from sparsid.processes.sources import AbstractSource, Clipped, Deadband, Stack

AREA = 17.92  # of the side ledge, m^2
FUSION = 119495.0  # heat of fusion of cryolite, J/kg
CP_LIQUID, CP_SOLID = 1881.0, 1320.0  # of cryolite, J/(kg K)
BATH_TRANSFER = 1200.0  # bath to ledge, W/(m^2 K)
AMBIENT_TRANSFER = 25.0  # wall to ambient, W/(m^2 K)
LEDGE_CONDUCTIVITY, WALL_CONDUCTIVITY = 2.5, 6.5  # W/(m K)
WALL_THICKNESS = 0.1  # m
AMBIENT = 35.0  # degC; the paper's (5h) prints k16 for it
LEDGE_PER_MASS = 2e-5  # k0: side ledge thickness a kg, m/kg
FREEZE = 2 * LEDGE_CONDUCTIVITY * AREA / FUSION  # k1
MELT = BATH_TRANSFER * AREA / FUSION  # k2
BATH_HEATING, LEDGE_HEATING, WALL_HEATING = 5.66e-4, 7.58e-4, 6e-7  # alpha, beta, k17: K/J
R_BATH = 1 / BATH_TRANSFER  # k10, m^2 K/W
R_LEDGE = 1 / (2 * LEDGE_CONDUCTIVITY)  # k11 = k15, m K/W: times the ledge thickness
R_WALL = WALL_THICKNESS / (2 * WALL_CONDUCTIVITY)  # k14, m^2 K/W
R_AMBIENT = 1 / AMBIENT_TRANSFER  # k18, m^2 K/W

# Initial states are uniform in these; the second and third are mass-% of the bath.
_STARTS = (
    (2060, 4460),
    (2, 5),
    (9, 13),
    (11500, 16000),
    (9750, 10000),
    (960, 990),
    (790, 850),
    (555, 610),
)

# What freezing and melting of the side ledge depend on.
_FREEZING = ("side_ledge", "alumina", "alf3", "cryolite", "bath_temperature", "ledge_temperature")


def alumina_share(x):
    """Mass fraction of alumina in the bath (c2)."""
    return x[1] / (x[1] + x[2] + x[3])


def alf3_share(x):
    """Mass fraction of AlF3 in the bath (c3)."""
    return x[2] / (x[1] + x[2] + x[3])


def metal_mass(x):
    """Mass of the metal in kg (x5)."""
    return x[4]


def liquidus(p2, p3):
    """Temperature in degC below which the bath freezes (g1), from mass-% of alumina and AlF3."""
    dissolved = 1 + 0.0936 * p3 - 0.0017 * p3**2 - 0.0023 * p2 * p3
    return 991.2 + 1.12 * p3 - 0.13 * p3**2.2 + 0.061 * p3**1.5 - 7.93 * p2 / dissolved


def conductivity(x):
    """Electrical conductivity of the bath (g2), in 1/(ohm cm)."""
    exp = namespace(x).exp
    return exp(2.496 - 2068.4 / (273 + x[5]) - 2.07 * alumina_share(x))


def bubble_drop(x, current):
    """Voltage drop over the gas bubbles in V (g5); it has poles near 2.06 and 2.2 % alumina."""
    excess = 100 * alumina_share(x) - 2.2
    coverage = 0.531 + 6.958e-7 * current - 2.51e-12 * current**2 + 3.06e-18 * current**3
    coverage = coverage + (0.431 - 0.1437 * excess) / (1 + 7.353 * excess)  # g3
    thickness = (0.5517 + 3.8168e-6 * current) / (1 + 8.271e-6 * current)  # g4
    return 3.8168e-6 * coverage * thickness * current / (conductivity(x) * (1 - coverage))


def cell_voltage(x, u):
    """Voltage of the cell in V: bubble drop and ohmic drop over the anode-cathode distance."""
    return bubble_drop(x, u[1]) + u[1] * u[4] / (2620 * conductivity(x))


class AluminiumCell(AbstractProcess):
    """Eight states, five inputs; one classical RK4 step of 10 s per sample, as published.

    Initial states are drawn as integers, as in the original, or as real numbers. Some start at 2 %
    alumina: there the feed jumps across the poles of the bubble voltage under RK4 at 10 s, where
    an adaptive solver would integrate through them.
    """

    continuous_starts: bool = False

    facts: ClassVar[Plant] = ALUMINIUM
    box: ClassVar[dict[str, tuple[float, float]]] = {
        "side_ledge": (800.0, 6500.0),
        "alumina": (200.0, 1300.0),
        "alf3": (900.0, 3000.0),
        "cryolite": (8500.0, 20_500.0),
        "metal": (9500.0, 10500.0),
        "bath_temperature": (940.0, 1000.0),
        "ledge_temperature": (700.0, 940.0),
        "wall_temperature": (470.0, 780.0),
        "alumina_feed": (0.0, 42.0),
        "line_current": (118_000.0, 155_000.0),
        "alf3_feed": (0.0, 18.0),
        "metal_tapping": (0.0, 9.0),
        "anode_distance": (0.043, 0.057),
    }
    dependence: ClassVar[dict[str, tuple[str, ...]]] = {
        "side_ledge": _FREEZING,
        "alumina": ("alumina_feed", "line_current"),
        "alf3": ("alumina_feed", "alf3_feed"),
        "cryolite": (*_FREEZING, "alumina_feed"),
        "metal": ("line_current", "metal_tapping"),
        "bath_temperature": (*_FREEZING, "line_current", "anode_distance"),
        "ledge_temperature": (*_FREEZING, "wall_temperature"),
        "wall_temperature": ("side_ledge", "ledge_temperature", "wall_temperature"),
    }

    def flow(self, x, u):
        """dx/dt in kg/s and K/s; (3c) with u2 and (5g) with k9 where the paper misprints them."""
        ledge, _, _, _, _, bath_t, ledge_t, wall_t = x
        feed, current, alf3_feed, tapping, _ = u
        p2, p3, bath = 100 * alumina_share(x), 100 * alf3_share(x), x[1] + x[2] + x[3]
        melting_t = liquidus(p2, p3)
        thickness = LEDGE_PER_MASS * ledge
        superheat, gradient = bath_t - melting_t, (melting_t - ledge_t) / thickness
        freezing = FREEZE * gradient - MELT * superheat  # r, kg/s
        bath_loss = AREA * (bath_t - ledge_t) / (R_BATH + R_LEDGE * thickness)
        into_ledge = AREA * gradient / R_LEDGE
        into_wall = AREA * (ledge_t - wall_t) / (R_WALL + R_LEDGE * thickness)
        to_ambient = AREA * (wall_t - AMBIENT) / (R_WALL + R_AMBIENT)
        melt_heat = CP_LIQUID * superheat * (MELT * superheat - FREEZE * gradient)
        shell_heat = CP_SOLID * (melting_t - ledge_t) * (MELT * superheat - FREEZE * gradient)
        power = current * cell_voltage(x, u)
        return namespace(x, u).stack(
            [
                freezing,
                feed - 1.7e-7 * current,
                alf3_feed - 0.02 * feed,
                -freezing + 0.03 * feed,
                4.43e-8 * current - tapping,
                BATH_HEATING / bath * (power - bath_loss - melt_heat),
                LEDGE_HEATING / ledge * (into_ledge - into_wall - shell_heat),
                WALL_HEATING * (into_wall - to_ambient),
            ]
        )

    def output(self, x, u):
        return namespace(x, u).stack([cell_voltage(x, u)])

    def initial_state(self, *, key):
        low, high = jnp.array(_STARTS).T
        if self.continuous_starts:
            drawn = jax.random.uniform(key, low.shape, minval=low, maxval=high)
        else:
            drawn = jax.random.randint(key, low.shape, low, high + 1).astype(float)
        alumina, alf3 = drawn[1] / 100, drawn[2] / 100
        bath = drawn[3] / (1 - alumina - alf3)
        return drawn.at[1].set(alumina * bath).at[2].set(alf3 * bath)

    def excitation(self, *, dt):
        """Controllers, impulses and APRBS of Haugstvedt et al. (2023); hold times in samples."""
        alumina = _doses(Proportional(alumina_share, 30_000.0, 0.023), least=140, most=220, dt=dt)
        alf3 = _doses(Proportional(alf3_share, 13_000.0, 0.105), least=20, most=80, dt=dt)
        tapping = _doses(Proportional(metal_mass, -300.0, 10_000.0), least=20, most=90, dt=dt)
        return Stack(
            (
                alumina + Impulses(1.0, 20.0, first=(100, 1100), gap=(500, 2000)),
                Constant(140_000.0) + APRBS(-22_000.0, 15_000.0, shortest=100, longest=1100),
                alf3 + Impulses(1.0, 10.0, first=(100, 1100), gap=(1000, 3000)),
                tapping,
                Constant(0.05) + APRBS(-0.007, 0.007, shortest=100, longest=1100),
            )
        )


def _doses(controller: AbstractSource, *, least: float, most: float, dt: float) -> AbstractSource:
    """A controller with a dead zone below `least` and a maximum `most`, in kg per sample."""
    return Clipped(Deadband(controller, below=least / dt), high=most / dt)
