"""Integration over one sample by adaptive steps: for checks and stiff plants, but slow."""

import importlib.util

import jax.numpy as jnp

from sparsid._errors import MissingExtraError
from sparsid._steppers import Flow

RTOL, ATOL = 1e-9, 1e-9


def check_installed() -> None:
    """Raises MissingExtraError if Diffrax is not installed."""
    if importlib.util.find_spec("diffrax") is None:
        raise MissingExtraError("diffrax", "adaptive", "Adaptive integration")


def adaptive(flow: Flow, x, u, dt):
    """The state after `dt` (s) with `u` held, by Tsitouras' 5(4) pair; NaN on failure.

    Relative and absolute tolerance are 1e-9. A stiff or singular flow that needs more than 4096
    steps in a sample returns NaN and raises no exception.
    """
    import diffrax

    solution = diffrax.diffeqsolve(
        diffrax.ODETerm(lambda t, x, u: flow(x, u)),
        diffrax.Tsit5(),
        t0=0.0,
        t1=dt,
        dt0=dt,
        y0=x,
        args=u,
        saveat=diffrax.SaveAt(t1=True),
        stepsize_controller=diffrax.PIDController(rtol=RTOL, atol=ATOL),
        adjoint=diffrax.DirectAdjoint(),
        throw=False,
    )
    ended = solution.ys
    assert ended is not None
    return jnp.where(solution.result == diffrax.RESULTS.successful, ended[0], jnp.nan)
