"""The structure of an ensemble's networks: which outputs depend on which inputs.

A link is a path of nonzero weights from an input of the network to an output. Derivative networks
map states and inputs to increments of the states; recurrent ones map lagged inputs and outputs to
outputs.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from jaxtyping import Bool, Float, Int

from sparsid._errors import SparsidError
from sparsid.data import Dataset
from sparsid.evaluation.fitting_data import matched
from sparsid.graph import Graph, Increment, Recurrence
from sparsid.models import Ensemble, recurrence_of

ROWS = 2000  # evenly spaced rows of a dataset for sensitivities


@dataclass(frozen=True, eq=False)
class Structure:
    """Links, live units and live weights of every member. Sensitivities are None without data.

    `sensitivity` is the mean of |d output / d input| over the data, both in standard deviations.
    """

    inputs: tuple[str, ...]
    outputs: tuple[str, ...]
    links: Bool[np.ndarray, "member outputs inputs"]
    units: Int[np.ndarray, " member"]
    weights: Int[np.ndarray, " member"]
    sensitivity: Float[np.ndarray, "member outputs inputs"] | None = None

    @property
    def frequency(self) -> Float[np.ndarray, "outputs inputs"]:
        """Share of the members that have each link."""
        return self.links.mean(axis=0)

    @property
    def agreement(self) -> float:
        """Mean Jaccard similarity of the link sets over all pairs; NaN for a single member."""
        return agreement(self.links)


@dataclass(frozen=True)
class Recovery:
    """Counts of found and true links. Ratios with denominator 0 are NaN."""

    true: int
    found: int
    both: int

    @property
    def precision(self) -> float:
        """Share of the links found that are true."""
        return self.both / self.found if self.found else np.nan

    @property
    def recall(self) -> float:
        """Share of the true links that were found."""
        return self.both / self.true if self.true else np.nan

    @property
    def f1(self) -> float:
        """Harmonic mean of precision and recall; 0 if no true link was found."""
        total = self.true + self.found
        return 2 * self.both / total if total else np.nan


def structure(ensemble: Ensemble, data: Dataset | None = None) -> Structure:
    """The structure of every member; with `data`, also sensitivities.

    Raises SparsidError for data that do not match the model.
    """
    members = [recurrence_of(ensemble, member) for member in range(len(ensemble))]
    points = None
    if data is not None:
        points = regressors(members[0], matched(ensemble.card, data)[0])
    graphs = [member.graph for member in members]
    live = [graph.live() for graph in graphs]
    return Structure(
        graphs[0].input_names,
        graphs[0].output_names,
        np.stack([graph.links() for graph in graphs]),
        np.array([found.unit_count for found in live]),
        np.array([found.weight_count for found in live]),
        None if points is None else np.stack([sensitivity(graph, points) for graph in graphs]),
    )


def sensitivity(
    graph: Graph, z: Float[np.ndarray, "batch inputs"]
) -> Float[np.ndarray, "outputs inputs"]:
    """Mean |d output / d input| over these points."""
    return np.abs(graph.slopes(z)).mean(axis=0)


def regressors(recurrence: Recurrence, matching: Dataset) -> Float[np.ndarray, "rows inputs"]:
    """The network's inputs over the data, in scaled units: at most `ROWS` evenly spaced rows.

    `matching` has only the model's channels, in its order (`matched`). Recurrent networks get the
    recorded outputs here, not simulated ones. Raises SparsidError for records without a row.
    """
    whole = np.concatenate([recurrence.regressors(t.x, t.u) for t in matching])
    if not len(whole):
        raise SparsidError(
            f"Records must be longer than the model's {recurrence.lag} lags; use longer ones."
        )
    return whole[np.unique(np.linspace(0, len(whole) - 1, min(len(whole), ROWS)).astype(int))]


def increment_of(recurrence: Recurrence) -> Increment:
    """The update rule of a model of states. Raises SparsidError for any other."""
    if not isinstance(recurrence.rule, Increment):
        raise SparsidError(
            "Equations and derivatives need a model of states; a recurrent model has none."
        )
    return recurrence.rule


def channel_scales(
    ensemble: Ensemble,
) -> tuple[Float[np.ndarray, " inputs"], Float[np.ndarray, " states"]]:
    """(standard deviations of states and inputs, those of the states' derivatives, per s).

    Over the training data. Raises SparsidError for a model that is not one of measured states.
    """
    recurrence = recurrence_of(ensemble, 0)
    scale = recurrence.observed.scale
    rates = scale * increment_of(recurrence).gain / recurrence.dt
    return np.concatenate([scale, recurrence.inputs.scale]), rates


def agreement(links: Bool[np.ndarray, "member outputs inputs"]) -> float:
    """Mean Jaccard similarity over all pairs of members; NaN for a single member."""
    found = [jaccard(a, b) for a, b in combinations(links, 2)]
    return float(np.mean(found)) if found else np.nan


def jaccard(a: Bool[np.ndarray, " *links"], b: Bool[np.ndarray, " *links"]) -> float:
    """Jaccard similarity: intersection over union; 1 for two empty sets."""
    either = np.count_nonzero(a | b)
    return np.count_nonzero(a & b) / either if either else 1.0


def pooled(structures: Sequence[Structure]) -> Structure:
    """The members of several models as one. Raises SparsidError if their channels differ."""
    first = structures[0]
    if any((s.inputs, s.outputs) != (first.inputs, first.outputs) for s in structures):
        raise SparsidError("Pooled models must have the same channels and the same lags.")

    def all_of(name: str) -> np.ndarray:
        return np.concatenate([getattr(s, name) for s in structures])

    known = all(s.sensitivity is not None for s in structures)
    return Structure(
        first.inputs,
        first.outputs,
        all_of("links"),
        all_of("units"),
        all_of("weights"),
        all_of("sensitivity") if known else None,
    )


def recovery(
    links: Bool[np.ndarray, "outputs inputs"], truth: Bool[np.ndarray, "outputs inputs"]
) -> Recovery:
    """Compares links with the true dependence (`AbstractProcess.depends`)."""
    if links.shape != truth.shape:
        raise SparsidError(
            f"Links and truth must have the same shape; got {links.shape} and {truth.shape}."
        )
    counts = (np.count_nonzero(of) for of in (truth, links, links & truth))
    return Recovery(*map(int, counts))
