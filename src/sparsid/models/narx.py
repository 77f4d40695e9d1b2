"""The recurrent network: a plant's outputs from its inputs and the model's own earlier outputs."""

from typing import Annotated, ClassVar, Literal, Self

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Key
from pydantic import Field, model_validator

from sparsid._errors import SparsidError
from sparsid.data import ScaledDataset
from sparsid.models.architecture import AbstractArchitecture, check_widths
from sparsid.models.mlp import ACTIVATIONS, MLP, build_mlp
from sparsid.models.model import AbstractModel, Recursion

Count = Annotated[int, Field(ge=1)]


class NARXModel(AbstractModel):
    """y(k) = network(u(k-delay) .. u(k-input_lags), y(k-1) .. y(k-output_lags)), in scaled numbers.

    On the march y is the model's own earlier output (parallel, NOE); one-step training gives it the
    recorded one (series-parallel, NARX). Pasts stand newest first.
    """

    network: MLP
    output_lags: int = eqx.field(static=True)
    input_lags: int = eqx.field(static=True)
    delay: int = eqx.field(static=True)

    @property
    def lag(self) -> int:
        """How many given rows a free run starts from."""
        return max(self.output_lags, self.input_lags)

    def recursion(self) -> Recursion:
        """An output follows from those before it and from past inputs."""
        return Recursion(self.output_lags, self.input_lags, self._next)

    def _next(
        self, past_y: Float[Array, "output_lags outputs"], past_u: Float[Array, "input_lags inputs"]
    ) -> Float[Array, " outputs"]:
        return self.network(jnp.concatenate([past_u[self.delay - 1 :].ravel(), past_y.ravel()]))

    def init(
        self, observed: Float[Array, "lag outputs"], inputs: Float[Array, "lag inputs"]
    ) -> tuple[Array, Array]:
        """(outputs, inputs) of the past, newest first; the newest input comes with the step."""
        return observed[::-1][: self.output_lags], inputs[-2::-1][: self.input_lags - 1]

    def step(
        self, carry: tuple[Array, Array], u: Float[Array, " inputs"]
    ) -> tuple[tuple[Array, Array], Array]:
        """(carry, observed) one sample later."""
        past_y, older_u = carry
        past_u = jnp.concatenate([u[None], older_u])
        y = self._next(past_y, past_u)
        return (jnp.concatenate([y[None], past_y[:-1]]), past_u[:-1]), y


class NARX(AbstractArchitecture):
    """Configuration of a recurrent network of the form of a NARX model, run freely (NOE).

    An output depends on the inputs `delay` to `input_lags` samples ago and on `output_lags` earlier
    outputs of the model itself, through hidden layers of `widths`; with `skip` the regressors reach
    every layer. Source: chaber2018, equation 4 (n_A = `output_lags`, n_B = `input_lags`).
    """

    kind: Literal["narx"] = "narx"
    observes: ClassVar = "outputs"
    can: ClassVar = frozenset({"recursion"})
    widths: tuple[int, ...] = (20,)
    activation: str = "tanh"
    output_lags: Count = 2
    input_lags: Count = 2
    delay: Count = 1
    skip: bool = False
    bias: bool = True

    def model_post_init(self, _context) -> None:
        ACTIVATIONS[self.activation]
        check_widths(self.widths)

    @model_validator(mode="after")
    def _delay_within_lags(self) -> Self:
        if self.delay > self.input_lags:
            raise SparsidError(
                f"`delay` must be at most `input_lags`, {self.input_lags}; got {self.delay}."
            )
        return self

    def sentence(self) -> str:
        told = f"widths {list(self.widths)}, {self.activation}{', input skip' * self.skip}"
        lags = f"{self.output_lags} lags of outputs, inputs {self.delay} to {self.input_lags}"
        return f"{told}; recurrent, {lags} samples back"

    def build(self, scaled: ScaledDataset, *, key: Key[Array, ""]) -> NARXModel:
        return self.skeleton(
            len(scaled.normaliser.states.scale), len(scaled.normaliser.inputs.scale), key=key
        )

    def regressors(
        self, x: Float[np.ndarray, "samples outputs"], u: Float[np.ndarray, "samples inputs"]
    ) -> Float[np.ndarray, "rows regressors"]:
        at = np.arange(max(self.output_lags, self.input_lags), len(x))
        inputs = [u[at - lag] for lag in range(self.delay, self.input_lags + 1)]
        return np.hstack([*inputs, *(x[at - lag] for lag in range(1, self.output_lags + 1))])

    def skeleton(self, observed: int, inputs: int, *, key: Key[Array, ""]) -> NARXModel:
        network = build_mlp(
            (self.input_lags - self.delay + 1) * inputs + self.output_lags * observed,
            observed,
            widths=self.widths,
            activation=self.activation,
            skip=self.skip,
            bias=self.bias,
            key=key,
        )
        return NARXModel(network, self.output_lags, self.input_lags, self.delay)

    def regressor_names(self, outputs: tuple[str, ...], inputs: tuple[str, ...]) -> tuple[str, ...]:
        """Names of the network's inputs, in their order: flow(k-1), flow(k-2), pH(k-1), ..."""

        def past(names, lags):
            return [f"{name}(k-{lag})" for lag in lags for name in names]

        return (
            *past(inputs, range(self.delay, self.input_lags + 1)),
            *past(outputs, range(1, self.output_lags + 1)),
        )
