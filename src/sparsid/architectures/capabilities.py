"""What a loss or a phase needs of a model, asked before anything is trained."""

from dataclasses import dataclass
from typing import Protocol

from sparsid._errors import SparsidError
from sparsid.architectures.base import AbstractArchitecture, Capability


@dataclass(frozen=True)
class Need:
    """A capability, the clause of a refusal that asks for it, and the remedy."""

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
    """A loss, a phase, or the table of one."""

    @property
    def needs(self) -> Need | None:
        """What it needs of a model beyond `lag`, `init` and `step`."""
        ...


def check_serves(architecture: AbstractArchitecture, what: Needing) -> None:
    """Raises SparsidError where models of this architecture cannot serve a loss or a phase."""
    need = what.needs
    if need is not None and need.capability not in architecture.can:
        name = type(architecture).__name__
        raise SparsidError(f"{need.clause}, which {name} does not offer: {need.remedy}.")
