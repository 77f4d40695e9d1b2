"""True links and coefficients of built-in processes, for comparison with a model's."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Bool, Float

from sparsid._errors import SparsidError
from sparsid.data import Dataset
from sparsid.evaluation.equations import StateEquation
from sparsid.evaluation.structure import Structure, channel_scales
from sparsid.models import Ensemble
from sparsid.processes import named

WEAK = 0.01  # true links with a lower sensitivity are weak
CONSTANT = 1e-9  # relative: a true slope that varies less over the data is a coefficient
SLOPES = 2000  # evenly spaced rows of the data for sensitivities
ROWS = 500  # the same for coefficients


@dataclass(frozen=True, eq=False)
class TrueLinks:
    """The links of a process and, with data, their sensitivities.

    `sensitivity` is the mean of |d derivative / d input| over the data, both in standard
    deviations; None without data.
    """

    links: Bool[np.ndarray, "outputs inputs"]
    sensitivity: Float[np.ndarray, "outputs inputs"] | None

    @property
    def weak(self) -> Bool[np.ndarray, "outputs inputs"]:
        """True links with a sensitivity below `WEAK`; none if sensitivities are not known."""
        if self.sensitivity is None:
            return self.links & False
        return self.links & (self.sensitivity < WEAK)


def true_links(
    process: str, found: Structure, ensemble: Ensemble, data: Dataset | None = None
) -> TrueLinks:
    """The links of a built-in process, in the order of the model's channels.

    Sensitivities need `data` and a model of all channels of the process. Raises SparsidError for
    channels that the process does not have.
    """
    truth = named(process)
    rows, columns = truth.states.names, (*truth.states.names, *truth.inputs.names)
    missing = [n for n in (*found.outputs, *found.inputs) if n not in columns]
    if missing or not set(found.outputs) <= set(rows):
        raise SparsidError(
            f"The links of {process!r} are known between its own channels; the model's "
            f"{(missing or found.outputs)[0]!r} is none of them: {', '.join(columns)}."
        )
    at = np.ix_([rows.index(n) for n in found.outputs], [columns.index(n) for n in found.inputs])
    links = truth.depends()[at]
    if data is None or set(found.inputs) != set(columns):
        return TrueLinks(links, None)
    part = data.select(states=rows, inputs=truth.inputs.names, outputs=())
    x, u = (np.concatenate([getattr(t, c) for t in part]) for c in "xu")
    few = np.unique(np.linspace(0, len(x) - 1, SLOPES).astype(int))
    slopes = np.abs(truth.slopes(x[few], u[few])).mean(axis=0)[at]
    inputs, rates = channel_scales(ensemble)
    return TrueLinks(links, slopes * inputs / rates[:, None])


def true_coefficients(
    process: str, found: tuple[StateEquation, ...], data: Dataset
) -> Float[np.ndarray, "states inputs"]:
    """The slopes of a built-in process over the data, in physical units per s.

    NaN where a slope is not constant over the data. Raises SparsidError for equations between other
    channels than those of the process.
    """
    truth = named(process)
    channels = (*truth.states.names, *truth.inputs.names)
    if [equation.state for equation in found] != list(truth.states.names) or found[
        0
    ].inputs != channels:
        raise SparsidError(
            f"The true equations of {process!r} use its own channels, {', '.join(channels)}; "
            f"the model has {', '.join(found[0].inputs)}."
        )
    rows = np.concatenate([np.hstack([t.x, t.u]) for t in data])
    chosen = rows[np.unique(np.linspace(0, len(rows) - 1, ROWS).astype(int))]
    n = len(truth.states)
    slopes = truth.slopes(chosen[:, :n], chosen[:, n:])
    low, high = slopes.min(axis=0), slopes.max(axis=0)
    size = np.maximum(np.abs(low), np.abs(high))
    return np.where(high - low <= CONSTANT * size, slopes.mean(axis=0), np.nan)
