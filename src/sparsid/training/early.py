"""Early stopping: of the points a descent passes, those that the validation record likes best."""

import numpy as np
from jaxtyping import Bool, Float

from sparsid.training.curvature import Point, error, on_device, program
from sparsid.training.layout import Layout
from sparsid.training.windows import Windows


class Early:
    """Each member's point of least validation error among those looked at.

    A point whose training error is above the member's `largest_error` counts only until one below
    is seen. Call it inside `jax.enable_x64(True)`.
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
        """Takes note of where the members are; `points` may be padded, `errors` are not."""
        size = len(errors)
        validation = np.asarray(self._error(points, self._validation))[:size]
        theta = np.asarray(points.theta)[:size]
        fine = errors <= self._largest_error
        if self._seen is None:
            self._seen = theta.copy(), errors.copy(), validation.copy(), fine
            return
        better = _better(validation, fine, self._seen)
        for mine, now in zip(self._seen, (theta, errors, validation, fine), strict=True):
            mine[better] = now[better]

    def best(self) -> tuple[Float[np.ndarray, "member size"], Float[np.ndarray, " member"]]:
        """(theta, training errors) of the points kept."""
        assert self._seen is not None
        return self._seen[0], self._seen[1]


def _better(
    validation: np.ndarray, fine: np.ndarray, seen: tuple[np.ndarray, ...]
) -> Bool[np.ndarray, " member"]:
    """Whose new point is better: a bearable one, or of less error if neither or both are."""
    _, _, least, was_fine = seen
    return (fine & ~was_fine) | ((fine == was_fine) & (validation < least))
