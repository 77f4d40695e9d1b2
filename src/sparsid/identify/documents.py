"""Documents of processes, datasets, models, fits and prunings. No JAX."""

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from sparsid.architectures.file import ModelFile
from sparsid.data import Dataset
from sparsid.data.kinds import KINDS
from sparsid.graph.sparsity import sparsity_of
from sparsid.plants import PLANTS
from sparsid.report.document import Cell, Document, Quantity, Table

if TYPE_CHECKING:
    from sparsid.identify.assessment import Assessment
    from sparsid.identify.prune import Pruned

STAGES = ("full", "control", "pruned")


def processes_document() -> Document:
    """The built-in processes."""
    plants = [PLANTS[name] for name in PLANTS]
    rows = [
        (p.name, ", ".join(p.states.names), ", ".join(p.inputs.names), Quantity(p.dt, 6, unit=" s"))
        for p in plants
    ]
    note = "\n".join(f"{plant.name}: {plant.reference}" for plant in plants)
    columns = ("name", "states", "inputs", "sampling time")
    return Document("Processes", tables=(Table("Processes", columns, rows, note),))


def dataset_document(file: Path, data: Dataset) -> Document:
    """The channels of a dataset, with statistics of their values."""
    lengths = data.lengths
    rows = []
    for kind in KINDS:
        channels = data.channels(kind)
        values = np.concatenate([t.values(kind) for t in data])
        for name, unit, v in zip(channels.names, channels.units, values.T, strict=True):
            what = (v.min(), v.mean(), v.max(), v.std())
            rows.append((name, kind.singular, unit or "not stated", *map(float, what)))
    columns = ("name", "kind", "unit", "smallest", "mean", "largest", "std")
    about = "\n".join(f"{name}: {value}" for name, value in data.attributes.items())
    return Document(
        str(file),
        notes=(
            f"{file}: {len(data)} trajectories of {min(lengths)} to {max(lengths)} samples, "
            f"every {data.dt:g} s",
        ),
        tables=(Table("Channels", columns, rows, about),),
    )


def model_document(file: Path, model: ModelFile) -> Document:
    """The channels and weights of a model file, and the metadata of its training."""
    card, zeros = model.card, sparsity_of(model.weights())
    channels: list[tuple[Cell, ...]] = [
        (name, kind, unit or "not stated", *map(float, box))
        for kind, named, boxes in (
            (card.architecture.observes[:-1], card.states, card.box["states"].T),
            ("input", card.inputs, card.box["inputs"].T),
        )
        for name, unit, box in zip(named.names, named.units, boxes, strict=True)
    ]
    weights = [
        (m.layer, m.role, m.weights, _percent(m.zero_share), _percent(m.small_share))
        for m in zeros.layers
    ]
    about = {**card.training, "data sha256": card.digest, **card.versions}
    note = [f"non-zero weights, median of members: {zeros.nonzero_median:g}"]
    note += [f"{name}: {value}" for name, value in about.items()]
    small = f"|w| < {zeros.below:g}"
    return Document(
        str(file),
        notes=(
            f"{file}: {model.members} members, every {card.dt:g} s; {card.architecture.sentence()}",
        ),
        tables=(
            Table(
                "Channels and training box",
                ("name", "kind", "unit", "smallest", "largest"),
                channels,
            ),
            Table(
                "Weights",
                ("matrix", "role", "weights", "exactly zero", small),
                weights,
                "\n".join(note),
            ),
        ),
    )


def fit_document(found: "Assessment") -> Document:
    """Free runs of the chosen ensemble, of the other candidates, and of the linear models."""
    rows = []
    for model in found.models:
        chose = [] if found.chose is None else [float(model.candidate.validation)]
        errors = map(float, (*model.errors, model.mean))
        name = model.candidate.name + (" (chosen)" if model.chosen else "")
        rows.append((name, *chose, *errors, Quantity(model.nonzero, 6)))
    chose = [] if found.chose is None else [f"{found.chose}, mean"]
    title = (
        f"Free run over the {found.part} data: RMSE of the median run in training standard "
        "deviations"
    )
    columns = ("model", *chose, *found.channels, "mean", "non-zero weights")
    return Document(title, tables=(Table(title, columns, rows),))


def prune_document(pruned: "Pruned") -> Document:
    """Every member before and after pruning, and the control that was trained further instead."""
    rows = []
    for i, member in enumerate(pruned.members):
        left = [step.left for step in member.path.steps]
        errors = [getattr(getattr(member, kind), part) for part in PARTS for kind in STAGES]
        rows.append((i, left[0], left[member.chosen], min(left), *errors))
    title = "Sum of squared scaled errors of free runs: full, trained further (control), pruned"
    columns = ("member", "parameters", "remaining", "smallest")
    columns += tuple(f"{part} {kind}" for part in PARTS for kind in STAGES)
    return Document(title, tables=(Table(title, columns, rows),))


PARTS = ("validation", "test")


def _percent(share: float) -> Quantity:
    return Quantity(100 * share, decimals=1, unit="%")
