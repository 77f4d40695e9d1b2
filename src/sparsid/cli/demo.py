"""sparsid demo"""


def command() -> None:
    """Placeholder."""
