"""What a study is, as data: many configurations on one plant's data, judged alike."""

from importlib import resources
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, field_validator

from sparsid._errors import SparsidError
from sparsid._registry import unknown
from sparsid.models import DerivativeMLP
from sparsid.processes import named
from sparsid.study.spec import DataSpec, PhaseSpec, parse, read_toml
from sparsid.study.spec import _Table as Table

MEASURES = ("diverged", "rfmse")


class StudyDataSpec(Table):
    """[data]: a built-in process to simulate, or files as `fit` takes them.

    `train`, `validation` and `test` count simulated trajectories of `samples` each. With `sizes`
    each configuration is trained on the first n training trajectories, for each n; the scale of
    all scores is still that of the whole training set, so that rows compare.
    """

    process: str | None = None
    train: int = Field(default=40, ge=1)
    validation: int = Field(default=40, ge=1)
    test: int = Field(default=40, ge=1)
    samples: int = Field(default=5000, ge=2)
    dt: float | None = Field(default=None, gt=0)
    seed: int = Field(default=0, ge=0, lt=2**63)
    sizes: tuple[int, ...] = ()
    files: tuple[str, ...] = ()
    states: tuple[str, ...] | None = None
    inputs: tuple[str, ...] | None = None
    columns: tuple[str, ...] | None = None
    time: str | None = None
    validation_share: float = Field(default=0.2, ge=0, lt=1)
    test_share: float = Field(default=0.2, gt=0, lt=1)
    validation_files: tuple[str, ...] = ()
    test_files: tuple[str, ...] = ()

    def recorded(self) -> DataSpec:
        """The part that says how files are read."""
        return DataSpec(**{name: getattr(self, name) for name in DataSpec.model_fields})


class EvaluateSpec(Table):
    """[evaluate]: horizons in samples; `shown` test trajectories of which runs are kept.

    With `long_samples` > 0 every model also runs over fresh test trajectories of that length.
    """

    horizons: tuple[int, ...] = Field(default=(100, 1000, 2500, 5000), min_length=1)
    long_samples: int = Field(default=0, ge=0)
    long_trajectories: int = Field(default=40, ge=1)
    shown: int = Field(default=3, ge=1)


class StudyTrainingSpec(Table):
    """[training]: one network a seed; `seeds = 10` is short for 0, 1, ..., 9."""

    seeds: tuple[int, ...] = Field(default=tuple(range(10)), min_length=1)
    dtype: Literal["float32", "float64"] = "float32"

    @field_validator("seeds", mode="before")
    @classmethod
    def _counted(cls, given: Any) -> Any:
        return list(range(given)) if type(given) is int else given


class BaselineSpec(Table):
    """baseline = {kind = "sindy", library = "quadratic", threshold = 1e-3}: no network at all."""

    kind: Literal["sindy"]
    library: Literal["linear", "quadratic"] = "quadratic"
    threshold: float = Field(default=1e-3, ge=0)


class ConfigurationSpec(Table):
    """[[configuration]]: an architecture and its phases, or a baseline.

    `departure` says what is known to differ from the published row of the same name; `pair` names
    the configuration beside which this one stands (X for X + SWA). `first_seed` is added to every
    seed: other networks than those of another configuration which begins alike.
    """

    name: str = Field(min_length=1)
    departure: str = ""
    pair: str | None = None
    first_seed: int = Field(default=0, ge=0)
    model: DerivativeMLP | None = None
    phases: tuple[PhaseSpec, ...] = ()
    baseline: BaselineSpec | None = None


class ClaimSpec(Table):
    """[[claim]]: `better` has less (or `greater`) of the measure at the horizon than `than`."""

    text: str
    better: str
    than: str
    measure: Literal["diverged", "rfmse"] = "diverged"
    horizon: int
    expected: Literal["less", "greater"] = "less"


class StudySpec(Table):
    """The whole study. `published` names tables of the package to print beside ours.

    `effort` multiplies all epochs, and the epochs at which anything happens, once when it is read.
    """

    name: str = Field(min_length=1)
    title: str = ""
    note: str = ""
    published: Literal["haugstvedt2023"] | None = None
    effort: float = Field(default=1.0, gt=0)
    data: StudyDataSpec
    evaluate: EvaluateSpec = EvaluateSpec()
    training: StudyTrainingSpec = StudyTrainingSpec()
    configuration: tuple[ConfigurationSpec, ...] = Field(min_length=1)
    claim: tuple[ClaimSpec, ...] = ()

    @property
    def size(self) -> int:
        """How many cells the study has."""
        networks = sum(c.baseline is None for c in self.configuration)
        each = networks * len(self.training.seeds) + len(self.configuration) - networks
        return each * max(len(self.data.sizes), 1)

    def named(self, name: str) -> ConfigurationSpec:
        """The configuration called `name`. Raises SparsidError naming the known ones."""
        for configuration in self.configuration:
            if configuration.name == name:
                return configuration
        raise SparsidError(unknown("configuration", name, [c.name for c in self.configuration]))


def read_study(name_or_path: str | Path) -> StudySpec:
    """The study of a preset's name or a TOML file, whose file names are relative to it.

    Raises SparsidError for an unknown name and for anything wrong in the file, in a sentence.
    """
    known = presets()
    if str(name_or_path) in known:
        with resources.as_file(known[str(name_or_path)]) as path:
            return parse_study(read_toml(path), str(name_or_path))
    path = Path(name_or_path)
    if path.suffix.lower() != ".toml" and not path.is_file():
        raise SparsidError(
            unknown("study", str(name_or_path), known) + " A study of your own is a .toml file."
        )
    study = parse_study(read_toml(path), str(path))
    beside = {
        name: tuple(str(path.parent / file) for file in getattr(study.data, name))
        for name in ("files", "validation_files", "test_files")
    }
    return study.model_copy(update={"data": study.data.model_copy(update=beside)})


def presets() -> dict[str, Any]:
    """Name -> file of the studies that come with the package."""
    folder = resources.files("sparsid.study") / "presets"
    files = folder.iterdir() if folder.is_dir() else ()
    found = {file.name.removesuffix(".toml"): file for file in files if ".toml" in file.name}
    return dict(sorted(found.items()))


def parse_study(tables: dict[str, Any], source: str) -> StudySpec:
    """Validates tables, lists of phases given by name put in their place.

    `base` names a preset whose tables stand where these say nothing. Raises SparsidError with one
    sentence for the first thing wrong; `source` begins it.
    """
    tables = _on_base(dict(tables), source)
    phases = tables.pop("phases", {})
    if not isinstance(phases, dict):
        raise SparsidError(
            f"{source}: `phases` holds tables by name ([phases.start]); got {phases!r}."
        )
    given = tables.get("configuration")
    if isinstance(given, list):
        tables["configuration"] = [_spelt_out(table, phases, source) for table in given]
    study = parse(StudySpec, tables, source)
    try:
        _check(study)
    except SparsidError as error:
        raise SparsidError(f"{source}: {error}") from None
    return _with_effort(study)


def _on_base(tables: dict[str, Any], source: str) -> dict[str, Any]:
    """The tables over those of the preset that `base` names; within a table, key by key."""
    base = tables.pop("base", None)
    if base is None:
        return tables
    known = presets()
    if base not in known:
        raise SparsidError(f"{source}: " + unknown("study", str(base), known))
    with resources.as_file(known[base]) as path:
        below = _on_base(read_toml(path), base)

    def over(name: str, own: Any) -> Any:
        both = isinstance(own, dict) and isinstance(below.get(name), dict)
        return below[name] | own if both else own

    return below | {name: over(name, own) for name, own in tables.items()}


def _with_effort(study: StudySpec) -> StudySpec:
    configurations = tuple(
        c.model_copy(update={"phases": tuple(p.with_effort(study.effort) for p in c.phases)})
        for c in study.configuration
    )
    return study.model_copy(update={"configuration": configurations, "effort": 1.0})


def _spelt_out(table: Any, named_phases: dict[str, Any], source: str) -> Any:
    """A configuration whose phases given by name are written out; what is odd is left as it is."""
    if not isinstance(table, dict) or not isinstance(table.get("phases"), list):
        return table
    phases = []
    for phase in table["phases"]:
        if not isinstance(phase, str):
            phases.append(phase)
        elif phase not in named_phases:
            raise SparsidError(f"{source}: " + unknown("list of phases", phase, named_phases))
        else:
            found = named_phases[phase]
            phases += found if isinstance(found, list) else [found]
    return table | {"phases": phases}


def _check(study: StudySpec) -> None:
    """What no single table can see. Raises SparsidError."""
    _check_data(study.data)
    _check_rising("evaluate.horizons", study.evaluate.horizons)
    _check_rising("training.seeds", study.training.seeds, least=0)
    names = [configuration.name for configuration in study.configuration]
    if twice := [name for name in names if names.count(name) > 1]:
        raise SparsidError(f"Names of configurations must differ; {twice[0]!r} stands twice.")
    for configuration in study.configuration:
        _check_configuration(configuration, study)
    for claim in study.claim:
        study.named(claim.better)
        study.named(claim.than)
        if claim.horizon not in study.evaluate.horizons:
            raise SparsidError(
                f"`horizon` of a claim must be one of {list(study.evaluate.horizons)}; "
                f"got {claim.horizon}."
            )


def _check_data(data: StudyDataSpec) -> None:
    if (data.process is None) == (not data.files):
        raise SparsidError("[data] needs either a `process` or `files`, and not both.")
    if data.process is not None:
        named(data.process)
    _check_rising("data.sizes", data.sizes)
    if data.process is not None and data.sizes and data.sizes[-1] > data.train:
        raise SparsidError(
            f"`sizes` must be at most `train` ({data.train} trajectories); got {data.sizes[-1]}."
        )


def _check_rising(name: str, numbers: tuple[int, ...], *, least: int = 1) -> None:
    if any(a >= b for a, b in pairwise((least - 1, *numbers))):
        raise SparsidError(f"`{name}` must rise from at least {least}; got {list(numbers)}.")


def _check_configuration(configuration: ConfigurationSpec, study: StudySpec) -> None:
    network = bool(configuration.phases)
    if network == (configuration.baseline is not None):
        raise SparsidError(
            f"The configuration {configuration.name!r} needs either `phases` or a `baseline`, and "
            "not both."
        )
    if configuration.baseline is not None and configuration.model is not None:
        raise SparsidError(
            f"The configuration {configuration.name!r} is a baseline and takes no `model`."
        )
    if configuration.pair is not None:
        study.named(configuration.pair)
    for phase in configuration.phases:
        phase.build()
