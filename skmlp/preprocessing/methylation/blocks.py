"""Read a wide table in blocks of columns, so that no second copy of it is ever made."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin, _fit_context
from sklearn.utils.validation import check_is_fitted, validate_data

from ..containers import NARROW, ArrayTable, Table, read

#: Values in a block: 2 MB of float64, of which a computation holds a few.
_VALUES = 1 << 18

_SHORT = {"float32", *(np.dtype(kind).name for kind in NARROW)}


class WideTransformer(TransformerMixin, BaseEstimator):
    """What the transformers of methylation have in common: gaps are let in, floats stay as wide."""

    def __sklearn_tags__(self) -> Any:
        """Tell scikit-learn so."""
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.transformer_tags.preserves_dtype = ["float64", "float32", "float16"]
        return tags


class BlockTransformer(WideTransformer, ABC):
    """A transformer that needs nothing but X: what it learns and returns, a table at a time."""

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any = None) -> Any:
        """Learn from the training rows, and let nothing but numbers pass.

        Parameters
        ----------
        X : frame or array-like of shape (n, p)
            The table; NaN for what is missing.
        y : None
            Not read.

        Returns
        -------
        self
        """
        self._learn(open_table(self, X, reset=True))
        return self

    def transform(self, X: Any) -> Any:
        """Return the table transformed, a block of columns at a time.

        Parameters
        ----------
        X : frame or array-like of shape (n, p)
            The table, with the columns of ``fit``.

        Returns
        -------
        ndarray of shape (n, n_columns_out)
        """
        check_is_fitted(self)
        return self._transformed(open_table(self, X, reset=False))

    def _learn(self, table: Table) -> None:
        """Set what is learnt."""
        refuse_non_numbers(table)

    @abstractmethod
    def _transformed(self, table: Table) -> Any:
        """Return the columns transformed."""


def open_table(estimator: Any, X: Any, *, reset: bool) -> Table:
    """Read X without a copy; learn the number and names of its columns, or compare them."""
    table = read(X)
    validate_data(estimator, X, reset=reset, skip_check_array=True)
    return table


def blocks(n: int, p: int) -> Iterator[slice]:
    """Cut p columns of n rows into slices of some MB."""
    width = max(1, _VALUES // max(1, n))
    for start in range(0, p, width):
        yield slice(start, min(start + width, p))


def numbers(table: Table, columns: Any) -> Any:
    """Return columns (n, w) as float32 or float64, NaN for gaps; perhaps X itself, so read only.

    Raises
    ------
    ValueError, TypeError
        Where a column holds text, dates or infinity, by its name.
    """
    p = table.shape[1]
    whole = len(columns) == p  # in which case the table returns them in its own order
    try:
        found = table.numbers(np.arange(p) if whole else columns)
    except ValueError:
        _refuse_text(table, columns)
        raise
    in_order = not whole or np.array_equal(columns, np.arange(p))
    return found if in_order else found[:, columns]


def _refuse_text(table: Table, columns: Any) -> None:
    for j in columns:
        if table.is_category(int(j)):
            raise ValueError(
                f"Column {table.name(j)!r} of X holds text or categories, but expected numbers, "
                "one column for each CpG. Drop the column, or send it elsewhere with a "
                "ColumnTransformer; RegressOut and SelectCpGs take it by name as one of "
                "covariates."
            )


def float_dtype(table: Table, columns: Any) -> Any:
    """Return the narrowest float that holds the columns: float16 and float32 stay.

    Integers of up to 16 bits become float32, all else float64.
    """
    names = _dtype_names(table, columns)
    if names == {"float16"}:
        return np.dtype(np.float16)
    return np.dtype(np.float32 if names and names <= _SHORT else np.float64)


def stored_dtype(table: Table, columns: Any) -> Any:
    """Return the dtype of columns that are taken as they are: integers of an array stay too."""
    if isinstance(table, ArrayTable) and table.X.dtype.kind in "iu":
        return table.X.dtype
    return float_dtype(table, columns)


def _dtype_names(table: Table, columns: Any) -> set[str]:
    if isinstance(table, ArrayTable):
        return {str(table.X.dtype)}
    kinds = table.dtypes  # which frames of both libraries have
    return {str(kind).lower() for kind in {kinds[j] for j in columns}}


def compute(table: Table, columns: Any, dtype: Any, function: Callable[[Any, slice], Any]) -> Any:
    """Return function(values, where) of each block of columns, side by side, (n, len(columns)).

    The values (n, w) are float64 or float32 and must not be written to; `where` is the block's
    place among the columns.
    """
    out = np.empty((len(table), len(columns)), dtype=dtype)
    for where in blocks(len(table), len(columns)):
        out[:, where] = function(numbers(table, columns[where]), where)
    return out


def refuse_non_numbers(table: Table) -> None:
    """Raise an error where a table holds text, dates or infinity."""
    for where in blocks(*table.shape):
        numbers(table, np.arange(table.shape[1])[where])


def center(values: Any, how: str) -> Any:
    """Return the mean or the median (w,) of each column's known values, NaN where there is none.

    Examples
    --------
    >>> center(np.array([[1.0, np.nan], [2.0, np.nan], [6.0, np.nan]]), "mean")
    array([ 3., nan])
    >>> center(np.array([[1.0], [2.0], [6.0], [np.nan]]), "median")
    array([2.])
    """
    n_known = len(values) - np.isnan(values).sum(axis=0)  # (w,)
    if how == "mean":
        with np.errstate(invalid="ignore"):
            return np.nansum(values, axis=0, dtype=float) / n_known
    ranked = np.sort(values, axis=0)  # gaps come last
    middle = np.stack([np.maximum(n_known - 1, 0) // 2, np.minimum(n_known // 2, len(values) - 1)])
    return np.take_along_axis(ranked, middle, axis=0).mean(axis=0, dtype=float)
