"""Pruning paths and the state of an unfinished path, which can be saved and restored."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Float

UNBOUNDED = 1 << 30  # weights per round


@dataclass(frozen=True)
class Step:
    """A point of a path: the parameters after a round, and the weights that it removed.

    Errors are sums of squared scaled errors of free runs; `iterations` counts all retraining so
    far. `saliency`, of all weights, chooses the next weights to remove.
    """

    theta: Float[np.ndarray, " size"]
    keep: Bool[np.ndarray, " size"]
    train: float
    validation: float
    iterations: int
    removed: tuple[int, ...] = ()
    saliency: Float[np.ndarray, " size"] | None = None

    @property
    def left(self) -> int:
        """Number of active parameters, biases included."""
        return int(self.keep.sum())


@dataclass(frozen=True)
class PruningPath:
    """The pruning path of one member; the first step is the full network."""

    steps: tuple[Step, ...]
    undone: int = 0  # removals that were undone

    def least_validation(self) -> int:
        """The step of least validation error."""
        return int(np.argmin([step.validation for step in self.steps]))

    def smallest_not_worse(self) -> int:
        """The smallest network whose validation error is not above that of the full network."""
        limit = self.steps[0].validation
        admissible = [at for at, step in enumerate(self.steps) if step.validation <= limit]
        return min(admissible, key=lambda at: (self.steps[at].left, at), default=0)

    def smallest_before_explosion(self, times: float = 10.0) -> int:
        """The last step before a training or validation error above `times` the full network's."""
        first = self.steps[0]
        admissible = [
            step.train <= times * first.train and step.validation <= times * first.validation
            for step in self.steps
        ]
        if all(admissible):
            return len(admissible) - 1
        return max(int(np.argmin(admissible)) - 1, 0)


@dataclass
class PathState:
    """An unfinished path, with the state that its next round needs."""

    steps: list[Step]
    waiting: set[int] = field(
        default_factory=set
    )  # weights whose removal was undone; they are tried last
    progressed: bool = True  # whether a weight was removed since `waiting` was last cleared
    largest: int = UNBOUNDED  # weights per round, halved when a round is undone
    undone: int = 0
    ended: bool = False
    constrained: bool = True  # whether the validation error still constrains removals

    @property
    def now(self) -> Step:
        return self.steps[-1]

    def path(self) -> PruningPath:
        return PruningPath(tuple(self.steps), self.undone)


def packed(path_states: Sequence[PathState]) -> dict[str, np.ndarray]:
    """The states as named arrays; lists of unequal length are concatenated, with their counts."""
    steps = [step for path_state in path_states for step in path_state.steps]
    nothing = np.full(len(steps[0].theta), np.nan)
    return {
        "theta": np.stack([s.theta for s in steps]),
        "keep": np.stack([s.keep for s in steps]).astype(np.int8),
        "saliency": np.stack([nothing if s.saliency is None else s.saliency for s in steps]),
        "errors": np.array([(s.train, s.validation) for s in steps]),
        "iterations": np.array([s.iterations for s in steps]),
        "removed": np.array([i for s in steps for i in s.removed], int),
        "removed_counts": np.array([len(s.removed) for s in steps]),
        "waiting": np.array([i for t in path_states for i in sorted(t.waiting)], int),
        "waiting_counts": np.array([len(t.waiting) for t in path_states]),
        "step_counts": np.array([len(t.steps) for t in path_states]),
        "state": np.array(
            [(t.progressed, t.largest, t.undone, t.ended, t.constrained) for t in path_states], int
        ),
    }


def unpacked(arrays: Mapping[str, np.ndarray]) -> list[PathState]:
    """The states given to `packed`."""
    removed = _pieces(arrays["removed"], arrays["removed_counts"])
    waiting = _pieces(arrays["waiting"], arrays["waiting_counts"])
    steps = [
        Step(
            arrays["theta"][i],
            arrays["keep"][i] != 0,
            float(arrays["errors"][i, 0]),
            float(arrays["errors"][i, 1]),
            int(arrays["iterations"][i]),
            tuple(removed[i].tolist()),
            None if np.isnan(arrays["saliency"][i]).all() else arrays["saliency"][i],
        )
        for i in range(len(removed))
    ]
    path_states, at = [], 0
    for count, undone_weights, state in zip(
        arrays["step_counts"], waiting, arrays["state"], strict=True
    ):
        progressed, largest, undone, ended, constrained = state.tolist()
        mine = steps[at : at + int(count)]
        path_states.append(
            PathState(
                mine,
                set(undone_weights.tolist()),
                bool(progressed),
                largest,
                undone,
                bool(ended),
                bool(constrained),
            )
        )
        at += int(count)
    return path_states


def _pieces(flat: np.ndarray, counts: np.ndarray) -> list[np.ndarray]:
    return np.split(flat, np.cumsum(counts)[:-1])
