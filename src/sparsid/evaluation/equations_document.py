"""The laws of a network as documents, as LaTeX, and as plain data for JSON."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float

from sparsid.evaluation.equations import Law, Piece, written
from sparsid.report.document import Cell, Document, Quantity, Table
from sparsid.report.render.text import number

type Truth = Float[np.ndarray, " inputs"]  # true coefficients of one law, NaN: not constant


def law_document(law: Law, *, pieces: int, true: Truth | None = None) -> Document:
    """A law as sentences: the refitted one, or the `pieces` of the largest shares.

    With `true` a table sets the coefficients of a refitted law beside the true ones.
    """
    tables = ()
    if law.refit is not None and true is not None:
        columns = ("input", "ours", "true", "difference")
        rows = list(_compared(law, law.refit, true))
        tables = (Table(f"Coefficients of d {law.state}/dt", columns, rows),)
    return Document(f"Law of {law.state}", tuple(_sentences(law, pieces)), tables)


def laws_latex(laws: Sequence[Law], *, pieces: int) -> str:
    """An aligned block: one line a law, or one a piece with its share as a remark."""
    lines = []
    for law in laws:
        for piece in _shown(law, pieces):
            text = written(law, piece, latex=True).replace(" = ", " &= ", 1)
            share = f"{100 * piece.share:.1f}"
            lines.append(text if piece.share == 1 else rf"{text} && \text{{({share}\,\%)}}")
        if rest := _rest(law, pieces):
            share = f"{100 * sum(piece.share for piece in rest):.1f}"
            lines.append(rf"& && \text{{and {len(rest)} further pieces ({share}\,\%)}}")
    body = " \\\\\n".join(lines)
    return f"\\begin{{align*}}\n{body}\n\\end{{align*}}\n"


def law_data(law: Law, true: Truth | None = None) -> dict[str, Any]:
    """Everything that is known of a law, as lists and numbers."""
    data: dict[str, Any] = {
        "state": law.state,
        "links": [name for name, there in zip(law.inputs, law.links, strict=True) if there],
        "affine": law.refit is not None,
        "pieces": [_piece_data(law, piece) for piece in law.pieces],
    }
    if law.refit is not None:
        data |= {"refit": _piece_data(law, law.refit), "residual": law.residual}
        data["text"] = written(law, law.refit)
        if true is not None:
            slopes = zip(law.inputs, true.tolist(), strict=True)
            data["true"] = {name: slope for name, slope in slopes if slope}
    return data


def _piece_data(law: Law, piece: Piece) -> dict[str, Any]:
    terms = zip(law.inputs, piece.coefficients.tolist(), strict=True)
    return {
        "coefficients": {name: a for name, a in terms if a},
        "constant": piece.constant,
        "share": piece.share,
    }


def _shown(law: Law, pieces: int) -> Sequence[Piece]:
    return (law.refit,) if law.refit is not None else law.pieces[:pieces]


def _rest(law: Law, pieces: int) -> Sequence[Piece]:
    return () if law.refit is not None else law.pieces[pieces:]


def _sentences(law: Law, pieces: int) -> Iterator[str]:
    for piece in _shown(law, pieces):
        yield written(law, piece)
        if law.refit is not None:
            yield f"  affine; refitted, leaving {number(law.residual)} standard deviations"
        else:
            yield f"  over {100 * piece.share:.1f} % of the data"
    if rest := _rest(law, pieces):
        share = 100 * sum(piece.share for piece in rest)
        yield f"  and {len(rest)} further pieces, over {share:.1f} %"


def _compared(law: Law, refit: Piece, true: Truth) -> Iterator[tuple[Cell, ...]]:
    for name, ours, theirs in zip(law.inputs, refit.coefficients, true, strict=True):
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
