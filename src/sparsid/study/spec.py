"""What `fit` is asked to do, as data: TOML tables or options become these frozen objects."""

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sparsid._errors import SparsidError
from sparsid._registry import unknown
from sparsid.models import DerivativeMLP, FreeRun, OneStep
from sparsid.sparsify import NOTHING, Sparsifier, chain, l1, threshold, weight_average
from sparsid.training import SGD, Adam, Constant, Cosine, Phase, Ramp, Step


class _Table(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class DataSpec(_Table):
    """[data]: files and columns, and what is kept back for validation and test.

    The share is of the trajectories where there are at least five, else of each one's time. Files
    of their own for validation or test replace the share.
    """

    files: tuple[str, ...]
    states: tuple[str, ...] | None = None
    inputs: tuple[str, ...] | None = None
    columns: tuple[str, ...] | None = None
    time: str | None = None
    dt: float | None = None
    validation_share: float = Field(default=0.2, ge=0, lt=1)
    test_share: float = Field(default=0.2, ge=0, lt=1)
    validation_files: tuple[str, ...] = ()
    test_files: tuple[str, ...] = ()


class RateSpec(_Table):
    """rate = {kind = "cosine", rate = 1e-3, final = 0.0}; kinds: constant, step, cosine, ramp."""

    kind: Literal["constant", "step", "cosine", "ramp"] = "constant"
    rate: float = Field(gt=0)
    final: float = Field(default=0.0, ge=0)
    every: int = Field(default=10, ge=1)
    factor: float = Field(default=0.1, gt=0)
    begin: float = 0.5
    end: float = 0.9

    def build(self):
        if self.kind == "ramp" and not 0 <= self.begin < self.end <= 1:
            raise SparsidError(
                f"A ramp needs 0 <= begin < end <= 1; got {self.begin:g} and {self.end:g}."
            )
        match self.kind:
            case "constant":
                return Constant(self.rate)
            case "step":
                return Step(self.rate, self.every, self.factor)
            case "cosine":
                return Cosine(self.rate, self.final)
            case "ramp":
                return Ramp(self.rate, self.final, self.begin, self.end)


class L1Spec(_Table):
    """l1 = {weight = 1e-4, skip = 1e-5}: `weight` is the strength where none is given."""

    weight: float = Field(default=0.0, ge=0)
    first: float | None = Field(default=None, ge=0)
    hidden: float | None = Field(default=None, ge=0)
    skip: float | None = Field(default=None, ge=0)
    output: float | None = Field(default=None, ge=0)


class PhaseSpec(_Table):
    """[[phase]]: one phase of training."""

    epochs: int = Field(ge=1)
    rate: RateSpec = RateSpec(rate=1e-3)
    batch: int = Field(default=128, ge=1)
    loss: Literal["one-step", "free-run"] = "one-step"
    window: int = Field(default=100, ge=2)
    stride: int = Field(default=10, ge=1)
    optimiser: Literal["adam", "sgd"] = "adam"
    momentum: float = Field(default=0.0, ge=0, lt=1)
    clip: float | None = Field(default=None, gt=0)
    l1: L1Spec | None = None
    threshold: float | None = Field(default=None, ge=0)
    average: bool = False

    def build(self) -> Phase:
        return Phase(
            self.epochs,
            self.rate.build(),
            self._sparsifier(),
            Adam(clip=self.clip) if self.optimiser == "adam" else SGD(self.momentum, self.clip),
            OneStep() if self.loss == "one-step" else FreeRun(self.window, self.stride),
            self.batch,
        )

    def _sparsifier(self) -> Sparsifier:
        methods = []
        if self.l1 is not None:
            methods.append(l1(**self.l1.model_dump()))
        if self.threshold is not None:
            methods.append(threshold(self.threshold))
        if self.average:
            methods.append(weight_average())
        return chain(*methods) if methods else NOTHING


class TrainingSpec(_Table):
    """[training]: how many members, from which seed, by which recipe.

    With phases of its own the recipe is "custom"; `start = "linear"` plants the linear model.
    """

    recipe: Literal["auto", "one-step", "free-run", "dense"] = "auto"
    members: int = Field(default=10, ge=1)
    seed: int = Field(default=0, ge=0, lt=2**63)
    effort: float = Field(default=1.0, gt=0)
    start: Literal["random", "linear"] = "random"
    keep_best: bool = True


class FitSpec(_Table):
    """The whole of it: [data], [model], [training], [[phase]]."""

    data: DataSpec
    model: DerivativeMLP | None = None
    training: TrainingSpec = TrainingSpec()
    phase: tuple[PhaseSpec, ...] = ()
    out: str | None = None


def parse[T: BaseModel](kind: type[T], tables: Mapping[str, Any], source: str) -> T:
    """Validates tables; raises SparsidError with one sentence for the first thing wrong."""
    try:
        return kind.model_validate(tables)
    except ValidationError as error:
        raise SparsidError(_sentence(error, kind, source)) from None


def read_spec(path: str | Path) -> FitSpec:
    """The specification in a TOML file; its file names are relative to it."""
    path = Path(path)
    try:
        tables = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise SparsidError(f"Cannot read {path}: {error.strerror or error}.") from None
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise SparsidError(f"{path} is not proper TOML: {error}.") from None
    spec = parse(FitSpec, tables, str(path))
    data = spec.data
    beside = {
        name: tuple(str(path.parent / file) for file in getattr(data, name))
        for name in ("files", "validation_files", "test_files")
    }
    out = None if spec.out is None else str(path.parent / spec.out)
    return spec.model_copy(update={"data": data.model_copy(update=beside), "out": out})


def _sentence(error: ValidationError, kind: type[BaseModel], source: str) -> str:
    # A misspelt key also leaves the right one missing: name the cause.
    first = min(error.errors(), key=lambda found: found["type"] != "extra_forbidden")
    place = [part for part in first["loc"] if isinstance(part, str)]
    if first["type"] == "extra_forbidden":
        return f"{source}: " + unknown("key", place[-1], _known_keys(kind, place[:-1]))
    where = ".".join(place) or "the specification"
    if first["type"] == "missing":
        return f"{source}: `{where}` is missing; the specification needs it."
    said = first["msg"][0].lower() + first["msg"][1:]
    return f"{source}: `{where}` is not usable ({said}); got {first.get('input')!r}."


def _known_keys(kind: type[BaseModel], place: list[str]) -> list[str]:
    nested: dict[str, type[BaseModel]] = {
        "data": DataSpec,
        "model": DerivativeMLP,
        "training": TrainingSpec,
        "phase": PhaseSpec,
        "rate": RateSpec,
        "l1": L1Spec,
    }
    return list((nested[place[-1]] if place else kind).model_fields)
