"""What every verb that computes does first: all cores at work, compiled programs kept."""

from sparsid.cli.console import print_notes

keeping = True  # programs; `sparsid --no-cache` says no


def use_machine() -> None:
    """Makes every core a device and keeps what is compiled for the next run."""
    from sparsid._devices import use_cores
    from sparsid._programs import keep_programs

    use_cores()
    if keeping:
        keep_programs(print_notes)
