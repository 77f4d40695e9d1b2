"""sparsid processes"""

from sparsid.cli.console import say, show


def command() -> None:
    """Lists the built-in processes: their states, inputs, sampling time and source.

    Example: `sparsid processes`
    """
    from sparsid.plants import PLANTS

    plants = [PLANTS[name] for name in PLANTS]
    rows = [
        (p.name, ", ".join(p.states.names), ", ".join(p.inputs.names), f"{p.dt:g} s")
        for p in plants
    ]
    show("Processes", ("name", "states", "inputs", "sampling time"), rows)
    for plant in plants:
        say(f"{plant.name}: {plant.reference}")
