"""sparsid equations"""

from pathlib import Path
from typing import Annotated

import typer

from sparsid._errors import SparsidError
from sparsid._files import atomic_write
from sparsid.cli.console import print_json, print_notes, show
from sparsid.cli.options import Files, Model, TableOptions
from sparsid.cli.outputs import LATEX, Force, check_outputs


def command(
    model: Model,
    data: Files,
    member: Annotated[int, typer.Option(help="Which network, from 0.", min=0)] = 0,
    pieces: Annotated[
        int, typer.Option(help="Number of affine pieces to show of each equation.", min=1)
    ] = 3,
    truth: Annotated[
        str | None, typer.Option(help="A built-in process whose coefficients are compared.")
    ] = None,
    latex: Annotated[
        Path | None, typer.Option(help="A file to write the equations to as LaTeX.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
    *,
    tables: TableOptions,
    force: Force = False,
) -> None:
    """Prints the equation of each state of a ReLU network in physical units.

    If an equation is affine over the data, its coefficients are refitted to the data on the links
    of the network; otherwise its affine pieces are shown, each with its share of the data.

    Example: `sparsid equations readable.sparsid test.nc --latex equations.tex`
    """
    check_outputs([latex] if latex else [], inputs=[model, *data], force=force)

    from sparsid.architectures import read_file
    from sparsid.identify.model_data import read_for
    from sparsid.plants import PLANTS

    if truth is not None:
        PLANTS.check(truth)
    file = read_file(model)
    if member >= file.members:
        raise SparsidError(
            f"`member` must be below {file.members}, the number of networks; got {member}."
        )
    dataset, notes = read_for(file.card, data, **tables.given())
    print_notes(notes)

    from sparsid.evaluation import state_equations
    from sparsid.evaluation.equations_document import (
        equation_data,
        equation_document,
        equations_latex,
    )
    from sparsid.evaluation.truth import true_coefficients
    from sparsid.models import Ensemble

    found = state_equations(Ensemble.of_file(file), member, dataset)
    true = [None] * len(found) if truth is None else true_coefficients(truth, found, dataset)
    if as_json:
        print_json([equation_data(*of) for of in zip(found, true, strict=True)])
    else:
        for equation, slopes in zip(found, true, strict=True):
            show(equation_document(equation, pieces=pieces, true=slopes))
    if latex is not None:
        with atomic_write(latex) as part:
            part.write_text(LATEX + equations_latex(found, pieces=pieces), encoding="utf-8")
        print_notes([f"The equations are in {latex}."])
