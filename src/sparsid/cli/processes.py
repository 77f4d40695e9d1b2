"""sparsid processes"""

from sparsid.cli.console import show


def command() -> None:
    """Lists the built-in processes: their states, inputs, sampling time and source.

    Example: `sparsid processes`
    """
    from sparsid.identify.documents import processes_document

    show(processes_document())
