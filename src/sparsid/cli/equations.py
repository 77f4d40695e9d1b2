"""sparsid equations"""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sparsid._errors import SparsidError
from sparsid._files import written_whole
from sparsid.cli.console import number, say, say_json, show, tell
from sparsid.cli.options import Columns, Dt, Files, Model, Time, read_for
from sparsid.cli.outputs import LATEX, Force, check_outputs

if TYPE_CHECKING:
    import numpy as np

    from sparsid.data import Dataset
    from sparsid.evaluation import Law

STEADY = 1e-9  # relative: a true slope that changes less over the data is a coefficient


def command(
    model: Model,
    data: Files,
    member: Annotated[int, typer.Option(help="Which network, from 0.", min=0)] = 0,
    pieces: Annotated[int, typer.Option(help="Affine pieces shown of each law.", min=1)] = 3,
    truth: Annotated[
        str | None, typer.Option(help="A built-in process whose coefficients stand beside.")
    ] = None,
    latex: Annotated[Path | None, typer.Option(help="Also write the laws as LaTeX here.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Everything as JSON.")] = False,
    columns: Columns = None,
    time: Time = None,
    dt: Dt = None,
    force: Force = False,
) -> None:
    """Writes the law of each state of a ReLU network as an equation, in physical units.

    Where a law is affine over the data, its coefficients are refitted to the record on the links
    that the network has; else its affine pieces are shown, with the share of the data each covers.

    Example: `sparsid equations readable.sparsid test.nc --latex laws.tex`
    """
    check_outputs([latex] if latex else [], inputs=[model, *data], force=force)

    from sparsid.architectures import read_file

    file = read_file(model)
    if member >= file.members:
        raise SparsidError(
            f"`member` must be below {file.members}, the number of networks; got {member}."
        )
    dataset, notes = read_for(file.card, data, columns=columns, time=time, dt=dt)
    tell(notes)

    from sparsid.evaluation import laws
    from sparsid.models import Ensemble

    ensemble = Ensemble.of_file(file)
    found = laws(ensemble, member, dataset)
    true = None if truth is None else _true(truth, found, dataset)
    if as_json:
        say_json([_told(law, i, true) for i, law in enumerate(found)])
    else:
        _print(found, pieces, true)
    if latex is not None:
        with written_whole(latex) as part:
            part.write_text(LATEX + _document(found, pieces), encoding="utf-8")
        tell([f"The laws are in {latex}."])


def _true(name: str, found: "tuple[Law, ...]", dataset: "Dataset") -> "np.ndarray":
    """True coefficients (states, inputs); NaN where the truth is none of a constant slope."""
    import numpy as np

    from sparsid.processes import named

    process = named(name)
    channels = (*process.states.names, *process.inputs.names)
    if [law.state for law in found] != list(process.states.names) or found[0].inputs != channels:
        raise SparsidError(
            f"The true laws of {name!r} are between its own channels, {', '.join(channels)}; the "
            f"model has {', '.join(found[0].inputs)}."
        )
    rows = np.concatenate([np.hstack([t.x, t.u]) for t in dataset])
    chosen = rows[np.unique(np.linspace(0, len(rows) - 1, 500).astype(int))]
    n = len(process.states)
    slopes = process.slopes(chosen[:, :n], chosen[:, n:])
    low, high = slopes.min(axis=0), slopes.max(axis=0)
    size = np.maximum(np.abs(low), np.abs(high))
    return np.where(high - low <= STEADY * size, slopes.mean(axis=0), np.nan)


def _print(found: "tuple[Law, ...]", pieces: int, true: "np.ndarray | None") -> None:
    from sparsid.evaluation import written

    for i, law in enumerate(found):
        if law.refit is not None:
            say(written(law, law.refit))
            say(f"  affine; refitted, leaving {number(law.residual)} standard deviations")
            if true is not None:
                _beside(law, true[i])
            continue
        for piece in law.pieces[:pieces]:
            say(written(law, piece))
            say(f"  over {100 * piece.share:.1f} % of the data")
        if rest := law.pieces[pieces:]:
            share = 100 * sum(piece.share for piece in rest)
            say(f"  and {len(rest)} further pieces, over {share:.1f} %")


def _beside(law: "Law", true: "np.ndarray") -> None:
    rows = []
    assert law.refit is not None
    for j, name in enumerate(law.inputs):
        ours, theirs = law.refit.coefficients[j], true[j]
        if ours or theirs:
            known = theirs == theirs  # NaN: its true slope is not constant
            off = f"{100 * (ours / theirs - 1):+.3g} %" if known and theirs else "-"
            rows.append((name, f"{ours:.6g}", f"{theirs:.6g}" if known else "not constant", off))
    show(f"Coefficients of d {law.state}/dt", ("input", "ours", "true", "difference"), rows)


def _told(law: "Law", at: int, true: "np.ndarray | None") -> dict[str, Any]:
    from sparsid.evaluation import written

    def told(piece: Any) -> dict[str, Any]:
        terms = zip(law.inputs, piece.coefficients.tolist(), strict=True)
        return {
            "coefficients": {name: a for name, a in terms if a},
            "constant": piece.constant,
            "share": piece.share,
        }

    said: dict[str, Any] = {
        "state": law.state,
        "links": [name for name, there in zip(law.inputs, law.links, strict=True) if there],
        "affine": law.refit is not None,
        "pieces": [told(piece) for piece in law.pieces],
    }
    if law.refit is not None:
        said |= {"refit": told(law.refit), "residual": law.residual}
        said["text"] = written(law, law.refit)
        if true is not None:
            said["true"] = {
                name: value if value == value else None
                for name, value in zip(law.inputs, true[at].tolist(), strict=True)
                if value
            }
    return said


def _document(found: "tuple[Law, ...]", pieces: int) -> str:
    """An aligned block: one line a law, or one a piece with its share as a remark."""
    from sparsid.evaluation import written

    lines = []
    for law in found:
        shown = (law.refit,) if law.refit is not None else law.pieces[:pieces]
        for piece in shown:
            text = written(law, piece, latex=True).replace(" = ", " &= ", 1)
            share = f"{100 * piece.share:.1f}"
            lines.append(text if piece.share == 1 else rf"{text} && \text{{({share}\,\%)}}")
        if law.refit is None and (rest := law.pieces[pieces:]):
            share = f"{100 * sum(piece.share for piece in rest):.1f}"
            lines.append(rf"& && \text{{and {len(rest)} further pieces ({share}\,\%)}}")
    body = " \\\\\n".join(lines)
    return f"\\begin{{align*}}\n{body}\n\\end{{align*}}\n"
