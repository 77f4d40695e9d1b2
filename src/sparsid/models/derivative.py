"""The derivative network: learns how fast measured states change, and marches them in time."""

from typing import Any, ClassVar, Literal

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, Key
from pydantic import BaseModel, ConfigDict, Field

from sparsid._errors import SparsidError
from sparsid._registry import unknown
from sparsid._steppers import STEPPERS
from sparsid.data import ScaledDataset
from sparsid.models.mlp import ACTIVATIONS, MLP, PerOutput, build_mlp, build_per_output
from sparsid.models.parameters import Fixed


class DerivativeModel(eqx.Module):
    """x_{k+1} = step(x_k, u_k), in scaled numbers; time is counted in samples.

    The network maps (x, u) to the scaled increment over one sample; `gain` and `drift` turn that
    into the increment of the scaled state. What is observed is the state itself, so `lag` is 1.
    """

    network: MLP | PerOutput
    gain: Any  # Fixed, or its array once resolved; so is drift
    drift: Any
    stepper: str = eqx.field(static=True)
    lag: ClassVar[int] = 1
    observes: ClassVar[str] = "states"

    def increment(self, x: Float[Array, " states"], u: Float[Array, " inputs"]) -> Array:
        """Increment of the scaled state a sample; computed in the weights' own precision."""
        z = jnp.concatenate([x, u]).astype(self.gain.dtype)
        return self.drift + self.gain * self.network(z)

    def init(self, observed: Float[Array, "1 states"], inputs: Float[Array, "1 inputs"]) -> Array:
        return observed[0]

    def step(self, x: Float[Array, " states"], u: Float[Array, " inputs"]) -> tuple[Array, Array]:
        """(carry, observed) one sample later."""
        later = STEPPERS[self.stepper](self.increment, x, u, 1.0)
        return later, later


class DerivativeMLP(BaseModel):
    """Configuration of a derivative network.

    `widths` are the hidden layers (none: the linear model); `skip` feeds the inputs to every
    layer; `per_state` gives each state a network of its own; `stepper` marches in time.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")
    kind: Literal["derivative"] = "derivative"
    widths: tuple[int, ...] = (25, 25, 25, 25)
    activation: str = "relu"
    skip: bool = False
    per_state: bool = False
    stepper: str = Field(default="euler")

    def model_post_init(self, _context) -> None:
        ACTIVATIONS[self.activation]
        if self.stepper not in STEPPERS:
            raise SparsidError(unknown("stepper", self.stepper, STEPPERS))
        if any(width < 1 for width in self.widths):
            raise SparsidError(f"`widths` must be positive; got {list(self.widths)}.")

    def build(self, scaled: ScaledDataset, *, key: Key[Array, ""]) -> DerivativeModel:
        """A freshly started model for the states and inputs of `scaled`."""
        increments, states = scaled.normaliser.increments, scaled.normaliser.states
        return self.assemble(
            len(states.scale),
            len(scaled.normaliser.inputs.scale),
            gain=increments.scale / states.scale,
            drift=increments.offset / states.scale,
            key=key,
        )

    def assemble(self, states: int, inputs: int, *, gain, drift, key) -> DerivativeModel:
        """The same from bare numbers of states and inputs."""
        build = build_per_output if self.per_state else build_mlp
        network = build(
            states + inputs,
            states,
            widths=self.widths,
            activation=self.activation,
            skip=self.skip,
            key=key,
        )
        fixed = (Fixed(jnp.asarray(number, jnp.result_type(float))) for number in (gain, drift))
        return DerivativeModel(network, *fixed, stepper=self.stepper)
