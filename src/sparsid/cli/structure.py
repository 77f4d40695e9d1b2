"""sparsid structure"""

from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from sparsid._files import make_folder
from sparsid.cli.console import print_json, print_notes, show
from sparsid.cli.options import TableOptions
from sparsid.cli.outputs import Force, check_outputs

if TYPE_CHECKING:
    from sparsid.architectures import Card
    from sparsid.data import Dataset


def command(
    models: Annotated[
        list[Path],
        typer.Argument(metavar="MODEL...", help="Model files; their members are pooled."),
    ],
    data: Annotated[
        list[Path] | None,
        typer.Option(help="Data to evaluate sensitivities at; may be given several times."),
    ] = None,
    truth: Annotated[
        str | None, typer.Option(help="A built-in process whose links are compared.")
    ] = None,
    figures: Annotated[
        Path | None, typer.Option(help="A folder for the link matrix and drawings (SVG and PNG).")
    ] = None,
    drawn: Annotated[int, typer.Option(help="Number of networks to draw.", min=0)] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
    *,
    tables: TableOptions,
    force: Force = False,
) -> None:
    """Shows which input affects which output, and in how many members.

    A link is a path of nonzero weights. Its frequency is the share of members that have it; its
    sensitivity, with --data, the mean change of the output over the data, in standard deviations
    per standard deviation of the input.

    Example: `sparsid structure plant.sparsid --data test.csv --figures links`
    """
    if figures is not None:
        _check_figures(figures, drawn, [*models, *(data or ())], force)

    from sparsid.architectures import read_file
    from sparsid.plants import PLANTS

    if truth is not None:
        PLANTS.check(truth)
    files = [read_file(path) for path in models]
    points = [_read(file.card, data, tables) if data else None for file in files]

    from sparsid.evaluation import pooled, structure
    from sparsid.evaluation.structure_document import structure_data, structure_document
    from sparsid.evaluation.truth import true_links
    from sparsid.models import Ensemble, graph_of

    ensembles = [Ensemble.of_file(file) for file in files]
    found = pooled([structure(e, at) for e, at in zip(ensembles, points, strict=True)])
    true = None if truth is None else true_links(truth, found, ensembles[0], points[-1])
    members = (graph_of(ensemble, i) for ensemble in ensembles for i in range(len(ensemble)))
    graphs = list(islice(members, drawn)) if figures is not None else []
    document = structure_document(found, true, graphs)
    if as_json:
        print_json(structure_data(found, true))
    else:
        show(document)
    if figures is not None:
        from sparsid.report.render.drawing import save_figures

        save_figures(document, figures)
        print_notes([f"Figures are in {figures}."])  # not into the JSON


def _read(card: "Card", data: list[Path], tables: TableOptions) -> "Dataset":
    from sparsid.identify.model_data import read_for

    dataset, notes = read_for(card, data, **tables.given())
    print_notes(notes)
    return dataset


def _check_figures(folder: Path, drawn: int, inputs: list[Path], force: bool) -> None:
    make_folder(folder)
    names = ["links", *(f"network-{at}" for at in range(drawn))]
    written = [folder / f"{name}.{kind}" for name in names for kind in ("png", "svg")]
    check_outputs(written, inputs=inputs, force=force)
