"""sparsid replay"""

from pathlib import Path
from typing import Annotated

import typer

from sparsid.cli.computing import use_machine
from sparsid.cli.console import print_line, print_notes
from sparsid.cli.options import Adaptive, DataOut, Process
from sparsid.cli.outputs import Force, check_outputs


def command(
    process: Process,
    data: Annotated[Path, typer.Argument(metavar="DATA", help="A NetCDF dataset.")],
    to: DataOut,
    adaptive: Adaptive = False,
    force: Force = False,
) -> None:
    """Simulates the true process from the first states of the data under the recorded inputs.

    Example: `sparsid replay aluminium test.nc --out truth.nc`
    """
    from sparsid.plants import PLANTS

    PLANTS.check(process)
    check_outputs([to], inputs=[data], force=force)

    from sparsid.data import Dataset, write
    from sparsid.data.formats import check_written

    check_written(to)
    recorded = Dataset.from_netcdf(data)

    from sparsid.processes import named, replay

    plant = named(process)
    use_machine()
    dataset = replay(plant, recorded, method="adaptive" if adaptive else "rk4")
    write(dataset, to)
    print_notes(dataset.notes)
    print_line(f"Wrote {len(dataset)} replayed trajectories to {to}.")
