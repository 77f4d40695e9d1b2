"""The PySINDy baseline: a sparse polynomial for the increments, simulated like the networks."""

import warnings
from dataclasses import dataclass
from typing import Literal

import numpy as np
from jaxtyping import Float, Int

from sparsid._errors import MissingExtraError, SparsidError
from sparsid._registry import unknown
from sparsid.data import Dataset, Normaliser, ScaledDataset

DEGREES = {"linear": 1, "quadratic": 2}
CHUNK = 20_000  # samples whose terms are in memory at once
ROUNDS = 200  # enough for thresholding to converge; PySINDy's default of 20 is not always


@dataclass(frozen=True)
class SindyModel:
    """x_{k+1} = x_k + a polynomial in (x_k, u_k): fitted to scaled data, run in physical units.

    Row i of `coefficients` belongs to state i, column j to the library's term j, whose name is
    `names[j]` and whose exponent of channel c (states, then inputs) is `powers[j, c]`.
    """

    coefficients: Float[np.ndarray, "states terms"]
    powers: Int[np.ndarray, "terms channels"]
    names: tuple[str, ...]
    normaliser: Normaliser

    @property
    def terms(self) -> int:
        """Entries of `coefficients`, zero or not: the library's terms times the states."""
        return self.coefficients.size

    @property
    def nonzero(self) -> int:
        """Entries of `coefficients` that are not exactly zero, over all states."""
        return int(np.count_nonzero(self.coefficients))

    def run(
        self, start: Float[np.ndarray, "trajectory n"], u: Float[np.ndarray, "trajectory T m"]
    ) -> Float[np.ndarray, "trajectory T n"]:
        """Free runs in physical units and float64; row 0 is the start, the last input is not used.

        A run that diverges has rows of inf or NaN. Raises SparsidError for wrong shapes.
        """
        start, u = np.asarray(start, np.float64), np.asarray(u, np.float64)
        self._check(start, u)
        states, increments = self.normaliser.states, self.normaliser.increments
        inputs = self.normaliser.inputs.apply(u)
        factors, weights = _factors(self.powers), np.ascontiguousarray(self.coefficients.T)
        z = np.ones((len(start), 1 + self.powers.shape[1]))  # 1, scaled states, scaled inputs
        runs = np.empty((*u.shape[:2], start.shape[1]))
        runs[:, 0] = start
        with np.errstate(all="ignore"):
            for k in range(u.shape[1] - 1):
                z[:, 1 : 1 + start.shape[1]] = states.apply(runs[:, k])
                z[:, 1 + start.shape[1] :] = inputs[:, k]
                terms = z[:, factors].prod(axis=-1)
                runs[:, k + 1] = runs[:, k] + increments.undo(terms @ weights)
        return runs

    def _check(self, start: np.ndarray, u: np.ndarray) -> None:
        n, m = len(self.normaliser.states.scale), len(self.normaliser.inputs.scale)
        fits = start.ndim == 2 and u.ndim == 3 and len(start) == len(u) and u.shape[1] >= 1
        if not fits or start.shape[1] != n or u.shape[2] != m:
            raise SparsidError(
                f"Free runs need `start` of shape (trajectory, {n}) and `u` of shape "
                f"(trajectory, time, {m}); got {start.shape} and {u.shape}."
            )


def fit_sindy(
    train: Dataset,
    *,
    library: Literal["linear", "quadratic"],
    threshold: float = 1e-3,
) -> SindyModel:
    """A sparse polynomial by PySINDy's STLSQ, fitted to the scaled increments over one sample.

    `library` contains the constant and all monomials of states and inputs up to degree 1 or 2.
    Scaled coefficients below `threshold` are set to zero in each iteration; the remaining ones are
    finally refitted without PySINDy's small ridge. Raises SparsidError for invalid data or options,
    and MissingExtraError without PySINDy.
    """
    _check_request(train, library, threshold)
    pysindy, threads = _pysindy()
    scaled = Normaliser.fit(train).apply(train)
    terms = pysindy.PolynomialLibrary(degree=DEGREES[library], include_bias=True)
    optimiser = pysindy.STLSQ(threshold=threshold, max_iter=ROUNDS)
    # Matrices this narrow do not profit from threads, which slow down other processes.
    with warnings.catch_warnings(), threads(1):
        warnings.simplefilter("ignore", UserWarning)  # a state without terms: see `nonzero`
        triangle = _triangle(terms, scaled)
        optimiser.fit(*np.hsplit(triangle, [terms.n_output_features_]))
    return SindyModel(
        np.array(optimiser.coef_, np.float64),
        np.array(terms.powers_),
        tuple(terms.get_feature_names([*train.states.names, *train.inputs.names])),
        scaled.normaliser,
    )


def _triangle(library, scaled: ScaledDataset) -> Float[np.ndarray, "rows terms_and_states"]:
    """The triangular (QR) factor of (the library's terms, the increments), one row per example.

    Least squares and ridge regression depend only on products of these columns, which the factor
    preserves: the same fit from a hundred rows instead of hundreds of thousands.
    """
    rows = np.concatenate([np.hstack([t.x, t.u])[:-1] for t in scaled.scaled])
    targets = np.concatenate(scaled.increments())
    library.fit(rows[:1])
    triangle = np.zeros((0, library.n_output_features_ + targets.shape[1]))
    for at in range(0, len(rows), CHUNK):
        terms = np.asarray(library.transform(rows[at : at + CHUNK]))
        block = np.hstack([terms, targets[at : at + CHUNK]])
        triangle = np.linalg.qr(np.vstack([triangle, block]), mode="r")
    return triangle


def _factors(powers: np.ndarray) -> Int[np.ndarray, "terms degree"]:
    """Indices into (1, channels) whose product is each term, padded with 0, the constant."""
    degree = max(int(powers.sum(axis=1).max()), 1)
    places = np.zeros((len(powers), degree), int)
    for term, exponents in zip(places, powers, strict=True):
        term[: exponents.sum()] = 1 + np.repeat(np.arange(len(exponents)), exponents)
    return places


def _check_request(train: Dataset, library: str, threshold: float) -> None:
    if library not in DEGREES:
        raise SparsidError(unknown("library", library, DEGREES))
    if not (np.isfinite(threshold) and threshold >= 0):
        raise SparsidError(f"`threshold` must be a number of at least 0; got {threshold}.")
    if not len(train.states):
        raise SparsidError("PySINDy needs measured states; the data has outputs only.")
    channels = len(train.states) + len(train.inputs)
    terms = 1 + channels + (channels * (channels + 1) // 2 if library == "quadratic" else 0)
    steps = train.samples - len(train)
    if steps < terms:
        raise SparsidError(
            f"The {library} library has {terms} terms for {channels} channels and needs as many "
            f"steps; the data has {steps}: record more, or use fewer channels."
        )


def _pysindy():
    try:
        import pysindy
        from threadpoolctl import threadpool_limits
    except ImportError:
        raise MissingExtraError("pysindy", "sindy", "The PySINDy baseline") from None
    return pysindy, threadpool_limits
