"""Refusals: bad input gets one sentence that names what, the rule, what was got, and the remedy."""


class SparsidError(ValueError):
    """Bad input or an impossible request; the message is one sentence for the user."""


class MissingExtraError(SparsidError):
    """An optional dependency is not installed."""

    def __init__(self, package: str, extra: str, purpose: str):
        super().__init__(
            f"{purpose} needs the package {package}, which is not installed: "
            f"pip install 'sparsid[{extra}]' installs it."
        )
