"""Equations of small ReLU networks, one per state, in physical units."""

from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Bool, Float

from sparsid.data import Dataset
from sparsid.evaluation.fitting_data import matched
from sparsid.evaluation.structure import increment_of, regressors
from sparsid.graph import Graph, Recurrence, affine_pieces
from sparsid.models import Ensemble, recurrence_of

AFFINE = 0.01  # of the increments' standard deviation: deviation up to which a network is affine
LATEX = {letter: "\\" + letter for letter in "_%&#${}"} | {
    "\\": r"\backslash ",
    "^": r"\hat{\ }",
    "~": r"\sim ",
}
NOTHING = 1e-6  # of the same: smaller constants are omitted from the text


@dataclass(frozen=True, eq=False)
class Piece:
    """derivative = constant + coefficients . inputs, in physical units per s.

    `share` is the share of the data's rows in the region of the piece.
    """

    coefficients: Float[np.ndarray, " inputs"]
    constant: float
    share: float = 1.0


@dataclass(frozen=True, eq=False)
class StateEquation:
    """The equation of one state. `links` marks the inputs that the network depends on.

    `scale` is the standard deviation of the derivative over the training data, per s, and
    `input_scale` that of the inputs. `refit` is the least-squares affine fit (float64) of the
    recorded increments on the linked inputs, and `residual` its root mean square error in standard
    deviations. It exists if the network is affine over the data and increments are proportional to
    the derivative: for Euler steps, or for a state that depends only on inputs, which are held over
    a sample.
    """

    state: str
    inputs: tuple[str, ...]
    links: Bool[np.ndarray, " inputs"]
    pieces: tuple[Piece, ...]  # the largest share first
    scale: float
    input_scale: Float[np.ndarray, " inputs"]
    refit: Piece | None
    residual: float


def state_equations(ensemble: Ensemble, member: int, data: Dataset) -> tuple[StateEquation, ...]:
    """The equation of every state of one member, over the data.

    An equation is affine if the network is within `AFFINE` of an affine map there. With Euler steps
    the derivative is the mean over a sample. Raises SparsidError for recurrent models, activations
    other than ReLU, and data that do not match the model.
    """
    recurrence = recurrence_of(ensemble, member)
    rule, graph = increment_of(recurrence), recurrence.graph
    observed, inputs = recurrence.observed, recurrence.inputs
    matching, _ = matched(ensemble.card, data)
    z, (columns, derivatives) = regressors(recurrence, matching), _record(recurrence, matching)
    gain, drift = (observed.scale * part / recurrence.dt for part in (rule.gain, rule.drift))
    scale = np.concatenate([observed.scale, inputs.scale])
    offset = np.concatenate([observed.offset, inputs.offset])
    found = []
    for at, state in enumerate(graph.output_names):
        alone = _only(graph, at)
        slopes, constants, shares = affine_pieces(alone, z)
        coefficients = gain[at] * slopes / scale
        shifts = drift[at] + gain[at] * constants - coefficients @ offset
        links = graph.links()[at]
        direct = rule.stepper == "euler" or not links[: len(observed)].any()
        affine = direct and _distance(z, alone.evaluate(z)[:, 0]) <= AFFINE
        refit, residual = (
            _refitted(columns, derivatives[:, at], links, gain[at]) if affine else (None, np.nan)
        )
        pieces = tuple(map(Piece, coefficients, map(float, shifts), map(float, shares)))
        found.append(
            StateEquation(
                state, graph.input_names, links, pieces, float(gain[at]), scale, refit, residual
            )
        )
    return tuple(found)


def written(equation: StateEquation, piece: Piece, *, latex: bool = False) -> str:
    """One piece as text or LaTeX, with the terms of largest effect first."""
    sizes = np.abs(piece.coefficients) * equation.input_scale
    order = [int(j) for j in np.argsort(-sizes, kind="stable") if piece.coefficients[j] != 0]
    terms = [(piece.coefficients[j], equation.inputs[j]) for j in order]
    if abs(piece.constant) > NOTHING * equation.scale or not terms:
        terms.append((piece.constant, ""))
    name = _latex_name(equation.state) if latex else equation.state
    left = rf"\frac{{\mathrm{{d}}\,{name}}}{{\mathrm{{d}}t}}" if latex else f"d {name}/dt"
    right = ""
    for number, factor in terms:
        sign = "-" if number < 0 else "+"
        right += f" {sign} " if right else ("-" if number < 0 else "")
        size = _latex_number(abs(number)) if latex else f"{abs(number):.6g}"
        symbol = (r"\," + _latex_name(factor)) if latex and factor else f" {factor}".rstrip()
        right += size + symbol
    return f"{left} = {right}"


def _only(graph: Graph, output: int) -> Graph:
    """The same network with only this output."""
    *hidden, last = graph.layers
    rows = slice(output, output + 1)
    skip = None if last.skip is None else last.skip[rows]
    own = replace(last, weight=last.weight[rows], skip=skip, bias=last.bias[rows])
    return replace(graph, layers=(*hidden, own), output_names=graph.output_names[rows], clip=None)


def _distance(z: np.ndarray, value: np.ndarray) -> float:
    """Root mean square error of the least-squares affine fit to `value`."""
    columns = np.column_stack([z, np.ones(len(z))])
    fit, *_ = np.linalg.lstsq(columns, value, rcond=None)
    return float(np.sqrt(np.mean((value - columns @ fit) ** 2)))


def _record(recurrence: Recurrence, part: Dataset) -> tuple[np.ndarray, np.ndarray]:
    """(states and inputs, mean derivatives over each sample) of all rows, in physical units."""
    rows = np.concatenate([np.hstack([t.x, t.u])[:-1] for t in part])
    return rows, np.concatenate([np.diff(t.x, axis=0) for t in part]) / recurrence.dt


def _refitted(
    columns: np.ndarray, derivative: np.ndarray, links: np.ndarray, scale: float
) -> tuple[Piece, float]:
    """(least-squares fit on the links, root mean square error in standard deviations)."""
    taken = columns[:, links]
    middle, spread = taken.mean(axis=0), taken.std(axis=0)
    spread = np.where(spread > 0, spread, 1.0)
    scaled = np.column_stack([(taken - middle) / spread, np.ones(len(taken))])
    fit, *_ = np.linalg.lstsq(scaled, derivative / scale, rcond=None)
    residual = derivative / scale - scaled @ fit
    coefficients = np.zeros(columns.shape[1])
    coefficients[links] = scale * fit[:-1] / spread
    constant = scale * fit[-1] - coefficients[links] @ middle
    return Piece(coefficients, float(constant)), float(np.sqrt(np.mean(residual**2)))


def _latex_name(name: str) -> str:
    return rf"\mathrm{{{''.join(LATEX.get(letter, letter) for letter in name)}}}"


def _latex_number(number: float) -> str:
    text = f"{number:.6g}"
    if "e" not in text:
        return text
    digits, power = text.split("e")
    return rf"{digits} \times 10^{{{int(power)}}}"
