"""The shift and scale of each column."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from scipy import sparse
from sklearn.preprocessing import StandardScaler

#: Columns, and values, whose statistics are taken together.
_COLUMNS = 1024
_VALUES = 1 << 24

#: Weights that are sums of others meet a quantile's share only to rounding.
_ROUNDING = 1e-10

_QUARTERS = np.array([0.25, 0.5, 0.75])

#: Beyond, a smooth clip is at its limit, and the square of a float32 is still finite.
_FAR = 1e9


class Standardizer:
    """(x - shift) * scale column by column; sparse input is scaled but not shifted.

    "standard" takes the mean and the standard deviation. "robust" takes quantiles,

        shift = q50,    scale = 1 / (q75 - q25)   if that is finite,
                                2 / (max - min)   else if that is,
                                0                 else,

    and asks the reader to clip what comes out smoothly, see `smooth_clip`. Missing values count
    nowhere. A row of weight k counts as k rows: so a quantile q is the smallest value that a
    share of at least q of the weight does not exceed, without interpolation.

    Parameters
    ----------
    X : ndarray or CSR matrix of shape (n, p)
        What the statistics are taken from.
    w : ndarray of shape (n,) or None
        Weights of the rows.
    how : {"standard", "robust"}, default="standard"
        Which statistics; CSR input is always scaled by the standard deviation.
    n_plain : int, default=0
        The last columns hold codes of categories, and are left as they are.
    rows : ndarray of shape (r,) or None
        Numbers of the rows to look at; None for all.

    Attributes
    ----------
    shift : ndarray of shape (p,) or None
        None for CSR input.
    scale : ndarray of shape (p,)
        Both have the dtype of X, or float64 if that is neither float32 nor float64. A column
        without a value has shift 0, and scale 0 if "robust", 1 if "standard".
    clip : float or None
        Where the reader shall clip smoothly the columns that are not plain.
    n_plain : int
        As given.

    References
    ----------
    Holzmüller, Grinsztajn and Steinwart, "Better by default: strong pre-tuned MLPs and boosted
    trees on tabular data", NeurIPS 2024.

    Examples
    --------
    >>> Standardizer(np.array([[1.0], [2.0], [3.0], [1000.0]]), None, how="robust").shift
    array([2.])
    """

    def __init__(
        self, X: Any, w: Any, how: str = "standard", n_plain: int = 0, rows: Any = None
    ) -> None:
        self.n_plain = n_plain
        self.clip = 3.0 if how == "robust" and not sparse.issparse(X) else None
        if w is not None and np.all(w == w[0]):
            w = None
        n_scaled = X.shape[1] - n_plain
        dtype = _stored(X.dtype)
        self.scale = np.ones(X.shape[1], dtype=dtype)
        if sparse.issparse(X):
            self.shift = None
            if n_scaled:
                chosen = (X if rows is None else X[rows])[:, :n_scaled]
                scaler = StandardScaler(with_mean=False).fit(chosen, sample_weight=w)
                self.scale[:n_scaled] = 1 / scaler.scale_
            return
        self.shift = np.zeros(X.shape[1], dtype=dtype)
        statistics = _robust if how == "robust" else _standard
        for columns in _blocks(len(X), n_scaled):
            block = X[:, columns] if rows is None else X[rows, columns]
            self.shift[columns], self.scale[columns] = statistics(block, w)

    def __call__(self, X: Any) -> Any:
        """Return a dense X standardised and clipped, with missing values at 0, in a new array."""
        with np.errstate(over="ignore", invalid="ignore"):
            out = X - self.shift
            out *= self.scale
        if self.clip is not None:
            smooth_clip(out[:, : X.shape[1] - self.n_plain], self.clip)
        out[np.isnan(out)] = 0
        return out


def _stored(dtype: Any) -> Any:
    """Return the dtype of what is learnt of columns of a dtype."""
    return dtype if dtype in (np.float32, np.float64) else np.dtype(np.float64)


def smooth_clip(x: Any, limit: float) -> None:
    """Replace x by x / sqrt(1 + (x / limit)²), which is x near 0 and never beyond the limit.

    Examples
    --------
    >>> x = np.array([-1e300, 0.01, 4.0])
    >>> smooth_clip(x, 3.0)
    >>> x.round(4)
    array([-3.  ,  0.01,  2.4 ])
    """
    np.clip(x, -_FAR, _FAR, out=x)
    x /= np.sqrt(1 + np.square(x / limit))


def _blocks(n: int, p: int) -> Iterator[slice]:
    width = max(1, min(_COLUMNS, _VALUES // max(1, n)))
    for start in range(0, p, width):
        yield slice(start, min(start + width, p))


def _standard(block: Any, w: Any) -> tuple[Any, Any]:
    with np.errstate(invalid="ignore"):  # 0 / 0 where a column has no value
        scaler = StandardScaler().fit(block, sample_weight=w)
    empty = np.isnan(scaler.mean_)
    return np.where(empty, 0, scaler.mean_), np.where(empty, 1, 1 / scaler.scale_)


def _robust(block: Any, w: Any) -> tuple[Any, Any]:
    lowest, (q25, q50, q75), highest = weighted_quantiles(block, w)
    with np.errstate(divide="ignore", over="ignore"):
        by_quartiles, by_range = 1 / (q75 - q25), 2 / (highest - lowest)
        # as the scale will be stored: what is too large for that is no scale
        stored = _stored(block.dtype)
        by_quartiles, by_range = by_quartiles.astype(stored), by_range.astype(stored)
    scale = np.where(np.isfinite(by_range), by_range, 0)
    return np.nan_to_num(q50, nan=0.0), np.where(np.isfinite(by_quartiles), by_quartiles, scale)


def weighted_quantiles(X: Any, w: Any, q: Any = _QUARTERS) -> tuple[Any, Any, Any]:
    """Return the smallest value, quantiles and largest value of each column, in float64.

    Missing values are ignored; a column without any other has NaN everywhere.

    Parameters
    ----------
    X : ndarray of shape (n, p)
        The columns.
    w : ndarray of shape (n,) or None
        Weights of the rows.
    q : ndarray of shape (n_q,), default=(1/4, 1/2, 3/4)
        Which quantiles, above 0.

    Returns
    -------
    lowest : ndarray of shape (p,)
    quantiles : ndarray of shape (n_q, p)
    highest : ndarray of shape (p,)

    Examples
    --------
    >>> x = np.array([[3.0], [1.0], [2.0]])
    >>> weighted_quantiles(x, np.array([1, 5, 1]))
    (array([1.]), array([[1.], [1.], [2.]]), array([3.]))
    """
    if w is not None:
        X, w = X[w > 0], w[w > 0]
    n_known = len(X) - np.isnan(X).sum(axis=0)  # (p,)
    if w is None:
        ranked = np.sort(X, axis=0)  # missing values come last
        place = np.ceil(np.multiply.outer(q, n_known) * (1 - _ROUNDING)).astype(int) - 1  # (n_q, p)
    else:
        order = np.argsort(X, axis=0)
        ranked = np.take_along_axis(X, order, axis=0)
        share = np.cumsum(np.where(np.isnan(ranked), 0, w[order]), axis=0)  # (n, p)
        asked = np.multiply.outer(q, share[-1]) * (1 - _ROUNDING)
        place = np.stack([(share < level).sum(axis=0) for level in asked])
    ranked = ranked.astype(float, copy=False)
    last = np.maximum(n_known - 1, 0)
    found = np.take_along_axis(ranked, np.clip(place, 0, last), axis=0)
    return ranked[0], found, np.take_along_axis(ranked, last[None], axis=0)[0]
