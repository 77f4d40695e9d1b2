"""sparsid replay"""

from pathlib import Path
from typing import Annotated

import typer

from sparsid._files import check_writable
from sparsid.cli.console import out, tell


def command(
    process: Annotated[str, typer.Argument(help="Name of a process (see `sparsid processes`).")],
    data: Annotated[Path, typer.Argument(metavar="DATA", help="A NetCDF dataset.")],
    to: Annotated[Path, typer.Option("--out", help="The NetCDF file to write.")],
    adaptive: Annotated[
        bool, typer.Option(help="Integrate adaptively (Diffrax) instead of fixed RK4.")
    ] = False,
) -> None:
    """Runs the true process again from the data's first states under its recorded inputs.

    Example: `sparsid replay aluminium test.nc --out truth.nc`
    """
    from sparsid.data import Dataset
    from sparsid.processes import named, replay
    from sparsid.training import use_cores

    plant = named(process)
    check_writable(to)
    recorded = Dataset.from_netcdf(data)
    use_cores()
    dataset = replay(plant, recorded, method="adaptive" if adaptive else "rk4")
    dataset.to_netcdf(to)
    tell(dataset.notes)
    say(f"Wrote {len(dataset)} replayed trajectories to {to}.")
