"""The interface of all processes, used by simulation, contract tests and the command line."""

from abc import abstractmethod
from collections.abc import Mapping
from types import ModuleType
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Key

from sparsid._registry import Registry
from sparsid.data import Channels
from sparsid.plants import PLANTS, Plant
from sparsid.processes.sources import AbstractSource


class AbstractProcess(eqx.Module):
    """A plant x' = flow(x, u), y = output(x, u), with its default excitation.

    Subclasses must be constructible without arguments and are registered by `add_process`, which
    also adds them to the contract tests. `facts` are its name, channels and source; `box` holds the
    physical bounds of every state and input, by name and in its unit; `dependence` names, for every
    state, the channels that its derivative truly depends on.
    """

    facts: eqx.AbstractClassVar[Plant]
    box: eqx.AbstractClassVar[Mapping[str, tuple[float, float]]]
    dependence: eqx.AbstractClassVar[Mapping[str, tuple[str, ...]]]

    @property
    def name(self) -> str:
        return self.facts.name

    @property
    def dt(self) -> float:
        """The default sampling time in s."""
        return self.facts.dt

    @property
    def states(self) -> Channels:
        return self.facts.states

    @property
    def outputs(self) -> Channels:
        return self.facts.outputs

    @property
    def inputs(self) -> Channels:
        return self.facts.inputs

    @abstractmethod
    def flow(
        self, x: Float[Array, " states"], u: Float[Array, " inputs"]
    ) -> Float[Array, " states"]:
        """Time derivative of the state, in its units per s.

        Returns NumPy float64 for NumPy arrays, else a JAX array.
        """

    @abstractmethod
    def output(
        self, x: Float[Array, " states"], u: Float[Array, " inputs"]
    ) -> Float[Array, " outputs"]:
        """The measured outputs; NumPy or JAX as for `flow`."""

    @abstractmethod
    def initial_state(self, *, key: Key[Array, ""]) -> Float[Array, " states"]:
        """One random initial state."""

    @abstractmethod
    def excitation(self, *, dt: float) -> AbstractSource:
        """The default source of the complete input vector, for a sampling time `dt` in s."""

    def depends(self) -> Bool[np.ndarray, "states columns"]:
        """The true dependence as a matrix: rows are state derivatives, columns states, inputs."""
        columns = (*self.states.names, *self.inputs.names)
        return np.array(
            [[name in self.dependence[state] for name in columns] for state in self.states.names]
        )

    def slopes(
        self, x: Float[np.ndarray, "rows states"], u: Float[np.ndarray, "rows inputs"]
    ) -> Float[np.ndarray, "rows states columns"]:
        """The Jacobian of `flow` at each row, columns as in `depends`, in float64."""
        with jax.enable_x64(True):
            both = jax.vmap(jax.jacfwd(self.flow, argnums=(0, 1)))(jnp.asarray(x), jnp.asarray(u))
            return np.asarray(jnp.concatenate(both, axis=2))


PROCESSES: Registry[type[AbstractProcess]] = Registry("process")


def add_process(process: type[AbstractProcess]) -> None:
    """Registers a process under its name, for Python and the command line."""
    PLANTS.register(process.facts.name)(process.facts)
    PROCESSES.register(process.facts.name)(process)


def named(name: str) -> AbstractProcess:
    """The process registered as `name`, in its default settings. Raises SparsidError."""
    return PROCESSES[name]()  # pyright: ignore[reportCallIssue]


def namespace(*arrays: Any) -> ModuleType:
    """numpy if all arguments are NumPy arrays, else jax.numpy; one implementation for both."""
    return np if all(isinstance(array, np.ndarray) for array in arrays) else jnp
