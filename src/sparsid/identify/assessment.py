"""What a fit is worth: one measure for all models, over the parts that chose and that judge."""

from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float

from sparsid.evaluation import sparsity
from sparsid.identify.errors import simulation_errors
from sparsid.identify.estimation import Candidate, FitResult


@dataclass(frozen=True, eq=False)
class Judged:
    """A model over the part that judges: RMSE of its median run in training standard deviations."""

    candidate: Candidate
    chosen: bool
    errors: Float[np.ndarray, " channels"]
    nonzero: float  # weights, the median of the members

    @property
    def mean(self) -> float:
        return float(self.errors.mean())


@dataclass(frozen=True, eq=False)
class Assessment:
    """All models side by side, and what should be said of them.

    `part` judges: the test part, or what chose where nothing was kept back for a test. `chose` is
    the part whose errors chose; None where it is the same.
    """

    part: Literal["test", "validation", "training"]
    chose: Literal["validation", "training"] | None
    channels: tuple[str, ...]
    models: tuple[Judged, ...]
    remarks: tuple[str, ...]


def assess(result: FitResult) -> Assessment:
    """The chosen network beside the other candidates and the linear models."""
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
    """What the test part says against the choice, which it had no part in."""
    linear = [judged for judged in models if judged.candidate in result.linear]
    chosen = next(judged for judged in models if judged.chosen)
    best = min(linear, key=lambda judged: judged.mean, default=None)
    if part != "test" or best is None or chosen.mean < best.mean:
        return ()
    return (
        f"Over the test data the model {best.candidate.name!r} runs better than the chosen "
        f"{chosen.candidate.name!r} ({best.mean:.3g} against {chosen.mean:.3g}).",
    )
