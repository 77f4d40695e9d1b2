"""The derivative network: learns the time derivative of measured states and integrates it."""

from collections.abc import Mapping
from typing import Any, ClassVar, Self

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, ArrayLike, Float, Key

from sparsid._steppers import STEPPERS
from sparsid.architectures.derivative import Clipping, DerivativeMLP
from sparsid.data import ScaledDataset
from sparsid.graph import Clip, Graph, Increment, UpdateRule
from sparsid.models.least_squares import linear_map
from sparsid.models.mlp import (
    MLP,
    PerOutput,
    build_mlp,
    build_per_output,
    network_from_arrays,
    network_to_arrays,
)
from sparsid.models.model import AbstractModel, Recursion
from sparsid.models.parameters import Fixed

FIXED = ("gain", "drift", "low", "high", "slope")  # arrays that are not trained


class DerivativeModel(AbstractModel):
    """x_{k+1} = step(x_k, u_k), in scaled numbers; time is counted in samples.

    The network maps (x, u) to the scaled increment over one sample; `gain` and `drift` turn that
    into the increment of the scaled state. The state is observed, so `lag` is 1. `low` and `high`
    are the box of (x, u) over the training data; `clip`, `margin` and `slope` define how inputs
    outside it are clipped in free runs (see DerivativeMLP). One-step training does not clip: its
    inputs lie inside.
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

    @classmethod
    def build(
        cls, architecture: DerivativeMLP, scaled: ScaledDataset, *, key: Key[Array, ""]
    ) -> Self:
        """An initialised model for the states and inputs of `scaled`."""
        increments, states = scaled.normaliser.increments, scaled.normaliser.states
        rows = np.concatenate([architecture.regressors(t.x, t.u) for t in scaled.scaled])
        return cls.assemble(
            architecture,
            len(states.scale),
            len(scaled.normaliser.inputs.scale),
            gain=increments.scale / states.scale,
            drift=increments.offset / states.scale,
            low=rows.min(axis=0),
            high=rows.max(axis=0),
            slope=linear_map(scaled)[0] if architecture.clip == "linear" else 0.0,
            key=key,
        )

    @classmethod
    def assemble(
        cls,
        architecture: DerivativeMLP,
        states: int,
        inputs: int,
        *,
        gain,
        drift,
        low: ArrayLike = -np.inf,
        high: ArrayLike = np.inf,
        slope: ArrayLike = 0.0,
        key,
    ) -> Self:
        """The same from the numbers of states and inputs.

        `low` and `high` bound (x, u) in scaled numbers, `slope` (states, states + inputs) applies
        outside; they are stored only if `clip` uses them.
        """
        build = build_per_output if architecture.per_state else build_mlp
        network = build(
            states + inputs,
            states,
            widths=architecture.widths,
            activation=architecture.activation,
            skip=architecture.skip,
            bias=architecture.bias,
            key=key,
        )
        fixed = {"gain": gain, "drift": drift}
        if architecture.clip != "none":
            fixed |= {
                name: np.broadcast_to(bound, (states + inputs,))
                for name, bound in (("low", low), ("high", high))
            }
        if architecture.clip == "linear":
            fixed["slope"] = np.broadcast_to(slope, (states, states + inputs))
        return cls._of(architecture, network, {name: _fixed(of) for name, of in fixed.items()})

    @classmethod
    def from_arrays(cls, architecture: DerivativeMLP, arrays: Mapping[str, Array]) -> Self:
        network = network_from_arrays(
            arrays,
            architecture.widths,
            architecture.activation,
            per_output=architecture.per_state,
        )
        fixed = {name: Fixed(arrays[name]) for name in FIXED if name in arrays}
        return cls._of(architecture, network, fixed)

    @classmethod
    def _of(
        cls, architecture: DerivativeMLP, network: MLP | PerOutput, fixed: Mapping[str, Fixed]
    ) -> Self:
        clipped = {"clip": architecture.clip, "margin": architecture.clip_margin}
        own = {} if architecture.clip == "none" else clipped
        return cls(network, stepper=architecture.stepper, **fixed, **own)

    def arrays(self) -> dict[str, Array]:
        fixed = {name: getattr(self, name) for name in FIXED}
        return network_to_arrays(self.network) | {
            name: part.raw for name, part in fixed.items() if part is not None
        }

    def increment(self, x: Float[Array, " states"], u: Float[Array, " inputs"]) -> Array:
        """Increment of the scaled state per sample, in the precision of the weights."""
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
        """z clipped to the box, smoothly and at most `margin` times its width outside."""
        inside = jnp.clip(z, self.low, self.high)
        if not self.margin:
            return inside
        reach, over = self.margin * (self.high - self.low), z - inside
        return jnp.where(over == 0, z, inside + reach * jnp.tanh(over / reach))

    def one_step(self, z: Float[Array, " inputs *samples"]) -> Float[Array, " states *samples"]:
        """Scaled increment over one sample from (x, u), in the units of the network's output.

        For Euler steps the network itself; else computed by the stepper, so that the network learns
        the derivative that free runs integrate, independent of the step size. For networks per
        state no gradient passes the inner stages, so that no network is trained on the errors of
        another. `clip` is not applied.
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

    def graph_and_rule(
        self, inputs: tuple[str, ...], outputs: tuple[str, ...]
    ) -> tuple[Graph, UpdateRule]:
        clip = None
        if self.clip != "none":
            clip = Clip(self.low, self.high, self.clip, self.slope, self.margin)
        graph = self.network.graph(inputs, outputs, clip)
        return graph, Increment(self.gain, self.drift, self.stepper)


def _fixed(numbers) -> Fixed:
    return Fixed(jnp.asarray(numbers, jnp.result_type(float)))
