"""sparsid simulate"""

from pathlib import Path
from typing import Annotated

import typer

from sparsid._files import check_writable
from sparsid.cli.console import out, tell
from sparsid.cli.options import Dt, Seed, parse_numbers


def command(
    process: Annotated[str, typer.Argument(help="Name of a process (see `sparsid processes`).")],
    to: Annotated[Path, typer.Option("--out", help="The NetCDF file to write.")],
    trajectories: Annotated[int, typer.Option(help="How many trajectories.")] = 40,
    samples: Annotated[int, typer.Option(help="Samples of each trajectory.")] = 5000,
    dt: Dt = None,
    seed: Seed = 0,
    noise: Annotated[
        str | None,
        typer.Option(help="Measurement noise: standard deviations, as in pH=0.05, by commas."),
    ] = None,
    adaptive: Annotated[
        bool, typer.Option(help="Integrate adaptively (Diffrax) instead of fixed RK4.")
    ] = False,
) -> None:
    """Simulates a built-in process under its usual excitation.

    Example: `sparsid simulate aluminium --trajectories 40 --samples 5000 --out train.nc`
    """
    import jax

    from sparsid.processes import measured, named, simulate
    from sparsid.training import use_cores

    plant = named(process)
    check_writable(to)
    use_cores()
    dataset = simulate(
        plant,
        trajectories=trajectories,
        samples=samples,
        dt=dt,
        key=jax.random.key(seed),
        method="adaptive" if adaptive else "rk4",
    )
    if noise is not None:
        asked = parse_numbers("--noise", noise)
        dataset = measured(dataset, asked, key=jax.random.fold_in(jax.random.key(seed), 1))
    dataset.to_netcdf(to)
    tell(dataset.notes)
    say(f"Wrote {len(dataset)} trajectories of {samples} samples to {to}.")
