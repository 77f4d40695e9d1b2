"""The pH neutralisation reactor: nearly linear mixing and a steep, implicit titration curve."""

from typing import Any, ClassVar

import jax
import jax.numpy as jnp
import numpy as np

from sparsid.plants import NEUTRALISATION, Plant
from sparsid.processes.base import AbstractProcess, namespace
from sparsid.processes.signals import APRBS
from sparsid.processes.sources import Stack

VOLUME = 2900.0  # ml
WA_BASE, WB_BASE = -3.05e-3, 5e-5  # reaction invariants of the streams, mol/l
WA_BUFFER, WB_BUFFER = -3e-2, 3e-2
WA_ACID, WB_ACID = 3e-3, 0.0
PK1, PK2 = 6.35, 10.25
LOWEST, HIGHEST = -2.0, 16.0  # pH between which the charge balance changes its sign
HALVINGS = 60  # (16 + 2) / 2^60 is below the rounding error of any pH in this range


def charge(ph, wa, wb):
    """The charge balance, 0 at the pH of a solution with the invariants `wa` and `wb` (mol/l).

    It increases with the pH. Source: Henson and Seborg 1994, as in chaber2018.
    """
    carbonic = (1 + 2 * 10.0 ** (ph - PK2)) / (1 + 10.0 ** (PK1 - ph) + 10.0 ** (ph - PK2))
    return wa + 10.0 ** (ph - 14) - 10.0 ** (-ph) + wb * carbonic


def acidity(wa, wb):
    """The pH of a solution, to machine precision; differentiable to any order by JAX."""

    def halve(balance, _):
        def step(_, bounds):
            low, high = bounds
            middle = 0.5 * (low + high)
            acid = balance(middle) < 0
            return jnp.where(acid, middle, low), jnp.where(acid, high, middle)

        ends = jnp.full_like(wa, LOWEST), jnp.full_like(wa, HIGHEST)
        low, high = jax.lax.fori_loop(0, HALVINGS, step, ends)
        return 0.5 * (low + high)

    def solve_linear(slope, value):
        return value / slope(jnp.ones_like(value))

    return jax.lax.custom_root(
        lambda ph: charge(ph, wa, wb), jnp.full_like(wa, 7.0), halve, solve_linear
    )


_compiled = jax.jit(acidity)


class Neutralisation(AbstractProcess):
    """A stirred tank of 2.9 l with inflows of base, buffer and acid; its pH is measured.

    The states are the reaction invariants of the outflow: charge (Wa) and carbonate (Wb). The
    base flow is the input; `buffer` and `acid` are constant flows in ml/s.
    """

    buffer: float = 0.55
    acid: float = 16.6

    facts: ClassVar[Plant] = NEUTRALISATION
    box: ClassVar[dict[str, tuple[float, float]]] = {
        "charge": (-1.35e-3, 2.0e-3),
        "carbonate": (3.0e-4, 1.0e-3),
        "base_flow": (0.0, 30.0),
    }
    dependence: ClassVar[dict[str, tuple[str, ...]]] = {
        "charge": ("charge", "base_flow"),
        "carbonate": ("carbonate", "base_flow"),
    }

    def flow(self, x, u):
        """V W' = sum of q (W_in - W), for both invariants."""
        base, wa, wb = u[0], x[0], x[1]
        charged = (
            base * (WA_BASE - wa) + self.buffer * (WA_BUFFER - wa) + self.acid * (WA_ACID - wa)
        )
        carbonated = (
            base * (WB_BASE - wb) + self.buffer * (WB_BUFFER - wb) + self.acid * (WB_ACID - wb)
        )
        return namespace(x, u).stack([charged, carbonated]) / VOLUME

    def output(self, x, u) -> Any:
        if namespace(x, u) is np:
            with jax.enable_x64(True):
                return np.asarray(_compiled(jnp.asarray(x[:1]), jnp.asarray(x[1:])))
        return acidity(x[:1], x[1:])

    def resting(self, base):
        """The steady state (2,) under a constant base flow in ml/s."""
        total = base + self.buffer + self.acid
        wa = (base * WA_BASE + self.buffer * WA_BUFFER + self.acid * WA_ACID) / total
        wb = (base * WB_BASE + self.buffer * WB_BUFFER + self.acid * WB_ACID) / total
        return namespace(np.asarray(base) if isinstance(base, float) else base).stack([wa, wb])

    def initial_state(self, *, key):
        """The steady state under a base flow uniform in [0, 30] ml/s."""
        return self.resting(jax.random.uniform(key, (), float, 0.0, 30.0))

    def excitation(self, *, dt):
        """Base flows uniform in [0, 30] ml/s, each held for 300 s."""
        hold = max(round(300 / dt), 1)
        return Stack((APRBS(0.0, 30.0, shortest=hold, longest=hold),))
