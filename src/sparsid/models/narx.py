"""The NARX network: outputs from past inputs and past outputs."""

from collections.abc import Mapping
from typing import Any, Self

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, Key

from sparsid.architectures.narx import NARX
from sparsid.data import ScaledDataset
from sparsid.graph import Graph, LaggedOutputs, UpdateRule
from sparsid.models.mlp import MLP, build_mlp, network_from_arrays, network_to_arrays
from sparsid.models.model import AbstractModel, Recursion


class NARXModel(AbstractModel):
    """y(k) = network(u(k-delay) .. u(k-input_lags), y(k-1) .. y(k-output_lags)), in scaled numbers.

    In free runs past y are the model's own outputs (parallel, NOE); in one-step training they are
    the recorded ones (series-parallel, NARX). Pasts are ordered newest first.
    """

    network: MLP
    output_lags: int = eqx.field(static=True)
    input_lags: int = eqx.field(static=True)
    delay: int = eqx.field(static=True)

    @classmethod
    def build(cls, architecture: NARX, scaled: ScaledDataset, *, key: Key[Array, ""]) -> Self:
        """An initialised model for the outputs and inputs of `scaled`."""
        observed, inputs = (
            len(of.scale) for of in (scaled.normaliser.states, scaled.normaliser.inputs)
        )
        network = build_mlp(
            architecture.regressor_count(observed, inputs),
            observed,
            widths=architecture.widths,
            activation=architecture.activation,
            skip=architecture.skip,
            bias=architecture.bias,
            key=key,
        )
        return cls._of(architecture, network)

    @classmethod
    def from_arrays(cls, architecture: NARX, arrays: Mapping[str, Array]) -> Self:
        network = network_from_arrays(arrays, architecture.widths, architecture.activation)
        return cls._of(architecture, network)

    @classmethod
    def _of(cls, architecture: NARX, network: Any) -> Self:
        lags = architecture.output_lags, architecture.input_lags, architecture.delay
        return cls(network, *lags)

    def arrays(self) -> dict[str, Array]:
        return network_to_arrays(self.network)

    @property
    def lag(self) -> int:
        """Number of given rows that a free run starts from."""
        return max(self.output_lags, self.input_lags)

    def recursion(self) -> Recursion:
        """The next outputs from past outputs and past inputs."""
        return Recursion(self.output_lags, self.input_lags, self._next)

    def _next(
        self, past_y: Float[Array, "output_lags outputs"], past_u: Float[Array, "input_lags inputs"]
    ) -> Float[Array, " outputs"]:
        return self.network(jnp.concatenate([past_u[self.delay - 1 :].ravel(), past_y.ravel()]))

    def init(
        self, observed: Float[Array, "lag outputs"], inputs: Float[Array, "lag inputs"]
    ) -> tuple[Array, Array]:
        """Past (outputs, inputs), newest first, without the input of the first step."""
        return observed[::-1][: self.output_lags], inputs[-2::-1][: self.input_lags - 1]

    def step(
        self, carry: tuple[Array, Array], u: Float[Array, " inputs"]
    ) -> tuple[tuple[Array, Array], Array]:
        """(carry, observed) one sample later."""
        past_y, older_u = carry
        past_u = jnp.concatenate([u[None], older_u])
        y = self._next(past_y, past_u)
        return (jnp.concatenate([y[None], past_y[:-1]]), past_u[:-1]), y

    def graph_and_rule(
        self, inputs: tuple[str, ...], outputs: tuple[str, ...]
    ) -> tuple[Graph, UpdateRule]:
        rule = LaggedOutputs(self.output_lags, self.input_lags, self.delay)
        return self.network.graph(inputs, outputs), rule
