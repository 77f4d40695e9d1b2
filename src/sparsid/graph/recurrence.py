"""A trained member without JAX: network, update rule, scaling and names, in NumPy.

Equations, structure and exports use this only.
"""

from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

import numpy as np
from jaxtyping import Float, Shaped

from sparsid._errors import SparsidError
from sparsid.graph.network import Graph
from sparsid.graph.rules import UpdateRule


class StateSpace(NamedTuple):
    """Derivatives of one step, or where they can be nonzero (Boolean).

    `A` and `B` are those of the next carry with respect to carry and input, `C` and `D` those of
    the observed outputs.
    """

    A: Shaped[np.ndarray, "carry carry"]
    B: Shaped[np.ndarray, "carry inputs"]
    C: Shaped[np.ndarray, "observed carry"]
    D: Shaped[np.ndarray, "observed inputs"]


@dataclass(frozen=True, eq=False)
class ScaledChannels:
    """Names, units and scaling of channels, and their range in the training data (`box`)."""

    names: tuple[str, ...]
    units: tuple[str | None, ...]
    offset: Float[np.ndarray, " channels"]
    scale: Float[np.ndarray, " channels"]
    box: Float[np.ndarray, "2 channels"]

    def __post_init__(self):
        for name in ("offset", "scale", "box"):
            object.__setattr__(self, name, np.asarray(getattr(self, name), np.float64))

    def __len__(self) -> int:
        return len(self.names)

    def scaled(self, values: Float[np.ndarray, "*rows channels"]) -> np.ndarray:
        """(values - offset) / scale."""
        return (values - self.offset) / self.scale

    def physical(self, values: Float[np.ndarray, "*rows channels"]) -> np.ndarray:
        """offset + scale * values."""
        return self.offset + self.scale * values


@dataclass(frozen=True, eq=False)
class Recurrence:
    """carry, y = step(carry, u): one member as a simulator in float64.

    Inputs u and observations y are in physical units. The carry, a vector of fixed size, is in
    scaled numbers, so that its precision does not depend on the size of an offset: an entry that
    carries a channel has the value offset + scale * entry (`carry_offset`, `carry_scale`). `dt` is
    in s.
    """

    graph: Graph
    rule: UpdateRule
    observed: ScaledChannels
    inputs: ScaledChannels
    dt: float

    @property
    def lag(self) -> int:
        """Number of given rows that a free run starts from."""
        return self.rule.lag

    @cached_property
    def carry_names(self) -> tuple[str, ...]:
        """Names of the carry's entries, lagged ones as pH(k-1)."""
        return tuple(name for name, _ in self._entries)

    @cached_property
    def carry_offset(self) -> Float[np.ndarray, " carry"]:
        """Offset of the channel that each entry carries, in its unit; 0 for hidden states."""
        return self._of_channels(np.concatenate([self.observed.offset, self.inputs.offset]), 0.0)

    @cached_property
    def carry_scale(self) -> Float[np.ndarray, " carry"]:
        """Scale of the channel that each entry carries, in its unit; 1 for hidden states."""
        return self._of_channels(np.concatenate([self.observed.scale, self.inputs.scale]), 1.0)

    def init(
        self, observed: Float[np.ndarray, "lag observed"], inputs: Float[np.ndarray, "lag inputs"]
    ) -> Float[np.ndarray, " carry"]:
        """The carry after the given rows, oldest first; the last input is that of the first step.

        Physical units. Raises SparsidError for other shapes, and for a model whose carry does not
        follow from rows.
        """
        observed, inputs = np.asarray(observed, float), np.asarray(inputs, float)
        wanted = (self.lag, len(self.observed)), (self.lag, len(self.inputs))
        if (observed.shape, inputs.shape) != wanted:
            raise SparsidError(
                f"`observed` and `inputs` must have the shapes {wanted[0]} and {wanted[1]}; "
                f"got {observed.shape} and {inputs.shape}."
            )
        return self.rule.init(self.observed.scaled(observed), self.inputs.scaled(inputs))

    def step(
        self, carry: Float[np.ndarray, " carry"], u: Float[np.ndarray, " inputs"]
    ) -> tuple[Float[np.ndarray, " carry"], Float[np.ndarray, " observed"]]:
        """(carry, observed) after one sample with constant input `u`.

        The observed outputs are those `rule.ahead` samples after `u`.
        """
        with np.errstate(over="ignore", invalid="ignore"):  # a run that diverges is a result
            carry, y = self.rule.step(self.graph, carry, self.inputs.scaled(u))
            return carry, self.observed.physical(y)

    def run(
        self, carry: Float[np.ndarray, " carry"], u: Float[np.ndarray, "time inputs"]
    ) -> Float[np.ndarray, "time observed"]:
        """The observed outputs for this sequence of inputs; inf or NaN once the run diverges."""
        rows = np.empty((len(u), len(self.observed)))
        for k, u_k in enumerate(np.asarray(u, float)):
            carry, rows[k] = self.step(carry, u_k)
        return rows

    def jacobian(
        self, carry: Float[np.ndarray, " carry"], u: Float[np.ndarray, " inputs"]
    ) -> StateSpace:
        """Exact derivatives of `step` at this carry and input: u and y in physical units."""
        slopes = self.rule.slopes(self.graph, carry, self.inputs.scaled(u))
        rows = np.concatenate([np.ones(len(carry)), self.observed.scale])
        columns = np.concatenate([np.ones(len(carry)), self.inputs.scale])
        return self._blocks(rows[:, None] * slopes / columns)

    def pattern(self) -> StateSpace:
        """Where `jacobian` can be nonzero for any carry and input: Boolean.

        It follows from nonzero weights, the slopes of a linear `clip`, and the update rule. Scaling
        is separate for each channel and adds nothing.
        """
        return self._blocks(self.rule.pattern(self.graph, len(self.inputs)))

    def outside(self, carry: Float[np.ndarray, " carry"], u: Float[np.ndarray, " inputs"]) -> bool:
        """Whether the input or a channel of the carry is outside the box of the training data."""
        low, high = np.concatenate(
            [self.observed.scaled(self.observed.box), self.inputs.scaled(self.inputs.box)], axis=1
        )
        bounds = self._of_channels(low, -np.inf), self._of_channels(high, np.inf)
        inside = (carry >= bounds[0]) & (carry <= bounds[1])
        return not (inside.all() and ((u >= self.inputs.box[0]) & (u <= self.inputs.box[1])).all())

    def regressors(
        self, x: Float[np.ndarray, "samples observed"], u: Float[np.ndarray, "samples inputs"]
    ) -> Float[np.ndarray, "rows regressors"]:
        """The network's scaled inputs over a record in physical units, one row per sample.

        Recorded observations take the place of a free run's own outputs.
        """
        return self.rule.regressors(self.observed.scaled(x), self.inputs.scaled(u))

    @cached_property
    def _entries(self) -> list[tuple[str, int | None]]:
        return self.rule.entries(self.observed.names, self.inputs.names)

    def _of_channels(self, values: np.ndarray, otherwise: float) -> np.ndarray:
        """A number for each entry of the carry from those of all channels."""
        return np.array([otherwise if at is None else values[at] for _, at in self._entries])

    def _blocks(self, full: Shaped[np.ndarray, "rows columns"]) -> StateSpace:
        size = len(self._entries)
        return StateSpace(
            full[:size, :size], full[:size, size:], full[size:, :size], full[size:, size:]
        )
