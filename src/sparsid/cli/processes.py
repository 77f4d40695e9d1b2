"""sparsid processes"""

from sparsid.cli.console import say, show


def command() -> None:
    """Lists the built-in processes: their states, inputs, sampling time and source.

    Example: `sparsid processes`
    """
    from sparsid.processes import PROCESSES, named

    rows = []
    for name in PROCESSES:
        process = named(name)
        rows.append(
            (
                name,
                ", ".join(process.states.names),
                ", ".join(process.inputs.names),
                f"{process.dt:g} s",
            )
        )
    show("Processes", ("name", "states", "inputs", "sampling time"), rows)
    for name in PROCESSES:
        say(f"{name}: {named(name).reference}")
