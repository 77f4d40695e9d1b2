"""sparsid simulate"""

from typing import Annotated

import typer

from sparsid.cli.computing import use_machine
from sparsid.cli.console import print_line, print_notes
from sparsid.cli.options import Adaptive, DataOut, Dt, Process, Seed, parse_numbers
from sparsid.cli.outputs import Force, check_outputs


def command(
    process: Process,
    to: DataOut,
    trajectories: Annotated[int, typer.Option(help="Number of trajectories.")] = 40,
    samples: Annotated[int, typer.Option(help="Samples per trajectory.")] = 5000,
    dt: Dt = None,
    seed: Seed = 0,
    noise: Annotated[
        str | None,
        typer.Option(help="Standard deviations of the measurement noise, as in pH=0.05."),
    ] = None,
    adaptive: Adaptive = False,
    force: Force = False,
) -> None:
    """Simulates a built-in process under its default excitation.

    Example: `sparsid simulate aluminium --trajectories 40 --samples 5000 --out train.nc`
    """
    from sparsid.plants import PLANTS, check_noise

    facts = PLANTS[process]
    check_outputs([to], force=force)
    asked = None if noise is None else parse_numbers("--noise", noise)
    check_noise(asked or {}, (*facts.states.names, *facts.outputs.names))

    from sparsid.data import write
    from sparsid.data.formats import check_written

    check_written(to)

    import jax

    from sparsid.processes import measured, named, simulate

    plant = named(process)
    use_machine()
    dataset = simulate(
        plant,
        trajectories=trajectories,
        samples=samples,
        dt=dt,
        key=jax.random.key(seed),
        method="adaptive" if adaptive else "rk4",
    )
    if asked is not None:
        dataset = measured(dataset, asked, key=jax.random.fold_in(jax.random.key(seed), 1))
    write(dataset, to)
    print_notes(dataset.notes)
    print_line(f"Wrote {len(dataset)} trajectories of {samples} samples to {to}.")
