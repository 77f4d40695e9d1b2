"""What a model must be able to do for a phase to train it, asked before anything is trained."""

from dataclasses import dataclass
from typing import Protocol

from sparsid._errors import SparsidError
from sparsid.models import AbstractArchitecture


@dataclass(frozen=True)
class Need:
    """A capability by its name in `architecture.can`, the clause that asks for it, and the remedy.

    The clause and the remedy become one sentence of a refusal.
    """

    capability: str
    clause: str
    remedy: str


class Needing(Protocol):
    """A loss or a phase."""

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
