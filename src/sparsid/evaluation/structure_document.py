"""The structure of an ensemble as a document, and as plain data for JSON."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np

from sparsid.evaluation.structure import Recovery, Structure, recovery
from sparsid.evaluation.truth import WEAK, TrueLinks
from sparsid.graph import Graph
from sparsid.report.document import Cell, Document, Figure, Quantity, Table
from sparsid.report.figures import LinkMatrix, NetworkDiagram
from sparsid.report.render.text import number

MEASURES = ("precision", "recall", "f1")


def structure_document(
    found: Structure, true: TrueLinks | None = None, graphs: Sequence[Graph] = ()
) -> Document:
    """A row for each link of any member or of the true process; figures of links and `graphs`."""
    title = f"Links of {len(found.links)} networks"
    note = "\n".join(_sentences(found, true))
    return Document(
        title,
        tables=(Table(title, _columns(found, true), list(_rows(found, true)), note),),
        figures=(_matrix(found), *map(_diagram, range(len(graphs)), graphs)),
    )


def structure_data(found: Structure, true: TrueLinks | None = None) -> dict[str, Any]:
    """The structure and its `recovery`, as lists and numbers."""
    data: dict[str, Any] = {
        "inputs": found.inputs,
        "outputs": found.outputs,
        "members": len(found.links),
        "frequency": found.frequency.tolist(),
        "jaccard": found.agreement,
        "live_units": found.units.tolist(),
        "live_weights": found.weights.tolist(),
    }
    if found.sensitivity is not None:
        data["sensitivity_median"] = np.median(found.sensitivity, axis=0).tolist()
    data["links"] = found.links.astype(int).tolist()
    if true is not None:
        recovered = _recovered(found, true)
        data["true_links"] = recovered[0].true
        data["truth"] = true.links.astype(int).tolist()
        if true.sensitivity is not None:
            data["true_sensitivity"] = true.sensitivity.tolist()
        data["recovery"] = [
            {"found": r.found, **{name: getattr(r, name) for name in MEASURES}} for r in recovered
        ]
    return data


def _recovered(found: Structure, true: TrueLinks) -> list[Recovery]:
    return [recovery(links, true.links) for links in found.links]


def _columns(found: Structure, true: TrueLinks | None) -> list[str]:
    columns = ["output", "input", "members"]
    columns += ["sensitivity"] * (found.sensitivity is not None) + ["link is"] * (true is not None)
    return columns + ["true sensitivity"] * (true is not None and true.sensitivity is not None)


def _rows(found: Structure, true: TrueLinks | None) -> Iterator[list[Cell]]:
    """By output, the most frequent link first."""
    middle = None if found.sensitivity is None else np.median(found.sensitivity, axis=0)
    for i, output in enumerate(found.outputs):
        for j in np.argsort(-found.frequency[i], kind="stable"):
            share = found.frequency[i, j]
            if not share and (true is None or not true.links[i, j]):
                continue
            row = [output, found.inputs[j], Quantity(100 * share, decimals=0, unit=" %")]
            row += [] if middle is None else [float(middle[i, j])]
            if true is not None:
                row.append("true" if true.links[i, j] else "false")
                row += [] if true.sensitivity is None else [float(true.sensitivity[i, j])]
            yield row


def _sentences(found: Structure, true: TrueLinks | None) -> Iterator[str]:
    yield (
        f"live units, median: {np.median(found.units):g}; live weights: "
        f"{np.median(found.weights):g}; agreement (Jaccard): {number(found.agreement)}"
    )
    if true is None:
        return
    recovered = _recovered(found, true)
    medians = (float(np.median([getattr(r, name) for r in recovered])) for name in MEASURES)
    content = ", ".join(f"{name} {number(m)}" for name, m in zip(MEASURES, medians, strict=True))
    yield f"against {recovered[0].true} true links, medians: {content}"
    if true.weak.any():
        shares, strong = found.frequency, true.links & ~true.weak
        yield (
            f"{int(true.weak.sum())} of them are weak (sensitivity below {WEAK:g}), found by "
            f"{100 * shares[true.weak].min():.0f} % of the networks or more; the others by "
            f"{100 * shares[strong].min():.0f} % or more, false ones by at most "
            f"{100 * shares[~true.links].max(initial=0.0):.0f} %"
        )


def _matrix(found: Structure) -> Figure:
    title = f"Share of {len(found.links)} networks with each link, %"
    drawing = LinkMatrix(found.frequency, found.inputs, found.outputs)
    return Figure("links", title, "", drawing)


def _diagram(at: int, graph: Graph) -> Figure:
    return Figure(f"network-{at}", "", "", NetworkDiagram(graph))
