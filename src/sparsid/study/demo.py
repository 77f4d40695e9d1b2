"""The demonstration: a preset whose document also has models, data and error growth."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path

import jax
import numpy as np
from jaxtyping import Float

from sparsid.data import Dataset
from sparsid.evaluation import error_over_time, forecast
from sparsid.models import Ensemble, Simulator, graph_of, load
from sparsid.papers import FreeRuns, paper
from sparsid.report.document import Cell, Count, Document, Figure, File, Quantity, Share, Table
from sparsid.report.figures import (
    Curves,
    DivergedShares,
    ErrorGrowth,
    Inputs,
    LinkMatrix,
    NetworkDiagram,
    TrainingHistory,
    Trajectories,
)
from sparsid.study.reading import read_study
from sparsid.study.results import StudyResults
from sparsid.study.tasks.simulate.datasets import StudyData, prepare
from sparsid.study.tasks.simulate.results import ConfigurationResults
from sparsid.study.tasks.simulate.spec import StudySpec
from sparsid.study.tasks.simulate.verdicts import diverged_share

SPARSE = "sparse"  # the configuration of the network that is drawn
FIRST_SEEDS = 2**31  # bound of the networks' first seed, which depends on the seed of the demo


def read_demo(*, seed: int, quick: bool) -> StudySpec:
    """The preset with data and networks from this seed; `quick` uses little data."""
    study = read_study("demo-quick" if quick else "demo")
    if not isinstance(study, StudySpec):
        raise TypeError("The demo is a study of simulators.")
    first = seed * len(study.training.seeds) % FIRST_SEEDS
    return study.model_copy(
        update={
            "name": "demo",  # the same folder serves both
            "data": study.data.model_copy(update={"seed": seed}),
            "configuration": tuple(
                c.model_copy(update={"first_seed": first}) for c in study.configuration
            ),
        }
    )


@dataclass(frozen=True)
class Demo:
    """The results of the demo and the data of its study."""

    results: StudyResults
    data: StudyData

    @classmethod
    def of(cls, results: StudyResults) -> "Demo":
        return cls(results, prepare(results.study))

    @property
    def folder(self) -> Path:
        return self.results.folder

    @cached_property
    def ensembles(self) -> dict[str, Ensemble]:
        """The networks of each configuration, as one ensemble."""
        return {found.name: _joined(found, self.folder) for found in self.results.configurations}

    @cached_property
    def runs(self) -> dict[str, Float[np.ndarray, "member trajectory T n"]]:
        """Free runs over the test set, in physical units."""
        return {name: forecast(each, self.data.test) for name, each in self.ensembles.items()}

    @cached_property
    def errors(self) -> dict[str, Float[np.ndarray, "member trajectory T"]]:
        """Error over time of every free run over the test set, in training standard deviations."""
        truth, _, _ = self.data.test.padded()
        return {
            name: error_over_time(runs, truth, scale=self.ensembles[name].stacked.scaling.scale)
            for name, runs in self.runs.items()
        }

    @property
    def published(self) -> dict[str, tuple[str, FreeRuns]]:
        """Configuration -> name and numbers of the published row that it is compared with."""
        named = paper(self.results.study.published or "")
        found = (c.name for c in self.results.configurations)
        return {name: (named.demo[name], named.rows[named.demo[name]]) for name in found}

    def document(self) -> Document:
        """The results of the demo, compared with the published numbers."""
        table = self._comparison()
        title = self.results.study.title
        return Document(title, self._intro(), (table,), tuple(self._figures()), self._files())

    def write(self) -> None:
        """Writes the models and the data into the folder."""
        for name, ensemble in self.ensembles.items():
            ensemble.save(self.folder / f"{name}.sparsid")
        for name, part in self._parts():
            part.to_netcdf(self.folder / f"{name}.nc")

    def _parts(self) -> Iterator[tuple[str, Dataset]]:
        return ((name, getattr(self.data, name)) for name in ("train", "validation", "test"))

    def _intro(self) -> tuple[str, ...]:
        test, samples = self.data.test, max(self.data.test.lengths)
        networks = " and ".join(f"{len(e)} {name}" for name, e in self.ensembles.items())
        return (
            f"{networks} networks were trained on {len(self.data.train)} trajectories of an "
            "aluminium electrolysis cell. Each network then simulated "
            f"{len(test)} test trajectories of {samples} samples "
            f"({samples * test.dt / 3600:.1f} hours) from the initial state and the inputs alone.",
            "The test set was not used for training or selection. A run diverged if its mean error "
            "exceeds three training standard deviations in any state. RFMSE is the mean absolute "
            "error in training standard deviations over the runs that did not diverge.",
        )

    def _comparison(self) -> Table:
        """Our results and the published rows, by horizon."""
        horizons, named = self.results.study.horizons, paper(self.results.study.published or "")
        columns = ["networks", "exactly\nzero %", "non-zero\nweights"]
        columns += [text for h in horizons for text in (f"diverged\n{h}", f"RFMSE\n{h}")]
        rows: list[list[Cell]] = []
        for found in self.results.configurations:
            zeros = float(found.number(lambda s: s.weights.zero_share).mean())
            row: list[Cell] = [found.name, Share(zeros)]
            row.append(Quantity(float(np.median(found.number(lambda s: s.weights.nonzero))), 6))
            for horizon in horizons:
                diverged, kept = found.diverged(horizon), found.kept_rfmse(horizon)
                row.append(Count(int(diverged.sum()), diverged.size))
                row.append(Quantity(float(kept.mean()), 2) if kept.size else None)
            rows.append(row)
        for name, theirs in self.published.values():
            zeros = None if theirs.zeros is None else theirs.zeros / 100
            row = [f"published: {name}", Share(zeros), None]
            for horizon in horizons:
                row.append(Quantity(theirs.diverged.get(horizon), 6, unit=" %"))
                row.append(Quantity(theirs.rfmse.get(horizon, (None,))[0], 2))
            rows.append(row)
        source = "" if named.free_runs is None else f", {named.free_runs.source}"
        note = f"Published: {named.citation}, doi {named.doi}{source}. Non-zero weights: median of "
        note += "the networks, without biases."
        return Table("Free runs over the test set, compared with published", columns, rows, note)

    def _figures(self) -> Iterator[Figure]:
        configurations = self.results.configurations
        truth, horizons = self.data.test, self.results.study.horizons
        shown, states, inputs = truth[0], truth.states, truth.inputs
        time = np.arange(shown.samples) * truth.dt
        runs = {name: each[:, 0, : shown.samples] for name, each in self.runs.items()}
        yield Figure(
            "trajectories",
            "Truth and free runs, first test trajectory",
            "Dashed: the true cell. Thin: each network; thick: their median.",
            Trajectories(time, shown.x, runs, states.names, states.units),
        )
        drawing = Inputs(time, shown.u, inputs.names, inputs.units)
        yield Figure("inputs", "Inputs of the first test trajectory", "", drawing)
        errors = {name: error.reshape(-1, error.shape[-1]) for name, error in self.errors.items()}
        longest = np.arange(max(self.data.test.lengths)) * truth.dt
        yield Figure(
            "error_growth",
            "Error growth",
            "Mean absolute error over the states in training standard deviations: median and 10 to "
            "90 % band of all runs.",
            ErrorGrowth(longest, errors, limit=(3.0, "diverged")),
        )
        shares = {c.name: [diverged_share(c, h) for h in horizons] for c in configurations}
        yield Figure(
            "diverged",
            "Diverged runs",
            "With 95 % intervals that account for shared networks and trajectories.",
            DivergedShares(
                horizons,
                {name: [(e.value, e.low, e.high) for e in own] for name, own in shares.items()},
                published={
                    name: [_share(theirs.diverged.get(h)) for h in horizons]
                    for name, (_, theirs) in self.published.items()
                },
                dt=truth.dt,
            ),
        )
        if SPARSE in self.ensembles:
            best = int(np.median(self.errors[SPARSE], axis=(1, 2)).argmin())
            graph = graph_of(self.ensembles[SPARSE], best)
            caption = f"{graph.nonzero_count} of {graph.weight_count} weights are nonzero."
            yield Figure("network", "A pruned network", caption, NetworkDiagram(graph))
            links = LinkMatrix(graph.links(), graph.input_names, graph.output_names)
            yield Figure("links", "Which input affects which state in this network", "", links)
        curves = {found.name: _curves(found) for found in configurations}
        yield Figure("training", "Training", "", TrainingHistory(curves))

    def _files(self) -> tuple[File, ...]:
        models = (
            File(self.folder / f"{name}.sparsid", f"the {name} ensemble, {len(each)} networks")
            for name, each in self.ensembles.items()
        )
        data = (
            File(self.folder / f"{name}.nc", f"{name} data, {len(part)} trajectories (NetCDF)")
            for name, part in self._parts()
        )
        return (*models, *data, File(self.folder / "study.json", "the study's specification"))


def _share(percent: float | None) -> float | None:
    return None if percent is None else percent / 100


def _curves(found: ConfigurationResults) -> Curves:
    train, validation = (
        found.series(lambda s: s.train_loss),
        found.series(lambda s: s.validation_loss),
    )
    return Curves(np.arange(1, train.shape[1] + 1), train, validation)


def _joined(found: ConfigurationResults, folder: Path) -> Ensemble:
    """All networks of a configuration in one ensemble."""
    parts = [load(folder / "models" / f"{row.key}.sparsid") for row in found.rows]
    models = (part.stacked.model for part in parts)
    stacked = jax.tree.map(lambda *leaves: np.concatenate(leaves), *models)
    card = parts[0].card
    notes = [note for part in parts for note in part.card.training.get("notes", ())]
    content = {
        "configuration": found.name,
        "cells": [row.key for row in found.rows],
        "notes": notes,
    }
    simulator = Simulator(stacked, parts[0].stacked.scaling)
    return Ensemble(simulator, len(parts), replace(card, training=content))
