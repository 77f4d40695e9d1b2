"""[[phase]]: the specification of a phase of training by epochs, with its sparsifiers."""

from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import AfterValidator, Field

from sparsid._tables import EPOCHS, OpenTable, Options, Table
from sparsid.architectures.capabilities import Need
from sparsid.identify.rates import RateSpec
from sparsid.sparsify import METHODS, NOTHING, Method, chain
from sparsid.training.losses import LOSSES

if TYPE_CHECKING:  # a specification is read and validated without JAX
    from sparsid.training import Phase


class PhaseSpec(OpenTable):
    """[[phase]]: one phase of training. Further keys are those of the losses, and methods by name.

    Building it raises SparsidError if a method is invalid for a phase of its length.
    """

    epochs: Annotated[int, EPOCHS] = Field(ge=1, description="passes over the training data")
    rate: RateSpec = Field(default=RateSpec(rate=1e-3), description="the learning rate")
    batch: int = Field(default=128, ge=1, description="examples per step")
    loss: Annotated[str, AfterValidator(LOSSES.known)] = Field(
        default="one-step", description="prediction that is compared with the record"
    )
    optimiser: Literal["adam", "sgd"] = Field(
        default="adam", description="Adam, or gradient descent over batches"
    )
    momentum: float = Field(default=0.0, ge=0, lt=1, description="of SGD")
    clip: float | None = Field(default=None, gt=0, description="bound on the gradient's norm")

    if TYPE_CHECKING:  # keys from registries too

        def __init__(self, **keys: Any): ...

    @classmethod
    def inlined(cls) -> tuple[type[Options], ...]:
        return tuple(LOSSES[name] for name in LOSSES)

    @classmethod
    def nested(cls) -> tuple[tuple[str, type[Options]], ...]:
        return tuple((name, METHODS[name]) for name in METHODS)

    def with_effort(self, effort: float) -> "PhaseSpec":
        """The same with all numbers of epochs multiplied by `effort`."""
        return _scaled_epochs(self, effort)

    @property
    def needs(self) -> Need | None:
        """What its loss requires of a model."""
        return LOSSES[self.loss].needs

    @property
    def methods(self) -> tuple[Method, ...]:
        """The requested methods, in their order in a chain."""
        requested = ((METHODS[name], getattr(self, name, None)) for name in METHODS)
        methods = [kind() if given is True else given for kind, given in requested if given]
        return tuple(sorted(methods, key=lambda method: method.order))

    def build(self) -> "Phase":
        from sparsid.training import SGD, Adam, Phase

        methods = self.methods
        for method in methods:
            method.check(self.epochs)
        return Phase(
            self.epochs,
            self.rate.build(),
            chain(*(method.build() for method in methods)) if methods else NOTHING,
            Adam(clip=self.clip) if self.optimiser == "adam" else SGD(self.momentum, self.clip),
            self.options_of(LOSSES[self.loss]),
            self.batch,
        )


def _scaled_epochs[T: Table](table: T, effort: float) -> T:
    """The table, its numbers of epochs multiplied by `effort`; at least 1, but 0 stays 0."""

    def times(epochs: int) -> int:
        return max(round(epochs * effort), 1) if epochs else 0

    fields, later = table.fields(), dict[str, Any]()
    for name, value in table:
        if isinstance(value, Table):
            later[name] = _scaled_epochs(value, effort)
        elif value is not None and name in fields and EPOCHS in fields[name].metadata:
            later[name] = tuple(map(times, value)) if isinstance(value, tuple) else times(value)
    return table.model_copy(update=later)
