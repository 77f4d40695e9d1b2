"""Set-up of verbs that compute: all cores as devices, and a cache of compiled programs."""

from sparsid.cli.console import print_notes

keeping = True  # compiled programs; False with `sparsid --no-cache`


def use_machine() -> None:
    """Makes every core a device and saves compiled programs for later runs."""
    from sparsid._devices import use_cores
    from sparsid._programs import keep_programs

    use_cores()
    if keeping:
        keep_programs(print_notes)
