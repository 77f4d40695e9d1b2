"""sparsid info"""

from pathlib import Path
from typing import Annotated

import typer

from sparsid._errors import SparsidError
from sparsid.cli.console import number, say, show


def command(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="A model file or NetCDF dataset.")],
) -> None:
    """Shows what is in a model file or a dataset.

    Example: `sparsid info plant.sparsid`
    """
    from sparsid.data.formats import READERS, TABLES, suffix_of

    if suffix_of(file) in TABLES:
        raise SparsidError(
            f"{file} is a table, which says nothing of states and inputs; `info` shows model files "
            "and NetCDF datasets."
        )
    if suffix_of(file) in READERS:
        _dataset(file)
    else:
        _model(file)


def _dataset(file: Path) -> None:
    import numpy as np

    from sparsid.data.formats import READERS, suffix_of
    from sparsid.data.kinds import KINDS

    data = READERS[suffix_of(file)](file)
    lengths = data.lengths
    say(
        f"{file}: {len(data)} trajectories of {min(lengths)} to {max(lengths)} samples, "
        f"every {data.dt:g} s"
    )
    rows = []
    for kind in KINDS:
        channels = data.channels(kind)
        values = np.concatenate([t.values(kind) for t in data])
        rows += [
            (
                name,
                kind.singular,
                unit or "not stated",
                *map(number, (v.min(), v.mean(), v.max(), v.std())),
            )
            for name, unit, v in zip(channels.names, channels.units, values.T, strict=True)
        ]
    show("Channels", ("name", "kind", "unit", "smallest", "mean", "largest", "std"), rows)
    for name, value in data.attributes.items():
        say(f"{name}: {value}")


def _model(file: Path) -> None:
    from sparsid.architectures import read_file
    from sparsid.graph.sparsity import sparsity_of

    model = read_file(file)
    card, zeros = model.card, sparsity_of(model.weights())
    say(f"{file}: {model.members} members, every {card.dt:g} s; {card.architecture.sentence()}")
    rows = [
        (name, kind, unit or "not stated", *map(number, box))
        for kind, channels, boxes in (
            (card.architecture.observes[:-1], card.states, card.box["states"].T),
            ("input", card.inputs, card.box["inputs"].T),
        )
        for name, unit, box in zip(channels.names, channels.units, boxes, strict=True)
    ]
    show("Channels and training box", ("name", "kind", "unit", "smallest", "largest"), rows)
    show(
        "Weights",
        ("matrix", "role", "weights", "exactly zero", f"|w| < {zeros.below:g}"),
        [
            (str(m.layer), m.role, str(m.weights), f"{m.zero_share:.1%}", f"{m.small_share:.1%}")
            for m in zeros.layers
        ],
    )
    say(f"non-zero weights, median of members: {zeros.nonzero_median:g}")
    for name, value in {**card.training, "data sha256": card.digest, **card.versions}.items():
        say(f"{name}: {value}")
