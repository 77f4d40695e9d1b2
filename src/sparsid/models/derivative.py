"""The derivative network: learns how fast measured states change, and marches them in time."""

from dataclasses import replace
from typing import Annotated, Any, ClassVar, Literal

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float, Key
from pydantic import Field

from sparsid._errors import SparsidError
from sparsid._registry import unknown
from sparsid._steppers import STEPPERS
from sparsid.data import ScaledDataset
from sparsid.models.architecture import AbstractArchitecture, check_widths
from sparsid.models.least_squares import linear_map
from sparsid.models.mlp import ACTIVATIONS, MLP, PerOutput, build_mlp, build_per_output
from sparsid.models.model import AbstractModel, Recursion
from sparsid.models.parameters import Fixed

type Clipping = Literal["none", "hidden", "all", "linear"]


class DerivativeModel(AbstractModel):
    """x_{k+1} = step(x_k, u_k), in scaled numbers; time is counted in samples.

    The network maps (x, u) to the scaled increment over one sample; `gain` and `drift` turn that
    into the increment of the scaled state. What is observed is the state itself, so `lag` is 1.
    `low` and `high` are the training data's box of (x, u); `clip` says what they hold back on the
    march, `margin` how far outside, and `slope` is how it goes on (see DerivativeMLP). One-step
    training goes without: its inputs lie inside.
    """

    network: MLP | PerOutput
    gain: Any  # Fixed, or its array once resolved; so are drift, low, high and slope
    drift: Any
    stepper: str = eqx.field(static=True)
    low: Any = None
    high: Any = None
    slope: Any = None
    clip: Clipping = eqx.field(static=True, default="none")
    margin: float = eqx.field(static=True, default=0.0)
    lag: ClassVar[int] = 1  # pyright: ignore[reportIncompatibleMethodOverride]

    def increment(self, x: Float[Array, " states"], u: Float[Array, " inputs"]) -> Array:
        """Increment of the scaled state a sample; computed in the weights' own precision."""
        z = jnp.concatenate([x, u]).astype(self.gain.dtype)
        return self.drift + self.gain * self._network(z)

    def _network(self, z: Float[Array, " inputs"]) -> Float[Array, " states"]:
        if self.clip == "none":
            return self.network(z)
        inside = self._seen(z)
        if self.clip == "hidden":
            return self.network(z, inside)
        if self.clip == "all":
            return self.network(inside)
        return self.network(inside) + self.slope @ (z - inside)

    def _seen(self, z: Float[Array, " inputs"]) -> Float[Array, " inputs"]:
        """z, held back smoothly: it ends `margin` of the box's width outside the box."""
        inside = jnp.clip(z, self.low, self.high)
        if not self.margin:
            return inside
        room, over = self.margin * (self.high - self.low), z - inside
        return jnp.where(over == 0, z, inside + room * jnp.tanh(over / room))

    def one_step(self, z: Float[Array, " inputs *samples"]) -> Float[Array, " states *samples"]:
        """Scaled increment over one sample from (x, u), in the units of the network's output.

        Under Euler steps the network itself; else through the stepper, so that what the network
        learns is the derivative that the march then uses, and no trace of the steps' length.
        Networks per state see the inner stages as given, so that none answers for the errors of
        another. Nothing is held back by `clip`.
        """
        if self.stepper == "euler":
            return self.network(z)
        gain, drift = (part.reshape(-1, *[1] * (z.ndim - 1)) for part in (self.gain, self.drift))
        x, u = jnp.split(z, [len(self.gain)])

        def flow(change, u):
            if isinstance(self.network, PerOutput):
                change = jax.lax.stop_gradient(change)
            return drift + gain * self.network(jnp.concatenate([x + change, u]))

        return (STEPPERS[self.stepper](flow, jnp.zeros_like(x), u, 1.0) - drift) / gain

    def init(self, observed: Float[Array, "1 states"], inputs: Float[Array, "1 inputs"]) -> Array:
        return observed[0]

    def step(
        self, carry: Float[Array, " states"], u: Float[Array, " inputs"]
    ) -> tuple[Array, Array]:
        """(carry, observed) one sample later."""
        later = STEPPERS[self.stepper](self.increment, carry, u, 1.0)
        return later, later

    def recursion(self) -> Recursion:
        """A state follows from the one before it."""

        def later(past_x: Float[Array, "1 states"], past_u: Float[Array, "1 inputs"]) -> Array:
            return self.step(past_x[0], past_u[0])[1]

        return Recursion(1, 1, later)


class DerivativeMLP(AbstractArchitecture):
    """Configuration of a derivative network.

    `widths` are the hidden layers (none: the linear model); `skip` feeds the inputs to every
    layer; `per_state` gives each state a network of its own; `stepper` marches in time. Without
    `bias` no layer has one.

    `clip` holds what enters the network on the march to the box of the training data, beyond which
    a network only guesses. "linear" goes on from the box's edge with the slopes of the linear model
    (one-step least squares on the training data): exact balances stay exact, and what drives a
    state back inside goes on growing. "hidden" clips what enters hidden layers, while the direct
    linear path (the last layer's skip columns) still sees everything; "all" clips that path too.
    It bends over smoothly and ends `clip_margin` of the box's width outside it: near by, a network
    still guesses better than a line.
    """

    kind: Literal["derivative"] = "derivative"
    observes: ClassVar = "states"
    can: ClassVar = frozenset({"one-step", "recursion"})
    widths: tuple[int, ...] = (25, 25, 25, 25)
    activation: str = "relu"
    skip: bool = False
    per_state: bool = False
    bias: bool = True
    clip: Clipping = "none"
    clip_margin: Annotated[float, Field(ge=0, allow_inf_nan=False)] = 0.1
    stepper: str = Field(default="euler")

    def model_post_init(self, _context) -> None:
        ACTIVATIONS[self.activation]
        if self.stepper not in STEPPERS:
            raise SparsidError(unknown("stepper", self.stepper, STEPPERS))
        check_widths(self.widths)

    def sentence(self) -> str:
        told = [f"widths {list(self.widths)}, {self.activation}"]
        told += ["input skip"] * self.skip + ["one network per state"] * self.per_state
        return ", ".join([*told, f"{self.stepper} steps"])

    def build(self, scaled: ScaledDataset, *, key: Key[Array, ""]) -> DerivativeModel:
        """A freshly started model for the states and inputs of `scaled`."""
        increments, states = scaled.normaliser.increments, scaled.normaliser.states
        rows = np.concatenate([self.regressors(t.x, t.u) for t in scaled.scaled])
        return self.assemble(
            len(states.scale),
            len(scaled.normaliser.inputs.scale),
            gain=increments.scale / states.scale,
            drift=increments.offset / states.scale,
            low=rows.min(axis=0),
            high=rows.max(axis=0),
            slope=linear_map(scaled)[0] if self.clip == "linear" else 0.0,
            key=key,
        )

    def regressors(
        self, x: Float[np.ndarray, "samples states"], u: Float[np.ndarray, "samples inputs"]
    ) -> Float[np.ndarray, "samples channels"]:
        return np.hstack([x, u])

    def skeleton(self, observed: int, inputs: int, *, key: Key[Array, ""]) -> DerivativeModel:
        return self.assemble(
            observed, inputs, gain=np.ones(observed), drift=np.zeros(observed), key=key
        )

    def assemble(
        self,
        states: int,
        inputs: int,
        *,
        gain,
        drift,
        low: ArrayLike = -np.inf,
        high: ArrayLike = np.inf,
        slope: ArrayLike = 0.0,
        key,
    ) -> DerivativeModel:
        """The same from bare numbers of states and inputs.

        `low` and `high` bound (x, u) in scaled numbers, `slope` (states, states + inputs) counts
        beyond; they are kept only where `clip` asks.
        """
        build = build_per_output if self.per_state else build_mlp
        network = build(
            states + inputs,
            states,
            widths=self.widths,
            activation=self.activation,
            skip=self.skip,
            bias=self.bias,
            key=key,
        )
        model = DerivativeModel(network, _fixed(gain), _fixed(drift), self.stepper)
        if self.clip == "none":
            return model
        lower, upper = (np.broadcast_to(bound, (states + inputs,)) for bound in (low, high))
        box = {"low": _fixed(lower), "high": _fixed(upper), "margin": self.clip_margin}
        clipped = replace(model, clip=self.clip, **box)
        if self.clip != "linear":
            return clipped
        return replace(clipped, slope=_fixed(np.broadcast_to(slope, (states, states + inputs))))


def _fixed(numbers) -> Fixed:
    return Fixed(jnp.asarray(numbers, jnp.result_type(float)))
