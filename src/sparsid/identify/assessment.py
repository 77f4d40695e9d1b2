"""Evaluation of a fit: errors of all models on the validation and test parts."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float

from sparsid.evaluation import sparsity
from sparsid.identify.errors import simulation_errors
from sparsid.identify.estimation import Candidate, FitResult


@dataclass(frozen=True, eq=False)
class Judged:
    """A model and its error: RMSE of the median run in training standard deviations."""

    candidate: Candidate
    chosen: bool
    errors: Float[np.ndarray, " channels"]
    nonzero: float  # weights, median over members

    @property
    def mean(self) -> float:
        return float(self.errors.mean())


@dataclass(frozen=True, eq=False)
class Assessment:
    """The errors of all models, with remarks.

    `part` is the part they are computed on: the test part, or the part used for selection if there
    is no test part. `chose` is the part used for selection; None if it is the same.
    """

    part: Literal["test", "validation", "training"]
    chose: Literal["validation", "training"] | None
    channels: tuple[str, ...]
    models: tuple[Judged, ...]
    remarks: tuple[str, ...]


def assess(result: FitResult) -> Assessment:
    """Evaluates the chosen network, the other candidates and the linear models."""
    parts = result.parts
    judged = parts.test or parts.validation
    part = "test" if parts.test is not None else parts.chooses
    models = tuple(
        Judged(
            candidate,
            candidate is result.chosen,
            simulation_errors(candidate.ensemble, judged)[1],
            sparsity(candidate.ensemble).nonzero_median,
        )
        for candidate in (*result.tried, *result.linear)
    )
    chose = parts.chooses if parts.test is not None else None
    return Assessment(part, chose, judged.states.names, models, _remarks(result, models, part))


def _remarks(result: FitResult, models: tuple[Judged, ...], part: str) -> tuple[str, ...]:
    """A warning if a linear model is better than the chosen network on the test part."""
    linear = [judged for judged in models if judged.candidate in result.linear]
    chosen = next(judged for judged in models if judged.chosen)
    best = min(linear, key=lambda judged: judged.mean, default=None)
    if part != "test" or best is None or chosen.mean < best.mean:
        return ()
    return (
        f"On the test data the model {best.candidate.name!r} has a lower error than the chosen "
        f"{chosen.candidate.name!r} ({best.mean:.3g} against {chosen.mean:.3g}).",
    )
