"""The whole of `fit`: split, scale, train by every candidate recipe, judge, choose."""

from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from itertools import product
from typing import Any

import jax
import numpy as np
from jaxtyping import Array, Key

from sparsid._errors import SparsidError
from sparsid._tables import parse
from sparsid.data import Dataset, Normaliser, ScaledDataset
from sparsid.evaluation import forecast, free_run_errors, matched, median_run, rmse
from sparsid.identify.parts import (
    Parts,
    check_record,
    read_parts,
    split,
    without_constant_inputs,
)
from sparsid.identify.recipes import (
    Recipe,
    candidates,
    linear_free_run,
    linear_recurrent,
    recurrent,
    sparse_one_step,
)
from sparsid.identify.spec import FitSpec, TrainingSpec
from sparsid.models import NARX, AbstractArchitecture, DerivativeMLP, Ensemble
from sparsid.training import Fitted, History, Monitor, Watcher, fit_ensemble, fit_linear
from sparsid.training.fitting import AnyPhase
from sparsid.training.linear import linear_start
from sparsid.training.progress import interruptible
from sparsid.training.readable import LinkPath, fit_readable

Watching = Callable[[Recipe], Watcher | None]


@dataclass(frozen=True)
class Candidate:
    """One model tried. `validation` is its free-run RFMSE: the median over members."""

    name: str
    ensemble: Ensemble
    validation: float
    history: History | None = None


@dataclass(frozen=True)
class FitResult:
    """The chosen ensemble, everything it was compared with, and what should be said."""

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
    recipe: str = "auto",
    members: int = 10,
    seed: int = 0,
    effort: float = 1.0,
    model: AbstractArchitecture | None = None,
    watching: Watching | None = None,
) -> FitResult:
    """A sparse ensemble for recorded trajectories, with nothing to know about neural networks.

    Measured states give a derivative network; where `data` has outputs alone, or `model` is a
    NARX, the outputs are simulated by a recurrent one. Shares of `data` are kept back for
    validation, which chooses, and for the test, which only judges; datasets of their own may be
    given instead. Raises SparsidError for unusable requests.
    """
    if model is None and not len(data.states):
        model = NARX()
    if isinstance(model, NARX):
        data, validation, test = map(_simulating_outputs, (data, validation, test))
    settings = {"recipe": recipe, "members": members, "seed": seed, "effort": effort}
    training = parse(TrainingSpec, settings, "fit")
    parts, notes = without_constant_inputs(split(data, validation=validation, test=test))
    return fit_parts(parts, training, model=model, notes=notes, watching=watching)


def fit_spec(spec: FitSpec, *, watching: Watching | None = None) -> FitResult:
    """Reads, splits and trains as a specification says."""
    if isinstance(spec.model, NARX) and not spec.data.outputs:
        raise SparsidError("A recurrent model simulates outputs; name them (outputs = [...]).")
    model = spec.model or (NARX() if spec.data.outputs else None)
    parts, notes = without_constant_inputs(read_parts(spec.data))
    phases = tuple(phase.build() for phase in spec.phase)
    result = fit_parts(
        parts, spec.training, model=model, phases=phases, notes=notes, watching=watching
    )
    if not phases:
        return result
    told = {"phases": [phase.model_dump(mode="json") for phase in spec.phase]}
    ensemble = result.ensemble
    card = replace(ensemble.card, training=ensemble.card.training | told)
    chosen = replace(result.chosen, ensemble=replace(ensemble, card=card))
    return replace(result, chosen=chosen, tried=(chosen,))


def fit_parts(
    parts: Parts,
    settings: TrainingSpec,
    *,
    model: AbstractArchitecture | None = None,
    phases: tuple[AnyPhase, ...] = (),
    notes: tuple[str, ...] = (),
    watching: Watching | None = None,
) -> FitResult:
    """Trains by every recipe that `settings` names, or through `phases`, and chooses."""
    if isinstance(model, NARX):
        check_record(parts, model)
    normaliser = Normaliser.fit(parts.train)
    train, validation = normaliser.apply(parts.train), normaliser.apply(parts.validation)
    tried: list[Candidate] = []
    recipes = _recipes(settings, parts, model, phases)
    with interruptible() as stop:
        for recipe in recipes:
            watch = watching(recipe) if watching is not None else None
            fitted = run_recipe(recipe, train, validation, settings, watch)
            tried.append(_candidate(recipe.name, fitted.ensemble, parts.validation, fitted.history))
            if stop.asked:
                break
        linear = _linear_models(train, validation, settings, model)
    chosen = min(tried, key=lambda candidate: candidate.validation)
    notes += tuple(note for recipe in recipes for note in recipe.notes)
    notes += tuple(chosen.history.sentences() if chosen.history else ())
    best_linear = min(linear, key=lambda candidate: candidate.validation, default=None)
    if best_linear is not None and not chosen.validation < best_linear.validation:
        notes += (
            f"On the validation data no network runs better than the model {best_linear.name!r}; "
            "more data, more effort or another architecture may help.",
        )
    return FitResult(chosen, tuple(tried), linear, parts, notes)


def run_recipe(
    recipe: Recipe,
    train: ScaledDataset,
    validation: ScaledDataset,
    settings: TrainingSpec,
    watch: Watcher | None = None,
) -> Fitted:
    """Trains one recipe's ensemble; member i depends on the seed and i alone."""
    key_start, key_fit = jax.random.split(jax.random.key(settings.seed))
    if recipe.reading is not None and isinstance(recipe.architecture, DerivativeMLP):
        return _read(recipe, recipe.architecture, train, validation, settings, watch, key_fit)
    start = None
    if recipe.start == "linear" and isinstance(recipe.architecture, DerivativeMLP):
        start = linear_start(recipe.architecture, train, size=settings.members, key=key_start)
    fitted = fit_ensemble(
        recipe.architecture,
        train,
        recipe.phases,
        size=settings.members * recipe.restarts,
        monitor=Monitor(validation, every=5, keep_best=settings.keep_best),
        watch=watch,
        start=start,
        key=key_fit,
    )
    if recipe.restarts > 1:
        fitted = _best_restarts(fitted, validation.physical, recipe.restarts)
    said = {"recipe": recipe.name, "seed": settings.seed}
    card = replace(fitted.ensemble.card, training=said | fitted.ensemble.card.training)
    return replace(fitted, ensemble=replace(fitted.ensemble, card=card))


def _read(
    recipe: Recipe,
    architecture: DerivativeMLP,
    train: ScaledDataset,
    validation: ScaledDataset,
    settings: TrainingSpec,
    watch: Watcher | None,
    key: Key[Array, ""],
) -> Fitted:
    """Networks made for reading; the card says what was chosen on the way."""
    assert recipe.reading is not None
    done = fit_readable(
        architecture,
        train,
        validation,
        recipe.reading,
        size=settings.members,
        watch=watch,
        key=key,
    )
    said: dict[str, Any] = {"recipe": recipe.name, "seed": settings.seed}
    if (choice := done.strengths) is not None:
        names = train.physical.states.names
        said["l1_per_state"] = dict(zip(names, choice.per_state, strict=True))
        said["l1_tried"] = list(choice.strengths)
        said["joint_free_run"] = {
            "each_strength": [_plain(error) for error in choice.joint],
            "chosen": _plain(choice.joint_chosen),
        }
    fitted = done.fitted
    card = fitted.ensemble.card
    if done.path is not None:
        said["inputs_tried"] = _tried(done.path, card.states.names, card.inputs.names)
    card = replace(card, training=said | card.training)
    return replace(fitted, ensemble=replace(fitted.ensemble, card=card))


def _tried(
    path: LinkPath, states: Sequence[str], inputs: Sequence[str]
) -> dict[str, dict[str, dict[str, Any]]]:
    """For each state and input that was tried: how many networks, what it cost them, who lost it.

    The cost is the squared one-step error without the input over that with it, the median.
    """
    told: dict[str, dict[str, dict[str, Any]]] = {}
    for (i, state), (j, name) in product(enumerate(states), enumerate((*states, *inputs))):
        at = path.tried[:, :, i] == j
        if at.any():
            with np.errstate(divide="ignore", invalid="ignore"):
                cost = np.median(path.error[:, :, i][at] / path.error_with[:, :, i][at])
            gone = int(path.gone[:, :, i][at].sum())
            said = {"networks": int(at.sum()), "gone": gone, "error_ratio": _plain(cost)}
            told.setdefault(state, {})[name] = said
    return told


def _plain(error: float) -> float | None:
    return float(error) if np.isfinite(error) else None  # JSON knows no infinity


def simulation_errors(ensemble: Ensemble, dataset: Dataset) -> tuple[np.ndarray, np.ndarray]:
    """RMSE of free runs over training standard deviations, averaged over trajectories.

    Returns that of each member (member, states), and that of the median of all members' runs,
    which is what `predict` gives (states,).
    """
    scale = ensemble.stacked.scaling.scale
    dataset, _ = matched(ensemble.card, dataset)
    runs = forecast(ensemble, dataset)
    each = [
        (
            rmse(run[:, : t.samples], t.x) / scale,
            rmse(median_run(run[:, : t.samples]), t.x) / scale,
        )
        for run, t in zip(np.moveaxis(runs, 1, 0), dataset, strict=True)
    ]
    members, median = zip(*each, strict=True)
    return np.mean(members, axis=0), np.mean(median, axis=0)


def _recipes(
    settings: TrainingSpec,
    parts: Parts,
    model: AbstractArchitecture | None,
    phases: tuple[AnyPhase, ...],
) -> list[Recipe]:
    """What is to be tried: the phases given, or the named recipes, with the user's architecture."""
    if isinstance(model, NARX) and not phases:
        if settings.recipe != "auto":
            raise SparsidError(
                "Recipes are for measured states; a recurrent model of outputs has one of its own: "
                f"leave `recipe` out; got {settings.recipe!r}."
            )
        options = {"effort": settings.effort, "members": settings.members}
        return [recurrent(parts.train, parts.validation, model, **options)]
    if phases:
        own = model or sparse_one_step(parts.train).architecture
        return [Recipe("custom", own, phases, settings.start)]
    recipes = candidates(settings.recipe, parts.train, parts.validation, effort=settings.effort)
    if model is None:
        return recipes
    linear_path = model.skip or not model.widths
    return [
        replace(
            recipe,
            architecture=_own(recipe, model),
            start=recipe.start if linear_path else "random",
        )
        for recipe in recipes
    ]


def _own(recipe: Recipe, model: AbstractArchitecture) -> AbstractArchitecture:
    """The user's architecture; to be read it must have a network for each state."""
    if recipe.reading is not None and not (isinstance(model, DerivativeMLP) and model.per_state):
        raise SparsidError(
            'The recipe "readable" is for networks per state: set `per_state = true` in [model], '
            "or leave [model] out."
        )
    return model


def _linear_models(
    train: ScaledDataset,
    validation: ScaledDataset,
    settings: TrainingSpec,
    model: AbstractArchitecture | None,
) -> tuple[Candidate, ...]:
    """The linear model twice: by one-step least squares, and trained on free runs."""
    alone = settings.model_copy(update={"members": 1})
    if isinstance(model, NARX):
        found = linear_recurrent(train.physical, model)
        fitted = {}
        for name, recipe in found.items():
            # ARX that is unstable in free run (OE cannot begin there), or too large for J'J
            with suppress(SparsidError):
                fitted[name] = run_recipe(recipe, train, validation, alone).ensemble
        return tuple(_candidate(n, e, validation.physical) for n, e in fitted.items())
    free = run_recipe(
        linear_free_run(train.physical, validation.physical),
        train,
        validation,
        alone,
    )
    ensembles = {"linear, one-step": fit_linear(train), "linear, free-run": free.ensemble}
    return tuple(_candidate(n, e, validation.physical) for n, e in ensembles.items())


def _best_restarts(fitted: Fitted, validation: Dataset, restarts: int) -> Fitted:
    """Of each member's restarts the one whose validation free run is best."""
    errors = free_run_errors(fitted.ensemble, validation).reshape(-1, restarts)
    best = np.argmin(errors, axis=1) + restarts * np.arange(len(errors))
    return Fitted(fitted.ensemble.pick(best), fitted.history.pick(best.tolist()))


def _simulating_outputs(part: Dataset | float) -> Any:
    return part.outputs_as_states() if isinstance(part, Dataset) else part


def _candidate(
    name: str, ensemble: Ensemble, validation: Dataset, history: History | None = None
) -> Candidate:
    error = float(np.median(free_run_errors(ensemble, validation)))
    return Candidate(name, ensemble, error, history)
