"""What every kind of model offers before it has weights: its options, checked, and what they imply.

Nothing here or in this package reaches JAX: a file's header is read, and wrong options or columns
are refused, without it.
"""

from abc import abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

import numpy as np
from jaxtyping import Float
from pydantic import BeforeValidator, SerializeAsAny

from sparsid._errors import SparsidError
from sparsid._registry import Registry
from sparsid._tables import Options, validated
from sparsid.architectures.arrays import ArraySpec
from sparsid.data import Dataset, ScaledDataset

if TYPE_CHECKING:  # these names of jaxtyping import JAX
    from jaxtyping import Array, Key

type Capability = Literal["one-step", "recursion"]


class AbstractArchitecture(Options):
    """Options of a model; wrong ones raise SparsidError. In files `kind` tells which they are.

    `observes` says what it simulates: a plant's measured states, or its outputs. `can` names what
    the model can do beyond a free run (`models.model`): "one-step" (trained on increments over one
    sample), "recursion" (has the partial derivatives that second-order training needs). `recipes`
    and `baselines` name what `identify` trains by default (validation chooses), and the linear
    models shown beside.
    """

    kind: str
    observes: ClassVar[Literal["states", "outputs"]]
    can: ClassVar[frozenset[Capability]] = frozenset()
    recipes: ClassVar[tuple[str, ...]]
    baselines: ClassVar[tuple[str, ...]]

    @property
    def lag(self) -> int:
        """How many given rows a free run starts from."""
        return 1

    @property
    def linear_path(self) -> bool:
        """Whether a direct linear path leads from the network's inputs to its outputs."""
        return False

    def sentence(self) -> str:
        """The options in a line for people."""
        return self.kind

    def network_inputs(self, observed: Sequence[str], inputs: Sequence[str]) -> tuple[str, ...]:
        """Names of the network's inputs, in their order: what is observed, then inputs."""
        return (*observed, *inputs)

    def regressors(
        self, x: Float[np.ndarray, "samples observed"], u: Float[np.ndarray, "samples inputs"]
    ) -> Float[np.ndarray, "rows regressors"]:
        """What the network is given over a record: a row for each sample with all of its past.

        The recorded observations stand where a free run would have its own.
        """
        return np.hstack([x, u])

    @abstractmethod
    def arrays(self, observed: int, inputs: int) -> dict[str, ArraySpec]:
        """Every array of a model of so many channels, by its name in files."""

    def check_data(self, parts: Mapping[str, Dataset]) -> None:
        """Raises SparsidError for data that such a model cannot learn from.

        `parts` are records by what they are for: "training", "validation", "test".
        """

    def build(self, scaled: ScaledDataset, *, key: "Key[Array, '']") -> Any:
        """A freshly started model for the channels of `scaled` (`models.AbstractModel`)."""
        return MODELS[self.kind].build(self, scaled, key=key)


#: Kind -> options, and kind -> the class of the model itself, imported when first asked for.
ARCHITECTURES: Registry[type[AbstractArchitecture]] = Registry("kind of model")
MODELS: Registry[Any] = Registry("kind of model")


def add_kind(kind: str, options: type[AbstractArchitecture], model: str | type) -> None:
    """Makes a kind of model known: its options, and its class or the place of it."""
    ARCHITECTURES.register(kind)(options)
    if isinstance(model, str):
        MODELS.add(kind, model)
    else:
        MODELS.register(kind)(model)


#: Kinds that are taken where nobody names one.
DEFAULT_KINDS = {"states": "derivative", "outputs": "narx"}


def default_for(observes: Literal["states", "outputs"]) -> AbstractArchitecture:
    """The architecture that is taken where nobody names one."""
    return ARCHITECTURES[DEFAULT_KINDS[observes]](kind=DEFAULT_KINDS[observes])


def as_architecture(given: Any, usual: str = DEFAULT_KINDS["states"]) -> Any:
    """A table's architecture by its `kind`, without one the `usual`; raises SparsidError."""
    if not isinstance(given, Mapping):
        return given
    return validated(ARCHITECTURES[given.get("kind", usual)], given)


def _as_derivative(given: Any) -> Any:
    return as_architecture(given)


def _as_recurrent(given: Any) -> Any:
    return as_architecture(given, DEFAULT_KINDS["outputs"])


#: For fields of specifications and headers: any registered architecture, by default one of states,
#: or one of outputs.
AnyArchitecture = Annotated[SerializeAsAny[AbstractArchitecture], BeforeValidator(_as_derivative)]
AnyOutputArchitecture = Annotated[
    SerializeAsAny[AbstractArchitecture], BeforeValidator(_as_recurrent)
]


def check_widths(widths: Sequence[int]) -> None:
    """Raises SparsidError for a hidden layer without units."""
    if any(width < 1 for width in widths):
        raise SparsidError(f"`widths` must be positive; got {list(widths)}.")
