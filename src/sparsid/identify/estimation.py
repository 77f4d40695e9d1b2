"""`fit`: splits, scales, fits linear models, trains by every recipe and selects the best."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from sparsid._errors import SparsidError
from sparsid._tables import parse
from sparsid.architectures import (
    ARCHITECTURES,
    DEFAULT_KINDS,
    AbstractArchitecture,
    default_for,
)
from sparsid.data import Dataset, Normaliser
from sparsid.identify.baselines import fitted_baselines
from sparsid.identify.errors import median_run_error
from sparsid.identify.kinds import AUTO, RECIPES
from sparsid.identify.parts import Parts, read_parts, split, without_constant_inputs
from sparsid.identify.recipes import Recipe, Request, sparse_one_step
from sparsid.identify.run import check_recipe, run_recipe
from sparsid.identify.spec import FitSpec, TrainingSpec
from sparsid.models import Ensemble
from sparsid.training import AnyPhase, Callback, History
from sparsid.training.progress import interruptible

#: Returns, for the name of the model that is trained next, the callback after each of its epochs.
Callbacks = Callable[[str], Callback | None]


@dataclass(frozen=True)
class Candidate:
    """A trained model.

    `validation` is the root mean squared error of the median run of its members on the validation
    part, in training standard deviations, mean over channels; inf if the run diverged.
    """

    name: str
    ensemble: Ensemble
    validation: float
    history: History | None = None


@dataclass(frozen=True)
class FitResult:
    """The chosen ensemble, the models it was compared with, and notes for the user.

    `linear` holds the linear models whose fit was completed.
    """

    chosen: Candidate
    tried: tuple[Candidate, ...]
    linear: tuple[Candidate, ...]
    parts: Parts
    notes: tuple[str, ...]

    @property
    def ensemble(self) -> Ensemble:
        return self.chosen.ensemble


def fit(
    data: Dataset,
    *,
    validation: Dataset | float = 0.2,
    test: Dataset | float = 0.2,
    recipe: str = AUTO,
    members: int = 10,
    seed: int = 0,
    effort: float = 1.0,
    model: AbstractArchitecture | None = None,
    callbacks: Callbacks | None = None,
) -> FitResult:
    """Fits a sparse ensemble to recorded trajectories; the defaults need no tuning.

    Measured states are simulated by a derivative network; if `data` has only outputs, or `model`
    simulates outputs, by a recurrent one. Shares of `data` are held out for validation, which
    selects the model, and for a final test; separate datasets may be given instead. Raises
    SparsidError for invalid requests, KeyboardInterrupt if interrupted before any network has been
    trained.
    """
    if model is None and not len(data.states):
        model = default_for("outputs")
    if model is not None and model.observes == "outputs":
        data, validation, test = map(_simulating_outputs, (data, validation, test))
    settings = {"recipe": recipe, "members": members, "seed": seed, "effort": effort}
    training = parse(TrainingSpec, settings, "fit")
    parts, notes = without_constant_inputs(split(data, validation=validation, test=test))
    return fit_parts(parts, training, model=model, notes=notes, callbacks=callbacks)


def fit_spec(
    spec: FitSpec, *, parts: Parts | None = None, callbacks: Callbacks | None = None
) -> FitResult:
    """Reads and splits the data (unless `parts` are given) and trains as specified."""
    model = spec.architecture
    phases = tuple(phase.build() for phase in spec.phase)
    parts, notes = without_constant_inputs(read_parts(spec.data) if parts is None else parts)
    result = fit_parts(
        parts, spec.training, model=model, phases=phases, notes=notes, callbacks=callbacks
    )
    if not phases:
        return result
    details = {"phases": [phase.model_dump(mode="json") for phase in spec.phase]}
    ensemble = result.ensemble
    card = replace(ensemble.card, training=ensemble.card.training | details)
    chosen = replace(result.chosen, ensemble=replace(ensemble, card=card))
    return replace(result, chosen=chosen, tried=(chosen,))


def fit_parts(
    parts: Parts,
    settings: TrainingSpec,
    *,
    model: AbstractArchitecture | None = None,
    phases: tuple[AnyPhase, ...] = (),
    notes: tuple[str, ...] = (),
    callbacks: Callbacks | None = None,
) -> FitResult:
    """Trains by every recipe in `settings`, or through `phases`, and selects the best.

    Linear models are fitted first, so that an interrupted fit has a baseline.
    """
    if model is not None:
        model.check_data(parts.named)
    normaliser = Normaliser.fit(parts.train)
    train, validation = normaliser.apply(parts.train), normaliser.apply(parts.validation)
    recipes = _recipes(settings, parts, model, phases)
    for recipe in recipes:
        check_recipe(recipe, train, validation, settings)
    tried: list[Candidate] = []
    with interruptible() as stop:
        kind = recipes[0].architecture
        linear, missing = [], []
        for name, found in fitted_baselines(train, validation, kind, settings, stop, callbacks):
            if isinstance(found, SparsidError):
                missing.append(f"The model {name!r} was not fitted. {found}")
            else:
                linear.append(_candidate(name, found, parts))
        for recipe in recipes:
            if stop.asked:
                break
            callback = callbacks(recipe.name) if callbacks is not None else None
            fitted = run_recipe(recipe, train, validation, settings, callback)
            if fitted.history.epochs:
                tried.append(_candidate(recipe.name, fitted.ensemble, parts, fitted.history))
    if not tried:
        raise KeyboardInterrupt("Interrupted before any network was trained; nothing is saved.")
    chosen = min(tried, key=lambda candidate: candidate.validation)
    notes += tuple(note for recipe in recipes for note in recipe.notes)
    notes += tuple(chosen.history.sentences() if chosen.history else ())
    notes += (*missing, *_selection_notes(chosen, linear, parts))
    return FitResult(chosen, tuple(tried), tuple(linear), parts, notes)


def _selection_notes(
    chosen: Candidate, linear: Sequence[Candidate], parts: Parts
) -> tuple[str, ...]:
    """Notes on how the network was selected."""
    content = []
    if parts.chooses == "training":
        content.append("No data was held out for validation: training errors selected the model.")
    best = min(linear, key=lambda candidate: candidate.validation, default=None)
    if best is not None and not chosen.validation < best.validation:
        content.append(
            f"On the {parts.chooses} data no network has a lower error than the model "
            f"{best.name!r} ({best.validation:.3g} against {chosen.validation:.3g}); more data, "
            "more effort or another architecture may help."
        )
    return tuple(content)


def _recipes(
    settings: TrainingSpec,
    parts: Parts,
    model: AbstractArchitecture | None,
    phases: tuple[AnyPhase, ...],
) -> list[Recipe]:
    """The recipes to train: the given phases, or the named recipes with the user's model."""
    if phases:
        own = model or sparse_one_step(parts.train).architecture
        return [Recipe("custom", own, phases, settings.start)]
    kind = ARCHITECTURES[DEFAULT_KINDS["states"]] if model is None else model
    names = kind.recipes if settings.recipe == AUTO else (settings.recipe,)
    request = Request(
        parts.train, parts.validation, model, settings.effort, members=settings.members
    )
    found = []
    for name in names:
        recipe = RECIPES[name]
        if recipe.observes != kind.observes:
            raise SparsidError(
                f"The recipe {name!r} is for measured {recipe.observes}, and the model simulates "
                f"{kind.observes}: leave `recipe` out, or use one of {', '.join(kind.recipes)}."
            )
        found.append(recipe.make(request))
    return found


def _simulating_outputs(part: Dataset | float) -> Any:
    return part.outputs_as_states() if isinstance(part, Dataset) else part


def _candidate(
    name: str, ensemble: Ensemble, parts: Parts, history: History | None = None
) -> Candidate:
    return Candidate(name, ensemble, median_run_error(ensemble, parts.validation), history)
