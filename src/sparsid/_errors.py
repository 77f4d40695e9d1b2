"""Errors for invalid input: one sentence with the rule, the value received and the remedy."""


class SparsidError(ValueError):
    """Invalid input or request; the message is one sentence for the user."""


class MissingExtraError(SparsidError):
    """An optional dependency is not installed."""

    def __init__(self, package: str, extra: str, purpose: str):
        super().__init__(
            f"{purpose} needs the package {package}, which is not installed: "
            f"pip install 'sparsid[{extra}]' installs it."
        )
