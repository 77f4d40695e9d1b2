"""Early stopping: the points of least validation error during training."""

import numpy as np
from jaxtyping import Bool, Float

from sparsid.training.curvature import Point, error, on_device, program
from sparsid.training.layout import Layout
from sparsid.training.windows import Windows


class Early:
    """Each member's point of least validation error among those evaluated.

    A point whose training error is above the member's `largest_error` counts only until one below
    it is found. Call it inside `jax.enable_x64(True)`.
    """

    def __init__(
        self,
        layout: Layout,
        feedback: bool,
        validation: Windows,
        largest_error: Float[np.ndarray, " member"] | None = None,
    ):
        self._error = program(error, layout, feedback)
        self._validation = on_device(validation)
        self._largest_error = np.inf if largest_error is None else largest_error
        self._seen: tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray] | None = None

    def look(self, points: Point, errors: Float[np.ndarray, " member"]) -> None:
        """Evaluates the members' current points; `points` may be padded, `errors` are not."""
        size = len(errors)
        validation = np.asarray(self._error(points, self._validation))[:size]
        theta = np.asarray(points.theta)[:size]
        admissible = errors <= self._largest_error
        if self._seen is None:
            self._seen = theta.copy(), errors.copy(), validation.copy(), admissible
            return
        better = _better(validation, admissible, self._seen)
        for mine, now in zip(self._seen, (theta, errors, validation, admissible), strict=True):
            mine[better] = now[better]

    def best(self) -> tuple[Float[np.ndarray, "member size"], Float[np.ndarray, " member"]]:
        """(theta, training errors) of the best points."""
        assert self._seen is not None
        return self._seen[0], self._seen[1]


def _better(
    validation: np.ndarray, admissible: np.ndarray, seen: tuple[np.ndarray, ...]
) -> Bool[np.ndarray, " member"]:
    """Members whose new point is better: admissible, or of less error if both or none are."""
    _, _, least, was_admissible = seen
    return (admissible & ~was_admissible) | ((admissible == was_admissible) & (validation < least))
