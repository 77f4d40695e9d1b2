"""Options of a derivative network, whose derivatives of measured states are integrated in time."""

from typing import Annotated, ClassVar, Literal

from pydantic import AfterValidator, Field

from sparsid._steppers import STEPPERS
from sparsid.architectures.arrays import ArraySpec, network_arrays
from sparsid.architectures.base import AbstractArchitecture, check_widths
from sparsid.graph.activations import ACTIVATIONS

type Clipping = Literal["none", "hidden", "all", "linear"]
MOST_LAYERS = 100


class DerivativeMLP(AbstractArchitecture):
    """Configuration of a derivative network.

    `widths` are the hidden layers (none: the linear model); `skip` feeds the inputs to every
    layer; `per_state` uses a separate network for each state; `stepper` integrates in time. Without
    `bias` no layer has one.

    `clip` bounds the inputs of the network in free runs to the box of the training data, beyond
    which it would extrapolate. "linear" extrapolates from the edge of the box with the slopes of
    the linear model (one-step least squares on the training data): exact balances stay exact, and
    restoring terms keep growing. "hidden" clips the inputs of hidden layers, but not those of the
    direct linear path (the last layer's skip weights); "all" clips that path, too. Clipping is
    smooth and saturates `clip_margin` of the box's width outside it: close to the box, a network
    still extrapolates better than a line.
    """

    kind: Literal["derivative"] = "derivative"
    observes: ClassVar = "states"
    can: ClassVar = frozenset({"one-step", "recursion"})
    recipes: ClassVar = ("one-step", "free-run")
    baselines: ClassVar = ("linear, one-step", "linear, free-run")
    widths: tuple[int, ...] = Field(
        default=(25, 25, 25, 25),
        max_length=MOST_LAYERS,
        description="units of the hidden layers; none: the linear model",
    )
    activation: Annotated[str, AfterValidator(ACTIVATIONS.known)] = Field(
        default="relu",
        description="activation of hidden units; binary ones train with a surrogate gradient "
        "(straight-through estimator)",
    )
    skip: bool = Field(default=False, description="inputs enter every layer")
    per_state: bool = Field(default=False, description="a separate network for each state")
    bias: bool = Field(default=True, description="whether layers have biases")
    clip: Clipping = Field(
        default="none",
        description="clipping of inputs outside the box of the training data; "
        '`"linear"` extrapolates with the linear model',
    )
    clip_margin: float = Field(
        default=0.1,
        ge=0,
        description="distance outside the box, as a share of its width, at which clipping "
        "saturates",
    )
    stepper: Annotated[str, AfterValidator(STEPPERS.known)] = Field(
        default="euler",
        description="integration method; one-step training uses it, too",
    )

    def model_post_init(self, _context) -> None:
        check_widths(self.widths)

    @property
    def linear_path(self) -> bool:
        return self.skip or not self.widths

    def sentence(self) -> str:
        details = [f"widths {list(self.widths)}, {self.activation}"]
        details += ["input skip"] * self.skip + ["one network per state"] * self.per_state
        return ", ".join([*details, f"{self.stepper} steps"])

    def arrays(self, observed: int, inputs: int) -> dict[str, ArraySpec]:
        channels = observed + inputs
        found = network_arrays(
            channels,
            observed,
            widths=self.widths,
            skip=self.skip,
            bias=self.bias,
            per_output=self.per_state,
        )
        found |= {name: ArraySpec((observed,), "fixed") for name in ("gain", "drift")}
        if self.clip != "none":
            found |= {name: ArraySpec((channels,), "fixed") for name in ("low", "high")}
        if self.clip == "linear":
            found["slope"] = ArraySpec((observed, channels), "fixed")
        return found
