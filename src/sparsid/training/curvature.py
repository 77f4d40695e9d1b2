"""Sum of squared errors of a simulation and its derivatives with respect to the weights.

A free run is y(k) = next(own y(k-1).., u(k-1)..; w). Its sensitivity d(k) = dy(k)/dw obeys a linear
recursion whose coefficients, the partial derivatives of `next`, depend on the finished run alone:
they are computed for many samples at once, and only the recursion is sequential. This takes a fifth
of the time of forward differentiation through the run.
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float, Int, PyTree

from sparsid._devices import over_members
from sparsid.models.model import Recursion
from sparsid.models.parameters import resolve
from sparsid.training.arrow import Arrow
from sparsid.training.layout import Layout
from sparsid.training.windows import Windows, free_runs

SEGMENT_NUMBERS = 40_000  # entries of one segment's sensitivities: they fit a core's cache
DIAGONAL_NUMBERS = 2_000_000  # numbers a batch of second derivatives may hold at once


class Point(NamedTuple):
    """Parameters of one model, or stacked, in second-order training; masked ones are zero.

    `theta` is Float[" size"], `keep` Bool[" size"], in JAX or NumPy; `rest` is not trained.
    `starts` Float["window output_lags observed"] are estimated outputs from which the windows run,
    oldest first; None runs them from the recorded ones.
    """

    theta: Any
    keep: Any
    rest: PyTree
    starts: Any = None


class Quadratic(NamedTuple):
    """E = sum of squares near a point: value, gradient / 2, and J'J (Gauss-Newton Hessian / 2).

    Rows are those of the active parameters, in order, then zeros up to the layout's capacity.
    `starts` are the terms of estimated initial outputs of the windows, if there are any.
    """

    error: Float[Array, ""]
    gradient: Float[Array, " capacity"]
    gram: Float[Array, "capacity capacity"]
    starts: Arrow | None = None


def on_device(data: Windows) -> Windows:
    """The windows as JAX arrays; float64 inside `jax.enable_x64(True)`."""
    return jax.tree.map(lambda a: jnp.asarray(a, float), data)


def outputs(layout: Layout, feedback: bool, point: Point, data: Windows) -> Array:
    """The model's outputs for every row of every window (window, time, observed)."""
    model = layout.model(point.theta, point.rest)
    if feedback:
        given = data.y[:, : model.lag]
        if point.starts is not None:
            lags = model.recursion().output_lags
            given = jnp.asarray(given).at[:, model.lag - lags :].set(point.starts)
        return free_runs(model, given, data.u)
    rows = jnp.arange(model.lag, data.y.shape[1])
    recursion = model.recursion()
    past_y, past_u = _pasts(recursion, data.y, data.u, rows)
    later = jax.vmap(jax.vmap(recursion.next))(past_y, past_u)
    return jnp.concatenate([data.y[:, : model.lag], later], axis=1)


def error(layout: Layout, feedback: bool, point: Point, data: Windows) -> Float[Array, ""]:
    """E: the sum of squared scaled errors over all rows that count; inf where a run diverges.

    Estimated initial outputs count like any other row: they were measured too.
    """
    predicted = outputs(layout, feedback, point, data)
    total = jnp.sum((predicted - data.y) ** 2 * data.counts[..., None])
    if point.starts is not None:
        total += jnp.sum(moved(layout, point, data) ** 2)
    return jnp.where(jnp.isnan(total), jnp.inf, total)  # argmin would select NaN


def moved(layout: Layout, point: Point, data: Windows) -> Array:
    """Estimated minus recorded initial outputs (window, output_lags, observed)."""
    model = layout.model(point.theta, point.rest)
    return point.starts - recorded_starts(model, data)


def recorded_starts(model, data: Windows) -> Array:
    """The recorded outputs that the first step of each window's free run uses."""
    return data.y[:, model.lag - model.recursion().output_lags : model.lag]


def gradient(layout: Layout, feedback: bool, point: Point, data: Windows) -> tuple[Array, Array]:
    """(E, dE/dw), by reverse-mode differentiation; zero for masked weights."""

    def of(theta):
        return error(layout, feedback, point._replace(theta=theta), data)

    value, slope = jax.value_and_grad(of)(point.theta)
    return value, jnp.where(point.keep, slope, 0.0)


def quadratic(layout: Layout, feedback: bool, point: Point, data: Windows) -> Quadratic:
    """E with its Gauss-Newton approximation, by the recursion of the sensitivities."""
    theta, keep, rest, _ = point
    indices, used = active(layout, keep)
    trainable = layout.unpack(theta)
    model = layout.model(theta, rest)
    predicted = outputs(layout, feedback, point, data)
    residual = (predicted - data.y) * data.counts[..., None]
    windows_, time, observed = data.y.shape
    recursion = model.recursion()
    lag, lags = model.lag, recursion.output_lags
    capacity, own = layout.capacity, 0 if point.starts is None else lags * observed
    length = max(min(SEGMENT_NUMBERS // (windows_ * observed * layout.size), time - lag), 1)
    segments = -(-(time - lag) // length)
    behind = [(0, 0), (0, segments * length - (time - lag)), (0, 0)]
    source, u, residual = (
        jnp.pad(a, behind) for a in (predicted if feedback else data.y, data.u, residual)
    )
    counts = jnp.pad(data.counts, behind[:2])

    def next_of(trainable, past_y, past_u):
        return resolve(eqx.combine(trainable, rest)).recursion().next(past_y, past_u)

    partials = jax.vmap(jax.vmap(jax.jacrev(next_of, argnums=(0, 1)), (None, 0, 0)), (None, 0, 0))

    def segment(carry, first):
        past, half_gradient, gram, starts = carry
        rows = first + jnp.arange(length)
        past_y, past_u = _pasts(recursion, source, u, rows)
        by_weight, by_past = partials(trainable, past_y, past_u)
        # (window, row, observed, capacity), zero for masked weights and rows not counted
        direct = layout.pack(by_weight, axes=3)[..., indices] * used
        direct = jnp.pad(
            direct, [(0, 0)] * 3 + [(0, own)]
        )  # initial outputs act through the past only
        counted = jax.lax.dynamic_slice_in_dim(counts, first, length, 1)[..., None, None]
        if feedback:

            def sample(past, now):
                direct_now, by_past_now = now
                d = direct_now + jnp.einsum("wiaj,awjp->wip", by_past_now, past)
                return jnp.concatenate([d[None], past[:-1]]), d

            by_row = jnp.moveaxis(direct, 1, 0), jnp.moveaxis(by_past, 1, 0)
            past, direct = jax.lax.scan(sample, past, by_row, unroll=4)
            direct = jnp.moveaxis(direct, 0, 1)
        direct = direct * counted
        off = jax.lax.dynamic_slice_in_dim(residual, first, length, 1)
        rows_of, own_rows = direct[..., :capacity].reshape(-1, capacity), direct[..., capacity:]
        if starts is not None:
            starts = Arrow(
                starts.gradient + jnp.einsum("wri,wria->wa", off, own_rows),
                starts.gram + jnp.einsum("wria,wrib->wab", own_rows, own_rows),
                starts.shared + jnp.einsum("wrip,wria->wpa", direct[..., :capacity], own_rows),
            )
        half_gradient = half_gradient + off.reshape(-1) @ rows_of
        return (past, half_gradient, gram + rows_of.T @ rows_of, starts), None

    past = jnp.zeros((lags, windows_, observed, capacity + own))
    starts, error_of_starts = None, 0.0
    if point.starts is not None:
        away = moved(layout, point, data)
        itself = jnp.eye(own).reshape(lags, observed, own)[::-1]  # pasts are ordered newest first
        past = past.at[..., capacity:].set(itself[:, None])
        starts = Arrow(
            away.reshape(windows_, own),
            jnp.tile(jnp.eye(own), (windows_, 1, 1)),
            jnp.zeros((windows_, capacity, own)),
        )
        error_of_starts = jnp.sum(away**2)
    begin = (past, jnp.zeros(capacity), jnp.zeros((capacity, capacity)), starts)
    firsts = lag + length * jnp.arange(segments)
    (_, half_gradient, gram, starts), _ = jax.lax.scan(segment, begin, firsts)
    return Quadratic(jnp.sum(residual**2) + error_of_starts, half_gradient, gram, starts)


def active(
    layout: Layout, keep: Bool[Array, " size"]
) -> tuple[Int[Array, " capacity"], Bool[Array, " capacity"]]:
    """(index of the parameter of each row of a Quadratic, whether the row is in use)."""
    indices = jnp.flatnonzero(keep, size=layout.capacity, fill_value=0)
    return indices, jnp.arange(layout.capacity) < jnp.sum(keep)


def full_gram(
    keep: Bool[np.ndarray, " size"], gram: Float[np.ndarray, "capacity capacity"]
) -> Float[np.ndarray, "size size"]:
    """J'J with a row for every parameter, zero for masked ones."""
    full, active = np.zeros((len(keep), len(keep))), np.flatnonzero(keep)
    full[np.ix_(active, active)] = gram[: len(active), : len(active)]
    return full


def diagonal(layout: Layout, feedback: bool, point: Point, data: Windows) -> Float[Array, " size"]:
    """d2E/dw2 of every active weight, exact: forward over forward differentiation.

    Zero for masked weights. Weights are processed in batches, so that memory stays bounded.
    """
    held = data.y.size * 8
    batch = max(min(DIAGONAL_NUMBERS // held, layout.size), 1)

    def along(axis):
        direction = jnp.zeros(layout.size).at[axis].set(1.0)

        def slope(theta):
            def of(t):
                return error(layout, feedback, point._replace(theta=t), data)

            return jax.jvp(of, (theta,), (direction,))[1]

        return jax.jvp(slope, (point.theta,), (direction,))[1]

    curvature = jax.lax.map(along, jnp.arange(layout.size), batch_size=batch)
    return jnp.where(point.keep, curvature, 0.0)


def _pasts(recursion: Recursion, y, u, rows) -> tuple[Array, Array]:
    """Earlier outputs and inputs of each row, newest first: (window, row, lags, channels)."""

    def past(array, lags):
        return jnp.asarray(array)[:, rows[:, None] - 1 - jnp.arange(lags)]

    return past(y, recursion.output_lags), past(u, recursion.input_lags)


@functools.lru_cache(maxsize=64)
def program(function: Callable, layout: Layout, feedback: bool) -> Callable:
    """(points, data) -> `function(layout, feedback, point, data)` of each, on all devices."""
    return over_members(functools.partial(function, layout, feedback), together=True)
