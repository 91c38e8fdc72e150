"""Find the constants that minimise weighted losses: means, quantiles, roots."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Array = NDArray[Any]


def weighted_sum(values: Array, w: Array | None) -> Array:
    """Sum rows, (n, t) -> (t,), in float64."""
    if w is None:
        return np.asarray(values.sum(axis=0, dtype=np.float64))
    return np.asarray(w.astype(np.float64) @ values)


def weighted_mean(values: Array, w: Array | None) -> Array:
    """Average rows, (n, t) -> (t,), in float64."""
    total = len(values) if w is None else w.sum(dtype=np.float64)
    return weighted_sum(values, w) / total


def weighted_quantile(y: Array, levels: ArrayLike, w: Array | None) -> Array:
    """Return minimisers of the weighted pinball losses, (n, t) -> (t, L).

    Where a whole interval minimises, its midpoint is taken: with no weights and level 1/2 that is
    ``np.median``, and a weight of 2 counts exactly like a row that is there twice.

    Examples
    --------
    >>> y = np.array([[1.0], [2.0], [3.0], [10.0]])
    >>> weighted_quantile(y, [0.25, 0.5], None)
    array([[1.5, 2.5]])
    >>> weighted_quantile(y, [0.5], np.array([1.0, 1.0, 1.0, 5.0]))
    array([[10.]])
    """
    weights = np.ones(len(y)) if w is None else w.astype(np.float64)
    order = np.argsort(y, axis=0)
    quantiles = []
    for column, rows in zip(y.T, order.T, strict=True):
        below = np.cumsum(weights[rows])
        target, slack = np.atleast_1d(levels) * below[-1], 1e-12 * below[-1]
        left = np.searchsorted(below, target - slack)
        right = np.searchsorted(below, target + slack, side="right")
        ends = column[rows[np.minimum([left, right], len(y) - 1)]]  # (2, L)
        quantiles.append(ends.mean(axis=0, dtype=np.float64))
    return np.array(quantiles)


def root(increasing: Callable[[Array], Array], low: Array, high: Array) -> Array:
    """Find the roots of increasing functions, one for each entry of low and high, by bisection.

    Examples
    --------
    >>> root(lambda x: x**2 - np.array([4.0, 9.0]), np.zeros(2), np.full(2, 5.0)).round(6)
    array([2., 3.])
    """
    for _ in range(60):
        middle = 0.5 * (low + high)
        below = increasing(middle) < 0
        low, high = np.where(below, middle, low), np.where(below, high, middle)
    return 0.5 * (low + high)
