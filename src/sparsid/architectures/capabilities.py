"""Capabilities that losses and phases require of a model, checked before training."""

from dataclasses import dataclass
from typing import Protocol

from sparsid._errors import SparsidError
from sparsid.architectures.base import AbstractArchitecture, Capability


@dataclass(frozen=True)
class Need:
    """A required capability, with a clause and a remedy for the error message."""

    capability: Capability
    clause: str
    remedy: str


ONE_STEP = Need(
    "one-step",
    'The loss "one-step" needs increments predicted one step ahead',
    'set loss = "free-run"',
)
RECURSION = Need(
    "recursion",
    "Second-order training needs a recursion with partial derivatives",
    'train by epochs, with loss = "free-run"',
)


class Needing(Protocol):
    """A loss, a phase, or the specification of one."""

    @property
    def needs(self) -> Need | None:
        """The required capability beyond `lag`, `init` and `step`."""
        ...


def check_serves(architecture: AbstractArchitecture, what: Needing) -> None:
    """Raises SparsidError if models of this architecture lack what a loss or a phase needs."""
    need = what.needs
    if need is not None and need.capability not in architecture.can:
        name = type(architecture).__name__
        raise SparsidError(f"{need.clause}, which {name} does not offer: {need.remedy}.")


def check_linear_start(architecture: AbstractArchitecture) -> None:
    """Raises SparsidError if models of this architecture cannot start from the linear model."""
    if "one-step" not in architecture.can:
        raise SparsidError(
            "A linear start needs a network of measured states, whose increments it fits; leave "
            "`start` out."
        )
    if not architecture.linear_path:
        raise SparsidError(
            "A linear start needs a path from inputs to outputs: set `skip`, or leave `widths` "
            f"empty; got {architecture.sentence()}, without skip."
        )
    if not getattr(architecture, "bias", True):
        raise SparsidError("A linear start needs biases: leave `bias` on.")
