"""A pruning path, and a path in the making, which can be put aside and taken up again."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np
from jaxtyping import Bool, Float

UNBOUNDED = 1 << 30  # weights a round


@dataclass(frozen=True)
class Step:
    """A point of a path: what is left after a round, and what went.

    Errors are sums of squared scaled errors of free runs; `iterations` of retraining so far.
    `saliency` is that by which the next weights are chosen, of all weights.
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
        """Living numbers, biases among them."""
        return int(self.keep.sum())


@dataclass(frozen=True)
class PruningPath:
    """One member's way from the full network down; the first step is the full network."""

    steps: tuple[Step, ...]
    undone: int = 0  # removals that were undone

    def least_validation(self) -> int:
        """The step of least validation error."""
        return int(np.argmin([step.validation for step in self.steps]))

    def smallest_not_worse(self) -> int:
        """The smallest network whose validation error is not above the full one's."""
        limit = self.steps[0].validation
        fine = [at for at, step in enumerate(self.steps) if step.validation <= limit]
        return min(fine, key=lambda at: (self.steps[at].left, at), default=0)

    def smallest_before_explosion(self, times: float = 10.0) -> int:
        """The last step before training or validation error first exceed `times` the full one's."""
        first = self.steps[0]
        fine = [
            step.train <= times * first.train and step.validation <= times * first.validation
            for step in self.steps
        ]
        return len(fine) - 1 if all(fine) else max(int(np.argmin(fine)) - 1, 0)


@dataclass
class PathState:
    """A path in the making, with what its next round must know."""

    steps: list[Step]
    waiting: set[int] = field(default_factory=set)  # removed in vain; they come last
    progressed: bool = True  # whether anything went since waiting ones were last let in
    largest: int = UNBOUNDED  # weights a round, halved where a round was too much
    undone: int = 0
    ended: bool = False
    constrained: bool = True  # whether validation still has a say in what may go

    @property
    def now(self) -> Step:
        return self.steps[-1]

    def path(self) -> PruningPath:
        return PruningPath(tuple(self.steps), self.undone)


def packed(path_states: Sequence[PathState]) -> dict[str, np.ndarray]:
    """The trails as plain arrays by name; lists of unlike lengths end to end, beside counts."""
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
    """The trails that `packed` was given."""
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
    for count, idle, state in zip(arrays["step_counts"], waiting, arrays["state"], strict=True):
        progressed, largest, undone, ended, constrained = state.tolist()
        mine = steps[at : at + int(count)]
        path_states.append(
            PathState(
                mine,
                set(idle.tolist()),
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
