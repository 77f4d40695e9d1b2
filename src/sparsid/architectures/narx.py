"""Options of a recurrent network, which maps lagged inputs and outputs to a plant's outputs."""

from collections.abc import Mapping, Sequence
from typing import Annotated, ClassVar, Literal, Self

import numpy as np
from jaxtyping import Float
from pydantic import AfterValidator, Field, model_validator

from sparsid._errors import SparsidError
from sparsid.architectures.arrays import ArraySpec, network_arrays
from sparsid.architectures.base import AbstractArchitecture, check_widths
from sparsid.architectures.derivative import MOST_LAYERS
from sparsid.data import Dataset
from sparsid.graph import LaggedOutputs
from sparsid.graph.activations import ACTIVATIONS

Count = Annotated[int, Field(ge=1, le=100_000)]  # lags; larger ones would exceed records


class NARX(AbstractArchitecture):
    """Configuration of a recurrent network: a NARX model in free run (NOE).

    An output depends on the inputs `delay` to `input_lags` samples ago and on `output_lags` earlier
    outputs of the model itself, through hidden layers of `widths`; with `skip` the regressors enter
    every layer. Source: chaber2018, equation 4 (n_A = `output_lags`, n_B = `input_lags`).
    """

    kind: Literal["narx"] = "narx"
    observes: ClassVar = "outputs"
    can: ClassVar = frozenset({"recursion"})
    recipes: ClassVar = ("recurrent",)
    baselines: ClassVar = ("linear, ARX", "linear, OE")
    widths: tuple[int, ...] = Field(
        default=(20,),
        max_length=MOST_LAYERS,
        description="units of the hidden layers; none: the linear model",
    )
    activation: Annotated[str, AfterValidator(ACTIVATIONS.known)] = Field(
        default="tanh", description="activation of hidden units"
    )
    output_lags: Count = Field(default=2, description="number of earlier outputs")
    input_lags: Count = Field(default=2, description="lag of the oldest input, in samples")
    delay: Count = Field(default=1, description="lag of the newest input, in samples")
    skip: bool = Field(default=False, description="lagged inputs and outputs enter every layer")
    bias: bool = Field(default=True, description="whether layers have biases")

    def model_post_init(self, _context) -> None:
        check_widths(self.widths)

    @model_validator(mode="after")
    def _delay_within_lags(self) -> Self:
        if self.delay > self.input_lags:
            raise SparsidError(
                f"`delay` must be at most `input_lags`, {self.input_lags}; got {self.delay}."
            )
        return self

    @property
    def lag(self) -> int:
        return max(self.output_lags, self.input_lags)

    def sentence(self) -> str:
        details = f"widths {list(self.widths)}, {self.activation}{', input skip' * self.skip}"
        lags = f"{self.output_lags} lags of outputs, inputs {self.delay} to {self.input_lags}"
        return f"{details}; recurrent, {lags} samples back"

    def network_inputs(self, observed: Sequence[str], inputs: Sequence[str]) -> tuple[str, ...]:
        """Lagged inputs, then lagged outputs: flow(k-1), flow(k-2), pH(k-1), ..."""

        def past(names: Sequence[str], lags: range) -> list[str]:
            return [f"{name}(k-{lag})" for lag in lags for name in names]

        return (
            *past(inputs, range(self.delay, self.input_lags + 1)),
            *past(observed, range(1, self.output_lags + 1)),
        )

    def regressors(
        self, x: Float[np.ndarray, "samples outputs"], u: Float[np.ndarray, "samples inputs"]
    ) -> Float[np.ndarray, "rows regressors"]:
        return LaggedOutputs(self.output_lags, self.input_lags, self.delay).regressors(x, u)

    def regressor_count(self, observed: int, inputs: int) -> int:
        """The number of inputs of the network."""
        return (self.input_lags - self.delay + 1) * inputs + self.output_lags * observed

    def arrays(self, observed: int, inputs: int) -> dict[str, ArraySpec]:
        return network_arrays(
            self.regressor_count(observed, inputs),
            observed,
            widths=self.widths,
            skip=self.skip,
            bias=self.bias,
        )

    def check_data(self, parts: Mapping[str, Dataset]) -> None:
        """Raises SparsidError for records that are too short or not excited."""
        for name, part in parts.items():
            if min(part.lengths) <= self.lag:
                raise SparsidError(
                    f"A record needs at least {self.lag + 1} samples (the model's lags and one "
                    f"more); the shortest {name} record has {min(part.lengths)}."
                )
        train = parts["training"]
        if not len(train.inputs):
            raise SparsidError(
                "A recurrent model needs an input that changes; the training data have none: "
                "record the plant while it is excited."
            )
        if constant := train.constant_states():
            raise SparsidError(
                f"The output {constant[0]} is constant in the training data: leave it out, or use "
                "more of the record."
            )
