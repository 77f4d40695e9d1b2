"""Ensembles trained through phases, from initialisation to the result."""

from collections.abc import Mapping, Sequence

import jax
import jax.numpy as jnp
from jaxtyping import Array, Key, PyTree

from sparsid._errors import SparsidError
from sparsid.architectures import AbstractArchitecture
from sparsid.architectures.capabilities import check_serves
from sparsid.data import ScaledDataset
from sparsid.training.members import Members
from sparsid.training.progress import Callback, interruptible
from sparsid.training.training import AnyPhase, Fitted, Monitor, Training


def fit_ensemble(
    architecture: AbstractArchitecture,
    train: ScaledDataset,
    phases: Sequence[AnyPhase],
    *,
    size: int = 10,
    monitor: Monitor | None = None,
    callback: Callback | None = None,
    start: PyTree | None = None,
    dtype: str = "float32",
    key: Key[Array, ""],
) -> Fitted:
    """Trains `size` members through `phases` on scaled data, on all devices.

    Member i depends on `key` and i only. `callback` is called after every epoch. `start` is a
    stacked scaled model to start from instead of random ones. Ctrl-C ends training after the
    current epoch with a usable result. Raises SparsidError without members or phases, and for a
    phase that the architecture or the data do not support.
    """
    branches = {"": tuple(phases)}
    options = {
        "size": size,
        "monitor": monitor,
        "callback": callback,
        "start": start,
        "dtype": dtype,
    }
    return fit_branches(architecture, train, (), branches, key=key, **options)[""]


def fit_branches(
    architecture: AbstractArchitecture,
    train: ScaledDataset,
    prefix: Sequence[AnyPhase],
    branches: Mapping[str, Sequence[AnyPhase]],
    *,
    size: int = 10,
    monitor: Monitor | None = None,
    callback: Callback | None = None,
    start: PyTree | None = None,
    dtype: str = "float32",
    key: Key[Array, ""],
) -> dict[str, Fitted]:
    """Trains a common `prefix` once, then continues with every branch; else as `fit_ensemble`.

    A branch gives bitwise the result of training it alone from the start. Use it to compare, for
    example, X with X and weight averaging, which share three quarters of their training.
    """
    all_phases = {name: (*prefix, *branch) for name, branch in branches.items()}
    if size < 1 or not all_phases or not all(all_phases.values()):
        raise SparsidError(
            f"Training needs at least one member and one phase; got {size} and "
            f"{min(map(len, all_phases.values()), default=0)}."
        )
    keys = jax.vmap(lambda i: jax.random.fold_in(key, i))(jnp.arange(size))
    with jax.enable_x64(dtype == "float64"), interruptible() as stop:
        training = Training(architecture, train, monitor=monitor, callback=callback, stop=stop)
        common = training.begin(keys, start=start)
        for phases in all_phases.values():
            _check(training, common, phases)
        training.total = max(_epochs(phases) for phases in all_phases.values())
        for phase in prefix:
            common = training.run(common, phase)
        results = {}
        for name, phases in all_phases.items():
            training.total, members = _epochs(phases), common
            for phase in phases[len(prefix) :]:
                members = training.run(members, phase)
            results[name] = training.fitted(members)
        return results


def check_phases(
    architecture: AbstractArchitecture,
    train: ScaledDataset,
    phases: Sequence[AnyPhase],
    monitor: Monitor | None = None,
) -> None:
    """Raises SparsidError if `phases` cannot be trained; trains nothing."""
    training = Training(architecture, train, monitor=monitor)
    _check(training, training.begin(jax.random.split(jax.random.key(0), 1)), phases)


def _check(training: Training, members: Members, phases: Sequence[AnyPhase]) -> None:
    """Raises SparsidError for an unsuitable later phase before anything is trained."""
    thinned = False
    for phase in phases:
        check_serves(training.architecture, phase)
        phase.check(training, members, thinned=thinned)
        thinned |= phase.removes_weights


def _epochs(phases: Sequence[AnyPhase]) -> int:
    return sum(phase.epochs for phase in phases)
