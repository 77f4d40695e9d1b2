"""The data of each kind of figure; `render.drawing` draws them. Does not import Matplotlib."""

from collections.abc import Mapping, Sequence
from dataclasses import KW_ONLY, dataclass

import numpy as np
from jaxtyping import Bool, Float

from sparsid._errors import SparsidError
from sparsid.graph import Graph

type Bounds = tuple[float, float, float]  # value, lower and upper end of its interval

UNKNOWN: Bounds = (np.nan, np.nan, np.nan)


@dataclass(frozen=True, eq=False)
class Trajectories:
    """For each state the truth, and each ensemble's free runs with their median.

    The axis limits follow the truth: a run that leaves them, or becomes NaN or infinite, ends in a
    triangle at that edge. Times in s, states in their `units`.
    """

    time_s: Float[np.ndarray, " T"]
    truth: Float[np.ndarray, "T n"]
    ensembles: Mapping[str, Float[np.ndarray, "member T n"]]
    names: Sequence[str]
    units: Sequence[str | None] | None = None


@dataclass(frozen=True, eq=False)
class Inputs:
    """A panel for each input (zero-order hold). Times in s."""

    time_s: Float[np.ndarray, " T"]
    u: Float[np.ndarray, "T m"]
    names: Sequence[str]
    units: Sequence[str | None] | None = None


@dataclass(frozen=True, eq=False)
class ErrorGrowth:
    """Median and 10 to 90 % band of the error e(t) over runs, on a logarithmic axis.

    A run that becomes NaN or infinite counts as an infinite error. `limit` is the error and the
    label of a horizontal line. Times in s.
    """

    time_s: Float[np.ndarray, " T"]
    errors: Mapping[str, Float[np.ndarray, "run T"]]
    _: KW_ONLY
    label: str = "error [standard deviations]"
    limit: tuple[float, str] | None = None


@dataclass(frozen=True, eq=False)
class DivergedShares:
    """Share of diverged runs at each horizon (samples) with its interval; all shares in 0..1.

    `published` shares are hatched bars next to ours, in the same colour for the same label. With
    more than six bars at a horizon they are diamonds over our bars instead. With the sampling time
    `dt` (s), horizons are also labelled with times. Raises SparsidError unless each label has one
    number per horizon.
    """

    horizons: Sequence[int]
    shares: Mapping[str, Sequence[Bounds]]
    _: KW_ONLY
    published: Mapping[str, Sequence[float | None]] | None = None
    dt: float | None = None

    def __post_init__(self) -> None:
        _check_counts("shares", self.shares, len(self.horizons), "one per horizon")
        _check_counts("published", self.published or {}, len(self.horizons), "one per horizon")


@dataclass(frozen=True, eq=False)
class ErrorViolins:
    """A panel for each horizon (samples), a violin for each configuration, on a logarithmic axis.

    The bar extends from the lower to the upper quartile, the dot is the median; next to the violin
    is the number of runs in it, with `counts` out of the total. NaN and infinite errors are left
    out as diverged. All violins have the same width. With the sampling time `dt` (s), horizons are
    also labelled with times.
    """

    horizons: Sequence[int]
    errors: Mapping[str, Mapping[int, Float[np.ndarray, " run"]]]
    _: KW_ONLY
    dt: float | None = None
    counts: Mapping[str, int] | None = None
    label: str = "RFMSE of the runs that did not diverge [standard deviations]"


@dataclass(frozen=True, eq=False)
class Differences:
    """A row for each pair: its difference with interval, and a line at zero.

    `differences` maps the title of a panel (such as a horizon) to one difference per label, in the
    unit that `label` names. A dot is filled if its interval excludes zero. Raises SparsidError
    unless each panel has one difference per label.
    """

    labels: Sequence[str]
    differences: Mapping[str, Sequence[Bounds]]
    _: KW_ONLY
    label: str = "difference"

    def __post_init__(self) -> None:
        _check_counts("differences", self.differences, len(self.labels), "one per row")


@dataclass(frozen=True, eq=False)
class PublishedComparison:
    """Published shares and ours with their intervals, one row each, at one horizon; all in 0..1.

    Ours is blue if its interval contains the published number, else vermillion. A row may lack
    either of the two. Labels keep the order of `ours`.
    """

    ours: Mapping[str, Bounds]
    published: Mapping[str, float | None]
    _: KW_ONLY
    label: str = "diverged runs [%]"


@dataclass(frozen=True, eq=False)
class Seeds:
    """The networks of one configuration, one number each; shares in 0..1.

    `rfmse` is over a network's runs that did not diverge: NaN or infinite if all of them did.
    """

    zeros: Float[np.ndarray, " seed"]
    rfmse: Float[np.ndarray, " seed"]
    diverged: Float[np.ndarray, " seed"]


@dataclass(frozen=True, eq=False)
class SparsityAgainstError:
    """Error and share of diverged runs against the share of zero weights.

    Faint dots are networks; the strong dot is at the medians, with lines between the quartiles. A
    network whose runs all diverged has an infinite error; it is drawn as a triangle at the upper
    edge, and so is an infinite median.
    """

    points: Mapping[str, Seeds]


@dataclass(frozen=True, eq=False)
class ErrorDistributions:
    """Cumulative distribution: for each panel, the share of starts with an error of at most x.

    NaN and infinite errors count as larger than all others. A line is drawn at the error `limit`.
    """

    panels: Mapping[str, Mapping[str, Float[np.ndarray, " start"]]]
    _: KW_ONLY
    label: str
    limit: float | None = None


@dataclass(frozen=True, eq=False)
class SizePanel:
    """Curves by name: an interval for each size; NaN if there is none."""

    title: str
    label: str
    curves: Mapping[str, Sequence[Bounds]]
    log: bool = False


@dataclass(frozen=True, eq=False)
class AgainstSize:
    """A panel for each quantity, with sizes on a logarithmic axis and bars for the intervals.

    Raises SparsidError unless each curve has one interval per size.
    """

    sizes: Sequence[int]
    panels: Sequence[SizePanel]
    _: KW_ONLY
    label: str = "training trajectories"

    def __post_init__(self) -> None:
        for panel in self.panels:
            _check_counts("curves", panel.curves, len(self.sizes), "one per size")


@dataclass(frozen=True, eq=False)
class PathCurve:
    """One network's path: remaining parameters and errors (sums of squared scaled errors)."""

    left: Float[np.ndarray, " step"]
    train: Float[np.ndarray, " step"]
    validation: Float[np.ndarray, " step"]
    test: Float[np.ndarray, " step"]
    chosen: int  # the step of least validation error


@dataclass(frozen=True, eq=False)
class PruningPaths:
    """Errors of each configuration's paths against remaining parameters, a panel for each record.

    Lines are networks, dots the steps of least validation error.
    """

    paths: Mapping[str, Sequence[PathCurve]]


@dataclass(frozen=True, eq=False)
class Saliencies:
    """Saliencies of all nonzero weights along one path, against remaining parameters.

    Each dot is a weight. The upper panel shows positive saliencies, the lower one the magnitude of
    negative ones, both on a logarithmic scale.
    """

    saliency: Float[np.ndarray, "step parameter"]
    left: Float[np.ndarray, " step"]


@dataclass(frozen=True, eq=False)
class NetworkDiagram:
    """Inputs on the left, outputs on the right, active hidden units and links between them.

    Colour is the sign of a weight; width and opacity its magnitude within the layer. Skip
    connections are drawn as a strip of cells in front of each unit, one per input with its number,
    because lines would hide the others. Unused inputs are grey.
    """

    graph: Graph


@dataclass(frozen=True, eq=False)
class LinkMatrix:
    """A row for each output, a column for each input, filled where an active path connects them.

    Numbers in 0..1 are the share of an ensemble's members with the link, and are printed in cells.
    """

    links: Bool[np.ndarray, "outputs inputs"] | Float[np.ndarray, "outputs inputs"]
    input_names: Sequence[str]
    output_names: Sequence[str]


@dataclass(frozen=True, eq=False)
class Curves:
    """Losses of one ensemble after each epoch; NaN: not evaluated, inf: diverged."""

    epochs: Float[np.ndarray, " epoch"]
    train: Float[np.ndarray, "member epoch"]
    validation: Float[np.ndarray, "member epoch"] | None = None
    free_run: Float[np.ndarray, "member epoch"] | None = None


@dataclass(frozen=True, eq=False)
class TrainingHistory:
    """Training (solid) and validation (dashed) loss, and the validation free-run error.

    Lines are medians over the members, bands extend from the minimum to the maximum.
    """

    curves: Mapping[str, Curves]


type Drawing = (
    Trajectories
    | Inputs
    | ErrorGrowth
    | DivergedShares
    | ErrorViolins
    | Differences
    | PublishedComparison
    | SparsityAgainstError
    | ErrorDistributions
    | AgainstSize
    | PruningPaths
    | Saliencies
    | NetworkDiagram
    | LinkMatrix
    | TrainingHistory
)


def _check_counts(name: str, numbers: Mapping[str, Sequence], count: int, rule: str) -> None:
    """Raises SparsidError unless each label has `count` entries; `rule` describes them."""
    for label, given in numbers.items():
        if len(given) != count:
            raise SparsidError(
                f"Each label of `{name}` must have {count} entries, {rule}; {label!r} has "
                f"{len(given)}. Use NaN or None for missing numbers."
            )
