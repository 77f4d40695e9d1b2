"""Trained models in physical units."""

import functools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Float

from sparsid._devices import over_members, padding
from sparsid._errors import SparsidError
from sparsid.architectures import MODELS, Card, ModelFile, write_file
from sparsid.data import Normaliser
from sparsid.models.parameters import resolve, settle, weights
from sparsid.models.rollout import rollout

SCALING = "scaling."  # prefix of the names of arrays in physical units in a file


class Scaling(eqx.Module):
    """Offsets and scales of observed channels and inputs, in physical units."""

    offset: np.ndarray
    scale: np.ndarray
    input_offset: np.ndarray
    input_scale: np.ndarray


class Simulator(eqx.Module):
    """One trained member in physical units; scaling is internal."""

    model: Any
    scaling: Scaling

    @property
    def lag(self) -> int:
        """Number of given rows that a free run starts from."""
        return self.model.lag

    def init(self, observed, inputs):
        s = self.scaling
        return resolve(self.model).init(
            (observed - s.offset) / s.scale, (inputs - s.input_offset) / s.input_scale
        )

    def step(self, carry, u):
        """(carry, observed in physical units) one sample later, with input u (m,)."""
        s = self.scaling
        carry, observed = resolve(self.model).step(carry, (u - s.input_offset) / s.input_scale)
        return carry, s.offset + s.scale * observed

    def rollout(
        self, start: Float[np.ndarray, "*lag n"], u: Float[np.ndarray, "time m"]
    ) -> Float[np.ndarray, "time n"]:
        """Free run from `start` (n,), or (lag, n) where lag > 1, under inputs `u`.

        Physical units; the state is carried in float64. Row k aligns with row k of a record: the
        first `lag` rows are the given ones and the last input is not used. If the run diverges, its
        rows are inf or NaN. Raises SparsidError for wrong shapes.
        """
        start, u = np.asarray(start, np.float64), np.asarray(u, np.float64)
        n, m = len(self.scaling.scale), len(self.scaling.input_scale)
        wanted = (n,) if self.lag == 1 else (self.lag, n)
        if start.shape != wanted or u.ndim != 2 or u.shape[1] != m or len(u) < self.lag:
            raise SparsidError(
                f"A free run needs `start` of shape {wanted} and `u` of shape (time, {m}); "
                f"got {start.shape} and {u.shape}."
            )
        with jax.enable_x64(True):
            return np.asarray(_run_one(self, start, u))


@eqx.filter_jit
def _run_one(simulator: Simulator, start, u):
    return rollout(simulator, start, u)


@dataclass(frozen=True)
class Ensemble:
    """Members of one architecture, trained in the same way; iterable, see also `.members`.

    `stacked` is one Simulator whose weights have a leading member axis.
    """

    stacked: Simulator
    size: int
    card: Card

    @classmethod
    def of(cls, models, normaliser: Normaliser, card: Card, size: int) -> "Ensemble":
        """From stacked scaled models (leading axis: member); their effective weights are stored."""
        scaling = Scaling(
            normaliser.states.offset,
            normaliser.states.scale,
            normaliser.inputs.offset,
            normaliser.inputs.scale,
        )
        with jax.enable_x64(True):  # weights keep their precision
            stacked = jax.tree.map(np.asarray, settle(models))
        return cls(Simulator(stacked, scaling), size, card)

    @functools.cached_property
    def members(self) -> tuple[Simulator, ...]:
        """Each member as a Simulator."""
        scaling = self.stacked.scaling
        return tuple(
            Simulator(jax.tree.map(lambda leaf, i=i: leaf[i], self.stacked.model), scaling)
            for i in range(self.size)
        )

    @property
    def lag(self) -> int:
        """Number of given rows that a free run starts from."""
        return self.stacked.lag

    def __iter__(self) -> Iterator[Simulator]:
        return iter(self.members)

    def __len__(self) -> int:
        return self.size

    def pick(self, members) -> "Ensemble":
        """The ensemble of these members only (indices)."""
        at = np.asarray(members)
        model = jax.tree.map(lambda leaf: leaf[at], self.stacked.model)
        return Ensemble(Simulator(model, self.stacked.scaling), len(at), self.card)

    def weights(self) -> list[tuple[str, np.ndarray]]:
        """(role, array (member, ...)) of every weight matrix, without biases."""
        return [(w.role, np.asarray(w.value())) for w in weights(self.stacked.model)]

    def run(
        self, start: Float[np.ndarray, "trajectory *lag n"], u: Float[np.ndarray, "trajectory T m"]
    ) -> Float[np.ndarray, "member trajectory T n"]:
        """Free runs of all members over all trajectories in one call, in physical units."""
        extra = padding(self.size)
        stacked = jax.tree.map(
            lambda leaf: np.concatenate([leaf, leaf[-1:].repeat(extra, axis=0)]),
            self.stacked.model,
        )
        with jax.enable_x64(True):
            runs = _run_many()(stacked, self.stacked.scaling, start, u)
            return np.asarray(runs)[: self.size]

    def save(self, path: str | Path) -> None:
        """Writes a model file (docs/file-format.md). Raises SparsidError if it cannot."""
        arrays = self.stacked.model.arrays() | {
            f"{SCALING}{name}": array for name, array in vars(self.stacked.scaling).items()
        }
        arrays = {name: np.asarray(array) for name, array in arrays.items()}
        write_file(ModelFile(self.card, self.size, arrays), path)

    @classmethod
    def of_file(cls, file: ModelFile) -> "Ensemble":
        """The ensemble that a model file holds."""
        own = {name: a for name, a in file.arrays.items() if not name.startswith(SCALING)}
        scaling = {
            name.removeprefix(SCALING): a
            for name, a in file.arrays.items()
            if name.startswith(SCALING)
        }
        architecture = file.card.architecture
        model = MODELS[architecture.kind].from_arrays(architecture, own)
        return cls(Simulator(model, Scaling(**scaling)), file.members, file.card)


@functools.cache
def _run_many():
    """The compiled free run of a stack; created on first use, when the devices are known."""

    def one(model, scaling, starts, inputs):
        simulator = Simulator(model, scaling)
        return jax.vmap(lambda s, u: rollout(simulator, s, u))(starts, inputs)

    return over_members(one)
