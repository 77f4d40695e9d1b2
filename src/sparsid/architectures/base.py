"""The base class of architectures: validated options, and the properties they imply.

This package does not import JAX: file headers are read, and options and columns validated, without
it.
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
    """Options of a model; invalid ones raise SparsidError. In files `kind` identifies the class.

    `observes` is what it simulates: a plant's measured states, or its outputs. `can` lists
    capabilities beyond a free run (`models.model`): "one-step" (training on increments over one
    sample), "recursion" (partial derivatives for second-order training). `recipes` and `baselines`
    name what `identify` trains by default (validation selects one recipe), and the linear models
    for comparison.
    """

    kind: str
    observes: ClassVar[Literal["states", "outputs"]]
    can: ClassVar[frozenset[Capability]] = frozenset()
    recipes: ClassVar[tuple[str, ...]]
    baselines: ClassVar[tuple[str, ...]]

    @property
    def lag(self) -> int:
        """The number of recorded rows that a free run starts from."""
        return 1

    @property
    def linear_path(self) -> bool:
        """Whether the network has a direct linear path from inputs to outputs."""
        return False

    def sentence(self) -> str:
        """The options as one line of text."""
        return self.kind

    def network_inputs(self, observed: Sequence[str], inputs: Sequence[str]) -> tuple[str, ...]:
        """Names of the network's inputs, in order: observed channels, then inputs."""
        return (*observed, *inputs)

    def regressors(
        self, x: Float[np.ndarray, "samples observed"], u: Float[np.ndarray, "samples inputs"]
    ) -> Float[np.ndarray, "rows regressors"]:
        """The network's inputs over a record: a row for each sample with a complete history.

        They contain recorded observations instead of simulated ones.
        """
        return np.hstack([x, u])

    @abstractmethod
    def arrays(self, observed: int, inputs: int) -> dict[str, ArraySpec]:
        """All arrays of a model with these numbers of channels, by their names in files."""

    def check_data(self, parts: Mapping[str, Dataset]) -> None:
        """Raises SparsidError for data that such a model cannot be trained on.

        `parts` are the datasets by name: "training", "validation", "test".
        """

    def build(self, scaled: ScaledDataset, *, key: "Key[Array, '']") -> Any:
        """An initialised model for the channels of `scaled` (`models.AbstractModel`)."""
        return MODELS[self.kind].build(self, scaled, key=key)


#: Kind -> options, and kind -> the model class, imported on first use.
ARCHITECTURES: Registry[type[AbstractArchitecture]] = Registry("kind of model")
MODELS: Registry[Any] = Registry("kind of model")


def add_kind(kind: str, options: type[AbstractArchitecture], model: str | type) -> None:
    """Registers a kind of model: its options, and its class or import path."""
    ARCHITECTURES.register(kind)(options)
    if isinstance(model, str):
        MODELS.add(kind, model)
    else:
        MODELS.register(kind)(model)


#: Default kinds, by what is simulated.
DEFAULT_KINDS = {"states": "derivative", "outputs": "narx"}


def default_for(observes: Literal["states", "outputs"]) -> AbstractArchitecture:
    """The default architecture for states or outputs."""
    return ARCHITECTURES[DEFAULT_KINDS[observes]](kind=DEFAULT_KINDS[observes])


def as_architecture(given: Any, usual: str = DEFAULT_KINDS["states"]) -> Any:
    """A table's architecture by its `kind`, by default `usual`; raises SparsidError."""
    if not isinstance(given, Mapping):
        return given
    return validated(ARCHITECTURES[given.get("kind", usual)], given)


def _as_derivative(given: Any) -> Any:
    return as_architecture(given)


def _as_recurrent(given: Any) -> Any:
    return as_architecture(given, DEFAULT_KINDS["outputs"])


#: Field types for any registered architecture; the default kind is that for states, or outputs.
AnyArchitecture = Annotated[SerializeAsAny[AbstractArchitecture], BeforeValidator(_as_derivative)]
AnyOutputArchitecture = Annotated[
    SerializeAsAny[AbstractArchitecture], BeforeValidator(_as_recurrent)
]


def check_widths(widths: Sequence[int]) -> None:
    """Raises SparsidError for a hidden layer without units."""
    if any(width < 1 for width in widths):
        raise SparsidError(f"`widths` must be positive; got {list(widths)}.")
