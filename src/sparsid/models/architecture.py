"""What every kind of model offers before it has weights: its options, checked, and its start."""

from abc import abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Literal

import numpy as np
from jaxtyping import Array, Float, Key
from pydantic import BaseModel, ConfigDict, ValidationError

from sparsid._errors import SparsidError
from sparsid._registry import unknown
from sparsid.data import ScaledDataset


class AbstractArchitecture(BaseModel):
    """Options of a model; wrong ones raise SparsidError. In files `kind` tells which they are."""

    model_config = ConfigDict(frozen=True, extra="forbid")
    observes: ClassVar[Literal["states", "outputs"]]
    can: ClassVar[frozenset[str]]  # capabilities of its models beyond the contract, by name
    widths: tuple[int, ...]
    activation: str
    skip: bool

    if not TYPE_CHECKING:  # for a type checker the signature stays that of the fields

        def __init__(self, **options):
            try:
                BaseModel.__init__(self, **options)
            except ValidationError as error:
                raise SparsidError(_refusal(error, type(self))) from None

        # Inside a specification or a model file pydantic still says which key is wrong.
        __init__.__pydantic_base_init__ = True

    @abstractmethod
    def sentence(self) -> str:
        """The options in a line for people."""

    @abstractmethod
    def build(self, scaled: ScaledDataset, *, key: Key[Array, ""]) -> Any:
        """A freshly started model for the channels of `scaled`."""

    @abstractmethod
    def regressors(
        self, x: Float[np.ndarray, "samples observed"], u: Float[np.ndarray, "samples inputs"]
    ) -> Float[np.ndarray, "rows regressors"]:
        """What the network is given over a record: a row for each sample with all of its past.

        The recorded observations stand where a free run would have its own.
        """

    @abstractmethod
    def skeleton(self, observed: int, inputs: int, *, key: Key[Array, ""]) -> Any:
        """The same from bare numbers of channels: arrays of the right shapes, for files."""


def check_widths(widths: Sequence[int]) -> None:
    """Raises SparsidError for a hidden layer without units."""
    if any(width < 1 for width in widths):
        raise SparsidError(f"`widths` must be positive; got {list(widths)}.")


def _refusal(error: ValidationError, options: type[BaseModel]) -> str:
    """One sentence for the first option that is wrong."""
    first = error.errors()[0]
    if "error" in (told := first.get("ctx", {})):
        return str(told["error"])
    name = str(first["loc"][0])
    if first["type"] == "extra_forbidden":
        return unknown(f"option of {options.__name__}", name, options.model_fields)
    said = first["msg"][0].lower() + first["msg"][1:]
    return f"`{name}` of {options.__name__} is not usable ({said}); got {first['input']!r}."
