"""The affine pieces of a ReLU network, which is piecewise affine in its inputs."""

from dataclasses import replace

import numpy as np
from jaxtyping import Float

from sparsid._errors import SparsidError
from sparsid.graph.network import Graph

DIGITS = 9  # to which the maps of two pieces must agree to be merged


def affine_pieces(
    graph: Graph, z: Float[np.ndarray, "rows inputs"]
) -> tuple[
    Float[np.ndarray, "pieces inputs"], Float[np.ndarray, " pieces"], Float[np.ndarray, " pieces"]
]:
    """(slopes, constants, shares of the rows) of a network of one output, the largest share first.

    Rows with the same active units share a piece, as do those whose maps agree up to rounding.
    `clip` is ignored. Raises SparsidError for more than one output, for activations other than
    ReLU, and without rows.
    """
    if graph.activation != "relu" and graph.widths:
        raise SparsidError(
            "Only ReLU networks have affine pieces; this one has the activation "
            f"{graph.activation!r}."
        )
    if len(graph.output_names) != 1 or not len(z):
        raise SparsidError(
            "Affine pieces are those of one output over at least one row; got "
            f"{len(graph.output_names)} outputs and {len(z)} rows."
        )
    plain = replace(graph, clip=None).compact()
    z = np.asarray(z, np.float64)
    _, first, piece = np.unique(_on(plain, z), axis=0, return_index=True, return_inverse=True)
    slopes = plain.slopes(z[first])[:, 0]
    constants = plain.evaluate(z[first])[:, 0] - (slopes * z[first]).sum(axis=1)
    size = max(np.abs(slopes).max(initial=0.0), np.abs(constants).max(initial=0.0)) or 1.0
    maps = np.round(np.column_stack([slopes, constants]) / size, DIGITS)
    _, one, group = np.unique(maps, axis=0, return_index=True, return_inverse=True)
    counts = np.bincount(group.ravel()[piece.ravel()], minlength=len(one))
    order = np.argsort(-counts, kind="stable")
    return slopes[one][order], constants[one][order], counts[order] / len(z)


def _on(graph: Graph, z: Float[np.ndarray, "rows inputs"]) -> np.ndarray:
    """Which hidden units are active in each row; one column of False if there are none."""
    h, on = z, [np.zeros((len(z), 1), bool)]
    for layer in graph.layers[:-1]:
        before = layer.of(h, z)
        on.append(before > 0)
        h = np.maximum(before, 0.0)
    return np.concatenate(on, axis=1)
