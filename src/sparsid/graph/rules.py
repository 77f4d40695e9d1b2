"""Update rules: the next state and the observed outputs from a network's outputs.

All numbers are scaled and float64; time is counted in samples. The state of a rule is one vector,
the carry. Derivatives and patterns have a row for each entry of the next
carry, then for each observed channel, and a column for each entry of the carry, then for each
input.
"""

from dataclasses import dataclass, fields
from typing import NoReturn, Protocol

import numpy as np
from jaxtyping import Bool, Float

from sparsid._errors import SparsidError
from sparsid._steppers import STEPPERS
from sparsid.graph.network import Graph

type Names = tuple[str, ...]


class UpdateRule(Protocol):
    """Interface of an update rule."""

    @property
    def lag(self) -> int:
        """Number of given rows that a free run starts from."""
        ...

    @property
    def ahead(self) -> int:
        """Number of samples from the input of a step to its observed outputs."""
        ...

    def entries(self, observed: Names, inputs: Names) -> list[tuple[str, int | None]]:
        """(name, channel) of each entry of the carry; channels are numbered observed, then inputs.

        None for a hidden state, which is no channel.
        """
        ...

    def init(
        self, observed: Float[np.ndarray, "lag observed"], inputs: Float[np.ndarray, "lag inputs"]
    ) -> Float[np.ndarray, " carry"]:
        """The carry after the given rows, oldest first; the last input is for the first step."""
        ...

    def step(
        self, graph: Graph, carry: Float[np.ndarray, " carry"], u: Float[np.ndarray, " inputs"]
    ) -> tuple[Float[np.ndarray, " carry"], Float[np.ndarray, " observed"]]:
        """(carry, observed) after one sample with input `u`."""
        ...

    def slopes(
        self, graph: Graph, carry: Float[np.ndarray, " carry"], u: Float[np.ndarray, " inputs"]
    ) -> Float[np.ndarray, "rows columns"]:
        """Derivatives of `step`, exact."""
        ...

    def pattern(self, graph: Graph, inputs: int) -> Bool[np.ndarray, "rows columns"]:
        """Where a derivative can be nonzero; `inputs` is the number of input channels."""
        ...

    def regressors(
        self, x: Float[np.ndarray, "samples observed"], u: Float[np.ndarray, "samples inputs"]
    ) -> Float[np.ndarray, "rows regressors"]:
        """The network's inputs over a record: a row for each sample with a complete past."""
        ...


@dataclass(frozen=True, eq=False)
class Increment:
    """One step, from state x under input u, of dx/dk = drift + gain * network([x, u]).

    The state is observed. `stepper` is "euler" or "rk4".
    """

    gain: Float[np.ndarray, " states"]
    drift: Float[np.ndarray, " states"]
    stepper: str
    lag = ahead = 1

    def __post_init__(self):
        _as_float64(self)

    def entries(self, observed: Names, inputs: Names) -> list[tuple[str, int | None]]:
        return [(name, at) for at, name in enumerate(observed)]

    def init(self, observed: np.ndarray, inputs: np.ndarray) -> np.ndarray:
        return observed[0]

    def step(self, graph: Graph, carry: np.ndarray, u: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        later = STEPPERS[self.stepper](lambda x, u: self._rate(graph, x, u), carry, u, 1.0)
        return later, later

    def slopes(self, graph: Graph, carry: np.ndarray, u: np.ndarray) -> np.ndarray:
        """Derivatives by the variational equation, integrated together with the state."""

        def flow(both, u):
            x, along = both[:, 0], both[:, 1:]
            slopes = self.gain[:, None] * graph.slopes(np.concatenate([x, u])[None])[0]
            return np.column_stack([self._rate(graph, x, u), _chained(slopes, along)])

        begun = np.column_stack([carry, np.eye(len(carry), len(carry) + len(u))])
        later = STEPPERS[self.stepper](flow, begun, u, 1.0)[:, 1:]
        return np.concatenate([later, later])

    def pattern(self, graph: Graph, inputs: int) -> np.ndarray:
        """The same step with zeros and ones: nonnegative terms cannot cancel."""
        slopes, states = graph.pattern().astype(float), len(self.gain)
        begun = np.eye(states, states + inputs)
        later = STEPPERS[self.stepper](lambda along, _: _chained(slopes, along), begun, None, 1.0)
        return np.concatenate([later, later]) > 0

    def regressors(self, x: np.ndarray, u: np.ndarray) -> np.ndarray:
        return np.hstack([x, u])

    def _rate(self, graph: Graph, x: np.ndarray, u: np.ndarray) -> np.ndarray:
        return self.drift + self.gain * graph.evaluate(np.concatenate([x, u])[None])[0]


@dataclass(frozen=True)
class LaggedOutputs:
    """y(k) = network(u(k-delay) .. u(k-input_lags), y(k-1) .. y(k-output_lags)).

    The carry holds y(k-1) .. y(k-output_lags), then u(k-2) .. u(k-input_lags).
    """

    output_lags: int
    input_lags: int
    delay: int = 1
    ahead = 1

    @property
    def lag(self) -> int:
        return max(self.output_lags, self.input_lags)

    def entries(self, observed: Names, inputs: Names) -> list[tuple[str, int | None]]:
        kinds = [
            (range(1, self.output_lags + 1), observed, 0),
            (range(2, self.input_lags + 1), inputs, len(observed)),
        ]
        return [
            (f"{name}(k-{lag})", first + at)
            for lags, names, first in kinds
            for lag in lags
            for at, name in enumerate(names)
        ]

    def init(self, observed: np.ndarray, inputs: np.ndarray) -> np.ndarray:
        past_u = inputs[-2::-1][: self.input_lags - 1]
        return np.concatenate([observed[::-1][: self.output_lags].ravel(), past_u.ravel()])

    def step(self, graph: Graph, carry: np.ndarray, u: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        taken, kept = self._places(len(graph.output_names), len(u))
        known = np.concatenate([carry, u])
        y = graph.evaluate(known[taken][None])[0]
        return np.concatenate([known, y])[kept], y

    def slopes(self, graph: Graph, carry: np.ndarray, u: np.ndarray) -> np.ndarray:
        taken, _ = self._places(len(graph.output_names), len(u))
        known = np.concatenate([carry, u])
        return self._rows(graph.slopes(known[taken][None])[0], len(u))

    def pattern(self, graph: Graph, inputs: int) -> np.ndarray:
        return self._rows(graph.pattern(), inputs)

    def regressors(self, x: np.ndarray, u: np.ndarray) -> np.ndarray:
        at = np.arange(self.lag, len(x))
        inputs = [u[at - lag] for lag in range(self.delay, self.input_lags + 1)]
        return np.hstack([*inputs, *(x[at - lag] for lag in range(1, self.output_lags + 1))])

    def _rows(self, slopes: np.ndarray, inputs: int) -> np.ndarray:
        """Rows of a derivative or a pattern from those of the network."""
        outputs = len(slopes)
        taken, kept = self._places(outputs, inputs)
        columns = self.output_lags * outputs + self.input_lags * inputs
        y = np.zeros((outputs, columns), slopes.dtype)
        y[:, taken] = slopes
        return np.concatenate([np.concatenate([np.eye(columns, dtype=slopes.dtype), y])[kept], y])

    def _places(self, outputs: int, inputs: int) -> tuple[np.ndarray, np.ndarray]:
        """Indices of the network's inputs in [carry, u], of the next carry in [carry, u, y]."""
        past_y = np.arange(self.output_lags * outputs).reshape(self.output_lags, outputs)
        older = past_y.size + np.arange((self.input_lags - 1) * inputs)
        older = older.reshape(self.input_lags - 1, inputs)
        u = past_y.size + older.size + np.arange(inputs)
        y = past_y.size + older.size + inputs + np.arange(outputs)
        past_u = np.concatenate([u[None], older])
        taken = np.concatenate([past_u[self.delay - 1 :].ravel(), past_y.ravel()])
        kept = np.concatenate([y, past_y[:-1].ravel(), past_u[:-1].ravel()])
        return taken, kept


@dataclass(frozen=True, eq=False)
class HiddenStates:
    """[x(k+1), y(k)] = [[A, B], [C, D]] [x(k), u(k)] + [0, c] + network([x(k), u(k)]).

    The carry is x, which does not follow from rows of a record: runs start from a carry.
    """

    A: Float[np.ndarray, "hidden hidden"]
    B: Float[np.ndarray, "hidden inputs"]
    C: Float[np.ndarray, "observed hidden"]
    D: Float[np.ndarray, "observed inputs"]
    c: Float[np.ndarray, " observed"]
    lag: int = 1
    ahead = 0

    def __post_init__(self):
        _as_float64(self)

    def entries(self, observed: Names, inputs: Names) -> list[tuple[str, int | None]]:
        return [(f"x{at}", None) for at in range(1, len(self.A) + 1)]

    def init(self, observed: np.ndarray, inputs: np.ndarray) -> NoReturn:
        raise SparsidError("Hidden states are not known from rows of a record; give a carry.")

    def step(self, graph: Graph, carry: np.ndarray, u: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        z = np.concatenate([carry, u])
        both = self._linear() @ z + graph.evaluate(z[None])[0]
        return both[: len(carry)], both[len(carry) :] + self.c

    def slopes(self, graph: Graph, carry: np.ndarray, u: np.ndarray) -> np.ndarray:
        return self._linear() + graph.slopes(np.concatenate([carry, u])[None])[0]

    def pattern(self, graph: Graph, inputs: int) -> np.ndarray:
        return (self._linear() != 0) | graph.pattern()

    def regressors(self, x: np.ndarray, u: np.ndarray) -> NoReturn:
        raise SparsidError("The network's inputs include hidden states, which are in no record.")

    def _linear(self) -> np.ndarray:
        return np.block([[self.A, self.B], [self.C, self.D]])


def _chained(slopes: np.ndarray, along: np.ndarray) -> np.ndarray:
    """Chain rule: slopes (states, states + inputs) times [along; identity for the inputs]."""
    states, columns = along.shape
    return slopes @ np.concatenate([along, np.eye(columns - states, columns, k=states)])


def _as_float64(rule: Increment | HiddenStates) -> None:
    for field in fields(rule):
        if not isinstance(value := getattr(rule, field.name), int | str):
            object.__setattr__(rule, field.name, np.asarray(value, np.float64))
