"""The equations of a network as documents, as LaTeX, and as plain data for JSON."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float

from sparsid.evaluation.equations import Piece, StateEquation, written
from sparsid.report.document import Cell, Document, Quantity, Table
from sparsid.report.render.text import number

type Truth = Float[np.ndarray, " inputs"]  # true coefficients of one equation, NaN: not constant


def equation_document(
    equation: StateEquation, *, pieces: int, true: Truth | None = None
) -> Document:
    """An equation as text: the refitted one, or the `pieces` with the largest shares.

    With `true`, a table compares the coefficients of a refitted equation with the true ones.
    """
    tables = ()
    if equation.refit is not None and true is not None:
        columns = ("input", "estimated", "true", "difference")
        rows = list(_compared(equation, equation.refit, true))
        tables = (Table(f"Coefficients of d {equation.state}/dt", columns, rows),)
    return Document(f"Equation of {equation.state}", tuple(_sentences(equation, pieces)), tables)


def equations_latex(state_equations: Sequence[StateEquation], *, pieces: int) -> str:
    """An align block: one line per equation, or per piece with its share as a remark."""
    lines = []
    for equation in state_equations:
        for piece in _shown(equation, pieces):
            text = written(equation, piece, latex=True).replace(" = ", " &= ", 1)
            share = f"{100 * piece.share:.1f}"
            lines.append(text if piece.share == 1 else rf"{text} && \text{{({share}\,\%)}}")
        if rest := _rest(equation, pieces):
            share = f"{100 * sum(piece.share for piece in rest):.1f}"
            lines.append(rf"& && \text{{and {len(rest)} further pieces ({share}\,\%)}}")
    body = " \\\\\n".join(lines)
    return f"\\begin{{align*}}\n{body}\n\\end{{align*}}\n"


def equation_data(equation: StateEquation, true: Truth | None = None) -> dict[str, Any]:
    """All results for one equation, as lists and numbers."""
    data: dict[str, Any] = {
        "state": equation.state,
        "links": [
            name for name, linked in zip(equation.inputs, equation.links, strict=True) if linked
        ],
        "affine": equation.refit is not None,
        "pieces": [_piece_data(equation, piece) for piece in equation.pieces],
    }
    if equation.refit is not None:
        data |= {"refit": _piece_data(equation, equation.refit), "residual": equation.residual}
        data["text"] = written(equation, equation.refit)
        if true is not None:
            slopes = zip(equation.inputs, true.tolist(), strict=True)
            data["true"] = {name: slope for name, slope in slopes if slope}
    return data


def _piece_data(equation: StateEquation, piece: Piece) -> dict[str, Any]:
    terms = zip(equation.inputs, piece.coefficients.tolist(), strict=True)
    return {
        "coefficients": {name: a for name, a in terms if a},
        "constant": piece.constant,
        "share": piece.share,
    }


def _shown(equation: StateEquation, pieces: int) -> Sequence[Piece]:
    return (equation.refit,) if equation.refit is not None else equation.pieces[:pieces]


def _rest(equation: StateEquation, pieces: int) -> Sequence[Piece]:
    return () if equation.refit is not None else equation.pieces[pieces:]


def _sentences(equation: StateEquation, pieces: int) -> Iterator[str]:
    for piece in _shown(equation, pieces):
        yield written(equation, piece)
        if equation.refit is not None:
            yield f"  affine; refitted, RMS error {number(equation.residual)} standard deviations"
        else:
            yield f"  on {100 * piece.share:.1f} % of the data"
    if rest := _rest(equation, pieces):
        share = 100 * sum(piece.share for piece in rest)
        yield f"  and {len(rest)} further pieces, on {share:.1f} %"


def _compared(equation: StateEquation, refit: Piece, true: Truth) -> Iterator[tuple[Cell, ...]]:
    for name, ours, theirs in zip(equation.inputs, refit.coefficients, true, strict=True):
        if not (ours or theirs):
            continue
        if np.isnan(theirs):
            yield name, Quantity(ours, 6), "not constant", None
        else:
            off = 100 * (ours / theirs - 1) if theirs else None
            yield (
                name,
                Quantity(ours, 6),
                Quantity(theirs, 6),
                Quantity(off, signed=True, unit=" %"),
            )
