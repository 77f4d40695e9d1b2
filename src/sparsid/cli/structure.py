"""sparsid structure"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from sparsid._errors import SparsidError
from sparsid._files import make_folder
from sparsid.cli.console import number, say, say_json, show, tell
from sparsid.cli.options import Columns, Dt, Time, read_for
from sparsid.cli.outputs import Force, check_outputs

if TYPE_CHECKING:
    import numpy as np

    from sparsid.data import Dataset
    from sparsid.evaluation import Structure
    from sparsid.models import Ensemble

WEAK = 0.01  # true links of less sensitivity are told apart


@dataclass(frozen=True, eq=False)
class Truth:
    """The process's links (outputs, inputs), and with data how much each moves its state there.

    In standard deviations of the derivative for one of the input.
    """

    links: "np.ndarray"
    sensitivity: "np.ndarray | None"

    @property
    def weak(self) -> "np.ndarray":
        """True links that hardly move their state."""
        if self.sensitivity is None:
            return self.links & False
        return self.links & (self.sensitivity < WEAK)


def command(
    models: Annotated[
        list[Path],
        typer.Argument(metavar="MODEL...", help="Model files; members of all are taken together."),
    ],
    data: Annotated[
        list[Path] | None,
        typer.Option(help="Data at which sensitivities are taken; may be given several times."),
    ] = None,
    truth: Annotated[
        str | None, typer.Option(help="A built-in process whose true links are compared.")
    ] = None,
    figures: Annotated[
        Path | None, typer.Option(help="A folder for the link matrix and drawings (SVG and PNG).")
    ] = None,
    drawn: Annotated[int, typer.Option(help="Networks to draw, the first ones.", min=0)] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Everything as JSON.")] = False,
    columns: Columns = None,
    time: Time = None,
    dt: Dt = None,
    force: Force = False,
) -> None:
    """Shows which input feeds which output, how many members agree, and whether it is true.

    A link is a path of nonzero weights. Its frequency is the share of members that have it; its
    sensitivity, with --data, the mean over the data of how many standard deviations the output
    moves for one of the input.

    Example: `sparsid structure plant.sparsid --data test.csv --figures links`
    """
    if figures is not None:
        make_folder(figures)
        names = ["links", *(f"network-{at}" for at in range(drawn))]
        written = [figures / f"{name}.{kind}" for name in names for kind in ("png", "svg")]
        check_outputs(written, inputs=[*models, *(data or ())], force=force)

    from sparsid.architectures import read_file

    files = [read_file(path) for path in models]
    points: list[Dataset | None] = []
    for file in files:
        fitting = None
        if data:
            fitting, notes = read_for(file.card, data, columns=columns, time=time, dt=dt)
            tell(notes)
        points.append(fitting)

    from sparsid.evaluation import pooled, structure
    from sparsid.models import Ensemble

    ensembles = [Ensemble.of_file(file) for file in files]
    found = [structure(e, at) for e, at in zip(ensembles, points, strict=True)]
    whole = pooled(found)
    true = None if truth is None else _truth(truth, whole, ensembles[0], points[-1])
    if as_json:
        say_json(_told(whole, true))
    else:
        _tables(whole, true)
    if figures is not None:
        _draw(whole, ensembles, figures, drawn)


def _truth(name: str, found: "Structure", ensemble: "Ensemble", points: "Dataset | None") -> Truth:
    """The process's true links, in the model's order of channels."""
    import numpy as np

    from sparsid.evaluation import channel_scales
    from sparsid.processes import named

    process = named(name)
    rows, columns = process.states.names, (*process.states.names, *process.inputs.names)
    missing = [n for n in (*found.outputs, *found.inputs) if n not in columns]
    if missing or not set(found.outputs) <= set(rows):
        raise SparsidError(
            f"The links of {name!r} are known between its own channels; the model's "
            f"{(missing or found.outputs)[0]!r} is none of them: {', '.join(columns)}."
        )
    at = np.ix_([rows.index(n) for n in found.outputs], [columns.index(n) for n in found.inputs])
    links = process.depends()[at]
    if points is None or set(found.inputs) != set(columns):
        return Truth(links, None)
    part = points.select(states=rows, inputs=process.inputs.names, outputs=())
    x, u = (np.concatenate([getattr(t, c) for t in part]) for c in "xu")
    few = np.unique(np.linspace(0, len(x) - 1, 2000).astype(int))
    slopes = np.abs(process.slopes(x[few], u[few])).mean(axis=0)[at]
    inputs, rates = channel_scales(ensemble)
    return Truth(links, slopes * inputs / rates[:, None])


def _told(found: "Structure", true: Truth | None) -> dict[str, Any]:
    import numpy as np

    from sparsid.evaluation import recovery

    told: dict[str, Any] = {
        "inputs": found.inputs,
        "outputs": found.outputs,
        "members": len(found.links),
        "frequency": found.frequency.tolist(),
        "jaccard": _plain(found.agreement),
        "live_units": found.units.tolist(),
        "live_weights": found.weights.tolist(),
    }
    if found.sensitivity is not None:
        told["sensitivity_median"] = np.median(found.sensitivity, axis=0).tolist()
    told["links"] = found.links.astype(int).tolist()
    if true is not None:
        of = [recovery(links, true.links) for links in found.links]
        told["true_links"] = of[0].true
        told["truth"] = true.links.astype(int).tolist()
        if true.sensitivity is not None:
            told["true_sensitivity"] = true.sensitivity.tolist()
        told["recovery"] = [
            {
                "found": r.found,
                **{n: _plain(getattr(r, n)) for n in ("precision", "recall", "f1")},
            }
            for r in of
        ]
    return told


def _plain(value: float) -> float | None:
    return value if value == value else None  # NaN is no JSON


def _tables(found: "Structure", true: Truth | None) -> None:
    import numpy as np

    from sparsid.evaluation import recovery

    rows = []
    middle = None if found.sensitivity is None else np.median(found.sensitivity, axis=0)
    for i, output in enumerate(found.outputs):
        for j in np.argsort(-found.frequency[i], kind="stable"):
            share = found.frequency[i, j]
            if not share and (true is None or not true.links[i, j]):
                continue
            row = [output, found.inputs[j], f"{100 * share:.0f} %"]
            row += [] if middle is None else [number(float(middle[i, j]))]
            if true is not None:
                row.append("true" if true.links[i, j] else "false")
                row += [] if true.sensitivity is None else [number(true.sensitivity[i, j])]
            rows.append(row)
    header = ["output", "input", "members"]
    header += ["sensitivity"] * (middle is not None) + ["link is"] * (true is not None)
    header += ["true sensitivity"] * (true is not None and true.sensitivity is not None)
    show(f"Links of {len(found.links)} networks", header, rows)
    say(
        f"live units, median: {np.median(found.units):g}; live weights: "
        f"{np.median(found.weights):g}; agreement (Jaccard): {number(found.agreement)}"
    )
    if true is not None:
        of = [recovery(links, true.links) for links in found.links]
        measures = ", ".join(
            f"{name} {number(float(np.median([getattr(r, name) for r in of])))}"
            for name in ("precision", "recall", "f1")
        )
        say(f"against {of[0].true} true links, medians: {measures}")
        strong = true.links & ~true.weak
        if true.weak.any():
            shares = found.frequency
            say(
                f"{int(true.weak.sum())} of them are weak (sensitivity below {WEAK:g}), found by "
                f"{100 * shares[true.weak].min():.0f} % of the networks or more; the others by "
                f"{100 * shares[strong].min():.0f} % or more, false ones by at most "
                f"{100 * shares[~true.links].max(initial=0.0):.0f} %"
            )


def _draw(found: "Structure", ensembles: "list[Ensemble]", folder: Path, drawn: int) -> None:
    from itertools import islice

    from sparsid.models import graph_of
    from sparsid.report import link_matrix, network, save

    shares = found.frequency
    title = f"Share of {len(found.links)} networks with each link, %"
    save(link_matrix(shares, found.inputs, found.outputs, title=title), folder, "links")
    members = ((e, i) for e in ensembles for i in range(len(e)))
    for at, (ensemble, member) in enumerate(islice(members, drawn)):
        save(network(graph_of(ensemble, member)), folder, f"network-{at}")
    tell([f"Figures are in {folder}."])  # not into the JSON
