"""What no single table of a study of simulators can see: conflicts between them."""

from collections.abc import Iterator

from sparsid import papers
from sparsid._errors import SparsidError
from sparsid.architectures import AbstractArchitecture, DerivativeMLP
from sparsid.architectures.capabilities import check_linear_start, check_serves
from sparsid.identify.spec import DataSpec
from sparsid.plants import PLANTS
from sparsid.study.spec import (
    LARGEST_SEED,
    check_names,
    check_pair,
    check_rising,
    check_seeds,
    observed,
)
from sparsid.study.tasks.simulate.spec import ClaimSpec, ConfigurationSpec, StudyDataSpec, StudySpec

SIMULATED = ("train", "validation", "test", "samples", "seed")  # keys of [data] with a process
RECORDED = tuple(DataSpec.model_fields.keys() - {"files", "dt"})  # and with files


def check(study: StudySpec) -> None:
    """Raises SparsidError for conflicts between tables."""
    if study.published is not None:
        papers.check(study.published)
    _check_data(study.data)
    _check_observed(study)
    check_rising("evaluate.horizons", study.evaluate.horizons)
    check_seeds(study.training.seeds)
    check_names([configuration.name for configuration in study.configuration])
    for configuration in study.configuration:
        _check_configuration(configuration, study)
    for claim in study.claim:
        _check_claim(claim, study)


def _check_claim(claim: ClaimSpec, study: StudySpec) -> None:
    study.named(claim.better)
    study.named(claim.than)
    if claim.horizon not in study.evaluate.horizons:
        raise SparsidError(
            f"`horizon` of a claim must be one of {list(study.evaluate.horizons)}; "
            f"got {claim.horizon}."
        )
    for size in (claim.size, claim.than_size):
        if size is not None and size not in study.data.sizes:
            raise SparsidError(
                f"A claim's `size` and `than_size` must be among `sizes` of [data], "
                f"{list(study.data.sizes)}; got {size}."
            )


def _check_data(data: StudyDataSpec) -> None:
    if (data.process is None) == (not data.files):
        raise SparsidError("[data] needs either a `process` or `files`, not both.")
    if data.process is not None:
        PLANTS.check(data.process)
    _check_other_kind(data)
    check_rising("data.sizes", data.sizes)
    if data.process is not None and data.sizes and data.sizes[-1] > data.train:
        raise SparsidError(
            f"`sizes` must be at most `train` ({data.train} trajectories); got {data.sizes[-1]}."
        )


def _check_other_kind(data: StudyDataSpec) -> None:
    """Refuses keys of the other kind; defaults are allowed, as a written-out study has all keys."""
    simulated = data.process is not None
    other, kind, remedy = (
        (RECORDED, "a `process`", "only `files`")
        if simulated
        else (SIMULATED, "`files`", "only a `process`")
    )
    content = data.model_dump(exclude_defaults=True)
    if invalid := [name for name in other if name in content]:
        raise SparsidError(f"[data] of {kind} takes no `{invalid[0]}`; {remedy} may have it.")


def _check_observed(study: StudySpec) -> None:
    """Recurrent models need outputs: those of the process, or those named for files."""
    if study.data.process is not None:
        observed([*study.networks, *_baselines(study)])
        return
    recurrent = [name for name, model in study.networks if model.observes == "outputs"]
    if recurrent and not study.data.outputs:
        raise SparsidError(
            f"The configuration {recurrent[0]!r} simulates outputs; name them in [data] "
            "(outputs = [...])."
        )


def _baselines(study: StudySpec) -> Iterator[tuple[str, AbstractArchitecture]]:
    """Baselines simulate states, as a derivative network does."""
    return ((c.name, DerivativeMLP()) for c in study.configuration if c.baseline is not None)


def _check_configuration(configuration: ConfigurationSpec, study: StudySpec) -> None:
    network = bool(configuration.phases)
    if network == (configuration.baseline is not None):
        raise SparsidError(
            f"The configuration {configuration.name!r} needs either `phases` or a `baseline`, "
            "not both."
        )
    if configuration.baseline is not None and configuration.model is not None:
        raise SparsidError(
            f"The configuration {configuration.name!r} is a baseline and takes no `model`."
        )
    if configuration.first_seed + study.training.seeds[-1] > LARGEST_SEED:
        raise SparsidError(
            f"Seeds plus `first_seed` must be at most {LARGEST_SEED}; the configuration "
            f"{configuration.name!r} goes up to "
            f"{configuration.first_seed + study.training.seeds[-1]}."
        )
    check_pair(configuration.name, configuration.pair, [c.name for c in study.configuration])
    if network and study.training.start == "linear":
        _check_linear_start(configuration)
    for phase in configuration.phases:
        check_serves(configuration.architecture, phase)
        phase.build()


def _check_linear_start(configuration: ConfigurationSpec) -> None:
    try:
        check_linear_start(configuration.architecture)
    except SparsidError as error:
        raise SparsidError(f"The configuration {configuration.name!r}: {error}") from None
