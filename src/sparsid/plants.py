"""Metadata of the built-in processes: names, channels and sources. No JAX.

Their equations are in `processes`; listing plants or checking a name does not import them.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from sparsid._errors import SparsidError
from sparsid._registry import Registry, unknown
from sparsid.data import Channels


@dataclass(frozen=True)
class Plant:
    """Metadata of a process. `dt` is the default sampling time in s, `reference` its source."""

    name: str
    reference: str
    dt: float
    states: Channels
    outputs: Channels
    inputs: Channels


ALUMINIUM = Plant(
    name="aluminium",
    reference=(
        "E. T. B. Lundby, A. Rasheed, J. T. Gravdahl, I. J. Halvorsen, Sparse deep neural networks "
        "for modeling aluminum electrolysis dynamics, 2022, arXiv:2209.05832; errata applied"
    ),
    dt=10.0,
    states=Channels(
        (
            "side_ledge",
            "alumina",
            "alf3",
            "cryolite",
            "metal",
            "bath_temperature",
            "ledge_temperature",
            "wall_temperature",
        ),
        ("kg",) * 5 + ("degC",) * 3,
    ),
    outputs=Channels(("cell_voltage",), ("V",)),
    inputs=Channels(
        ("alumina_feed", "line_current", "alf3_feed", "metal_tapping", "anode_distance"),
        ("kg/s", "A", "kg/s", "kg/s", "m"),
    ),
)

DUFFING = Plant(
    name="duffing",
    reference=(
        "J. Guckenheimer, P. Holmes, Nonlinear Oscillations, Dynamical Systems, and Bifurcations "
        "of Vector Fields, Springer 1983, section 2.2"
    ),
    dt=0.05,
    states=Channels(("displacement", "velocity"), ("m", "m/s")),
    outputs=Channels(("measured_displacement",), ("m",)),
    inputs=Channels(("force",), ("N",)),
)

LOTKA_VOLTERRA = Plant(
    name="lotka_volterra",
    reference=(
        "J. D. Murray, Mathematical Biology I: An Introduction, 3rd ed., Springer 2002, "
        "section 3.5 (competition models), with proportional harvest"
    ),
    dt=600.0,
    states=Channels(("species_1", "species_2"), ("g/L", "g/L")),
    outputs=Channels(("total_biomass",), ("g/L",)),
    inputs=Channels(("harvest_1", "harvest_2"), ("1/s", "1/s")),
)

NEUTRALISATION = Plant(
    name="neutralisation",
    reference=(
        "M. A. Henson, D. E. Seborg, IEEE Trans. Control Systems Technology 2(3), 1994, 169-182, "
        "with constant volume, as P. Chaber, M. Lawrynczuk, Nonlinear Dynamics 92, 2018"
    ),
    dt=10.0,
    states=Channels(("charge", "carbonate"), ("mol/l", "mol/l")),
    outputs=Channels(("pH",), ("1",)),
    inputs=Channels(("base_flow",), ("ml/s",)),
)

PLANTS: Registry[Plant] = Registry("process")
for _plant in (ALUMINIUM, DUFFING, LOTKA_VOLTERRA, NEUTRALISATION):
    PLANTS.register(_plant.name)(_plant)


def check_noise(noise: Mapping[str, float], known: Sequence[str]) -> None:
    """Raises SparsidError unless `noise` gives standard deviations of `known` channels by name."""
    for name, deviation in noise.items():
        if name not in known:
            raise SparsidError(unknown("measured channel", name, known))
        if not (math.isfinite(deviation) and deviation >= 0):
            raise SparsidError(
                f"The noise on {name} must be a standard deviation, at least 0; got {deviation}."
            )
