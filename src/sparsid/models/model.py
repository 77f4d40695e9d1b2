"""The interface of a model, and the capabilities that some models add.

A model is one resolved member in scaled numbers. Rollouts, scores, files and pages need `lag`,
`init` and `step` only; structure, equations and exports need `graph_and_rule`. What training and
pruning need beyond it is a capability: an optional protocol, which the architecture declares
(`AbstractArchitecture.can`), so that a specification is refused before anything is trained.
"""

from abc import abstractmethod
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol, Self, runtime_checkable

import equinox as eqx
from jaxtyping import Array, Float, Key

from sparsid.data import ScaledDataset
from sparsid.graph import Graph, UpdateRule


class AbstractModel(eqx.Module):
    """Interface of a model. Time is counted in samples, numbers are scaled."""

    if TYPE_CHECKING:  # a field, a class variable or a property

        @property
        def lag(self) -> int:
            """Number of given rows that a free run starts from."""
            ...
    else:
        lag: eqx.AbstractVar[int]

    @abstractmethod
    def init(
        self, observed: Float[Array, "lag observed"], inputs: Float[Array, "lag inputs"]
    ) -> Any:
        """The carry after the given rows, oldest first; the last input is that of the first step.

        Its structure depends on the model.
        """

    @abstractmethod
    def step(self, carry: Any, u: Float[Array, " inputs"]) -> tuple[Any, Float[Array, " observed"]]:
        """(carry, observed) one sample later, with constant input `u`."""

    @classmethod
    @abstractmethod
    def build(cls, architecture: Any, scaled: ScaledDataset, *, key: Key[Array, ""]) -> Self:
        """An initialised model for the channels of `scaled`, with weights as parameters."""

    @abstractmethod
    def arrays(self) -> dict[str, Array]:
        """Its arrays by their documented names (`AbstractArchitecture.arrays`), weights as stored.

        The model may be stacked: arrays then have a leading member axis. Weights are plain.
        """

    @classmethod
    @abstractmethod
    def from_arrays(cls, architecture: Any, arrays: Mapping[str, Array]) -> Self:
        """The model that has these arrays, stacked or not."""

    @abstractmethod
    def graph_and_rule(
        self, inputs: tuple[str, ...], outputs: tuple[str, ...]
    ) -> tuple[Graph, UpdateRule]:
        """The resolved model in NumPy; names of the network's inputs and outputs are given.

        Structure, equations and exports use this only (`sparsid.models.recurrence_of`).
        """


class Recursion(NamedTuple):
    """y(k) = next(y(k-1) .. y(k-output_lags), u(k-1) .. u(k-input_lags)), pasts newest first.

    `next` takes Float["output_lags observed"] and Float["input_lags inputs"] and is differentiable
    in both and in the weights it closes over.
    """

    output_lags: int
    input_lags: int
    next: Callable[[Array, Array], Array]


@runtime_checkable
class OneStepAhead(Protocol):
    """Capability for first-order training by `OneStep`: increments over one sample."""

    def one_step(self, z: Float[Array, " inputs *samples"]) -> Float[Array, " observed *samples"]:
        """Scaled increment over one sample from the network's inputs."""
        ...


@runtime_checkable
class Recursive(Protocol):
    """Capability for second-order training and pruning: a differentiable recursion."""

    def recursion(self) -> Recursion:
        """The resolved model as a recursion of its observed outputs."""
        ...
