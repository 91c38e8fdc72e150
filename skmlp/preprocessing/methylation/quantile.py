"""Samples with one distribution of values."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import OneToOneFeatureMixin

from ..containers import ArrayTable, PandasTable, Table
from .blocks import BlockTransformer, compute, float_dtype, refuse_non_numbers


class QuantileNormalizer(OneToOneFeatureMixin, BlockTransformer):
    r"""Give every row the distribution of values that the training rows have on average.

    With the values of row i in increasing order :math:`x_{i(1)}, \ldots, x_{i(p)}`,

    .. math::

        r_k = \frac1n \sum_i x_{i(k)}, \qquad x_{i(k)} \to r_k.

    New rows are mapped to the same reference r, so that the result for one row does not depend
    on the rows beside it.

    Parameters
    ----------
    reference : array-like of shape (n_quantiles,), default=None
        A distribution to map to instead, e.g. that of another cohort: values at equally spaced
        quantiles from the smallest to the largest, in any order, between which is interpolated.

    Attributes
    ----------
    reference_ : ndarray of shape (n_features_in_,)
        What rows are mapped to, in increasing order.
    n_features_in_ : int
        Number of columns seen in ``fit``.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, where all are strings.

    Notes
    -----
    Missing values stay missing: the known values of a row are taken for a sample from the whole
    row, whose quantiles are interpolated. Values that are equal in a row stay equal: they get the
    mean of what is at their ranks. A row without any value does not count in ``fit``.

    Smoking changes few of many CpGs. Where a condition changes the distribution as a whole, as
    cancer does, quantile normalisation hides part of the change.

    References
    ----------
    Bolstad, Irizarry, Åstrand and Speed, "A comparison of normalization methods for high density
    oligonucleotide array data based on variance and bias", Bioinformatics 19(2), 2003.

    Examples
    --------
    >>> import numpy as np
    >>> from skmlp.preprocessing import QuantileNormalizer
    >>> X = np.array([[0.1, 0.5, 0.9], [0.7, 0.3, 0.5]])
    >>> normalizer = QuantileNormalizer().fit(X)
    >>> normalizer.reference_
    array([0.2, 0.5, 0.8])
    >>> normalizer.transform(X)
    array([[0.2, 0.5, 0.8],
           [0.8, 0.2, 0.5]])
    >>> normalizer.transform([[0.4, 0.4, 0.6], [0.6, np.nan, 0.4]])  # a tie, and a gap
    array([[0.35, 0.35, 0.8 ],
           [0.8 ,  nan, 0.2 ]])
    """

    _parameter_constraints = {"reference": ["array-like", None]}

    def __init__(self, *, reference: Any = None) -> None:
        self.reference = reference

    def _learn(self, table: Table) -> None:
        p = table.shape[1]
        if self.reference is not None:
            refuse_non_numbers(table)
            self.reference_ = _stretched(_checked_reference(self.reference), p)
            return
        total, n_rows = np.zeros(p), 0
        for row in _rows(table):
            known = np.sort(row[~np.isnan(row)]).astype(float)
            if len(known):
                total += _stretched(known, p)
                n_rows += 1
        if not n_rows:
            raise ValueError("Got X without any value, all NaN, but expected numbers.")
        self.reference_ = total / n_rows

    def _transformed(self, table: Table) -> Any:
        out = _copied(table)
        for row in out:
            known = ~np.isnan(row)
            if known.any():
                row[known] = _mapped(row[known], self.reference_)
        return out


def _rows(table: Table) -> Any:
    """Return an array (n, p) of floats to be read by rows, without a copy where X is one.

    The rows of a frame of one dtype are no copy either, as long as it is stored as one array.
    """
    if isinstance(table, ArrayTable) and table.X.dtype.kind in "iuf":
        values = table.X
    elif isinstance(table, PandasTable) and _is_float(table.dtypes):
        values = table.X.to_numpy()
    else:
        return _copied(table)
    if any(np.isinf(row).any() for row in values):
        return _copied(table)  # which names the place
    return values


def _is_float(dtypes: list[Any]) -> bool:
    return len(set(dtypes)) == 1 and isinstance(dtypes[0], np.dtype) and dtypes[0].kind == "f"


def _copied(table: Table) -> Any:
    columns = np.arange(table.shape[1])
    return compute(table, columns, float_dtype(table, columns), lambda values, _: values)


def _mapped(values: Any, reference: Any) -> Any:
    """Map the values (m,) of a row to the reference (p,)."""
    order = np.argsort(values, kind="stable")
    ranked = values[order]
    targets = _stretched(reference, len(values))
    starts = np.flatnonzero(np.concatenate([[True], ranked[1:] != ranked[:-1]]))
    counts = np.diff(starts, append=len(values))
    mapped = np.empty(len(values))
    mapped[order] = np.repeat(np.add.reduceat(targets, starts) / counts, counts)
    return mapped


def _stretched(ranked: Any, m: int) -> Any:
    """Interpolate the quantiles (k,) at m equally spaced places, the median where m is 1."""
    if m == len(ranked):
        return ranked
    places = np.linspace(0, 1, m) if m > 1 else np.array([0.5])
    return np.interp(places, np.linspace(0, 1, len(ranked)), ranked)


def _checked_reference(reference: Any) -> Any:
    values = np.asarray(reference, dtype=float)
    if values.ndim != 1 or not values.size or not np.isfinite(values).all():
        raise ValueError(
            f"Got reference of shape {values.shape} with {np.sum(~np.isfinite(values))} values "
            "that are not finite, but expected one dimension of finite numbers."
        )
    return np.sort(values)
