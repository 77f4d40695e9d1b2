"""Every kind of figure as the data that it shows; `render.drawing` draws them.

A figure is a frozen record of numbers and names. Nothing here imports Matplotlib.
"""

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

    The axes follow the truth: a run that leaves them, or is not finite, ends in a triangle at the
    edge where it left. Times in s, states in their `units`.
    """

    time_s: Float[np.ndarray, " T"]
    truth: Float[np.ndarray, "T n"]
    ensembles: Mapping[str, Float[np.ndarray, "member T n"]]
    names: Sequence[str]
    units: Sequence[str | None] | None = None


@dataclass(frozen=True, eq=False)
class Inputs:
    """A panel for each input, held from sample to sample. Times in s."""

    time_s: Float[np.ndarray, " T"]
    u: Float[np.ndarray, "T m"]
    names: Sequence[str]
    units: Sequence[str | None] | None = None


@dataclass(frozen=True, eq=False)
class ErrorGrowth:
    """Median and 10 to 90 % band of the error e(t) over runs, on a logarithmic axis.

    A run counts as infinitely wrong from where it is not finite: it is not left out. `limit` is an
    error to draw a line at, and its label. Times in s.
    """

    time_s: Float[np.ndarray, " T"]
    errors: Mapping[str, Float[np.ndarray, "run T"]]
    _: KW_ONLY
    label: str = "error [standard deviations]"
    limit: tuple[float, str] | None = None


@dataclass(frozen=True, eq=False)
class DivergedShares:
    """Share of diverged runs at each horizon (samples) with its interval; all shares in 0..1.

    `published` shares stand beside them, hatched; where one goes by the same label as ours, it
    has its colour. With more than six bars at a horizon they are diamonds over ours instead. With
    the sampling time `dt` (s), horizons are labelled with times too. Raises SparsidError for a
    label that has not one number for each horizon.
    """

    horizons: Sequence[int]
    shares: Mapping[str, Sequence[Bounds]]
    _: KW_ONLY
    published: Mapping[str, Sequence[float | None]] | None = None
    dt: float | None = None

    def __post_init__(self) -> None:
        _check_counts("shares", self.shares, len(self.horizons), "one a horizon")
        _check_counts("published", self.published or {}, len(self.horizons), "one a horizon")


@dataclass(frozen=True, eq=False)
class ErrorViolins:
    """A panel for each horizon (samples), a violin for each configuration, on a logarithmic axis.

    The bar reaches from the lower to the upper quartile, the dot is the median; beside the violin
    stands the number of runs in it, and of how many where `counts` says how many there were.
    Errors that are not finite are left out as diverged; where no run is left, the row says so.
    All violins are equally thick. With the sampling time `dt` (s), horizons are labelled with times
    too.
    """

    horizons: Sequence[int]
    errors: Mapping[str, Mapping[int, Float[np.ndarray, " run"]]]
    _: KW_ONLY
    dt: float | None = None
    counts: Mapping[str, int] | None = None
    label: str = "RFMSE of the runs that did not diverge [standard deviations]"


@dataclass(frozen=True, eq=False)
class Differences:
    """A row for each pair: its difference with interval, beside a line at zero.

    `differences` has the title of a panel (a horizon, say) for each list of them, as long as
    `labels`; they are drawn in the unit that `label` names. A dot is filled where its interval
    leaves zero out. Raises SparsidError for a panel that has not one difference for each label.
    """

    labels: Sequence[str]
    differences: Mapping[str, Sequence[Bounds]]
    _: KW_ONLY
    label: str = "difference"

    def __post_init__(self) -> None:
        _check_counts("differences", self.differences, len(self.labels), "one a row")


@dataclass(frozen=True, eq=False)
class PublishedComparison:
    """Row by row a published share beside ours with its interval, at one horizon; all in 0..1.

    Ours is blue where its interval holds the published number, and vermillion where it does not;
    a row that only one side has is shown with what there is. Labels keep the order of `ours`.
    """

    ours: Mapping[str, Bounds]
    published: Mapping[str, float | None]
    _: KW_ONLY
    label: str = "diverged runs [%]"


@dataclass(frozen=True, eq=False)
class Seeds:
    """The networks of one configuration, a number each; shares in 0..1.

    `rfmse` is over a network's runs that did not diverge: not finite where all of them did.
    """

    zeros: Float[np.ndarray, " seed"]
    rfmse: Float[np.ndarray, " seed"]
    diverged: Float[np.ndarray, " seed"]


@dataclass(frozen=True, eq=False)
class SparsityAgainstError:
    """Error and share of diverged runs against the share of zero weights: what sparsity costs.

    A faint dot is a network; the strong one has the medians, its lines reach over the middle half
    of the networks. A network without a run that survived counts as infinitely wrong; it stands,
    as does a median among such, as a triangle at the upper edge.
    """

    points: Mapping[str, Seeds]


@dataclass(frozen=True, eq=False)
class ErrorDistributions:
    """For each panel, the share of starts whose error is at most x, a curve for each name.

    Errors that are not finite count as larger than all. `limit` is an error to draw a line at.
    """

    panels: Mapping[str, Mapping[str, Float[np.ndarray, " start"]]]
    _: KW_ONLY
    label: str
    limit: float | None = None


@dataclass(frozen=True, eq=False)
class SizePanel:
    """Curves by name: an interval for each size, NaN where there is none."""

    title: str
    label: str
    curves: Mapping[str, Sequence[Bounds]]
    log: bool = False


@dataclass(frozen=True, eq=False)
class AgainstSize:
    """A panel for each number, sizes on a logarithmic axis, bars for the intervals.

    Raises SparsidError for a curve that has not one interval for each size.
    """

    sizes: Sequence[int]
    panels: Sequence[SizePanel]
    _: KW_ONLY
    label: str = "training trajectories"

    def __post_init__(self) -> None:
        for panel in self.panels:
            _check_counts("curves", panel.curves, len(self.sizes), "one a size")


@dataclass(frozen=True, eq=False)
class PathCurve:
    """One network's path: numbers left, and its errors there (sums of squared scaled errors)."""

    left: Float[np.ndarray, " step"]
    train: Float[np.ndarray, " step"]
    validation: Float[np.ndarray, " step"]
    test: Float[np.ndarray, " step"]
    chosen: int  # the step of least validation error


@dataclass(frozen=True, eq=False)
class PruningPaths:
    """Errors of each configuration's paths against the numbers left, a panel for each record.

    Thin lines are networks, dots the networks chosen on the validation record.
    """

    paths: Mapping[str, Sequence[PathCurve]]


@dataclass(frozen=True, eq=False)
class Saliencies:
    """Saliencies of all nonzero weights along one path: every dot a weight, by numbers left.

    Above the line positive ones on a logarithmic scale, below it the sizes of the negative.
    """

    saliency: Float[np.ndarray, "step number"]
    left: Float[np.ndarray, " step"]


@dataclass(frozen=True, eq=False)
class NetworkDiagram:
    """Inputs on the left, outputs on the right, live hidden units and live links between them.

    Colour is the sign of a weight; width and opacity its size within the layer. Links that skip
    layers would hide all others: they stand as a strip of cells before each unit, one cell an
    input, numbered as the inputs are. Dead inputs are grey.
    """

    graph: Graph


@dataclass(frozen=True, eq=False)
class LinkMatrix:
    """A row for each output, a column for each input, filled where a live path joins them.

    Numbers in 0..1 are the share of an ensemble's members that have the link, and are written in.
    """

    links: Bool[np.ndarray, "outputs inputs"] | Float[np.ndarray, "outputs inputs"]
    input_names: Sequence[str]
    output_names: Sequence[str]


@dataclass(frozen=True, eq=False)
class Curves:
    """What was seen of one ensemble after each epoch; NaN where nobody looked, inf: diverged."""

    epochs: Float[np.ndarray, " epoch"]
    train: Float[np.ndarray, "member epoch"]
    validation: Float[np.ndarray, "member epoch"] | None = None
    free_run: Float[np.ndarray, "member epoch"] | None = None


@dataclass(frozen=True, eq=False)
class TrainingHistory:
    """Training (solid) and validation (dashed) loss, and the validation free-run error.

    Lines are medians over the members, bands reach from the least to the greatest of them.
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
    """Raises SparsidError unless each label has `count` entries; `rule` says what they are for."""
    for label, given in numbers.items():
        if len(given) != count:
            raise SparsidError(
                f"Each label of `{name}` needs {count} entries, {rule}; {label!r} has "
                f"{len(given)}. Give NaN or None where there is no number."
            )
