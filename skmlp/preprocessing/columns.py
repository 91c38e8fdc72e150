"""Turn mixed columns into one array of floats."""

from __future__ import annotations

import difflib
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator
from sklearn.utils.validation import check_is_fitted

from .containers import Table, read

_COLUMNS = 1024


class ColumnEncoder(BaseEstimator):
    """Lay out a table as [numbers | 0/1 columns | codes], one array of floats.

    - Numbers are as they were, NaN where missing.
    - The 0/1 columns are an indicator of each numeric column that had a gap in ``fit``, then the
      categories: one column for each, or a single one of -1 and +1 where they are two. A value
      that is missing or was not seen in ``fit`` is 0 in all of them.
    - Codes are 1, 2, ... for categories of a column that has many, and 0 for what is missing or
      was not seen.

    A category column with fewer than two categories tells nothing and is left out. Categories
    match by value, in whatever type they come. Columns match by position.

    Parameters
    ----------
    categorical_features : "from_dtype", None, mask, list of int or list of str, \
            default="from_dtype"
        Which columns are categories. "from_dtype" takes columns of a frame of type category,
        string or bool, of objects with text among them, and the columns of an array of objects
        that do not convert to numbers.
    max_one_hot : int or None, default=8
        A column with more categories becomes one column of codes; None for never.
    indicators : bool, default=True
        Whether to indicate missing numbers.

    Attributes
    ----------
    n_numeric_, n_binary_ : int
        Numbers of columns of the first two kinds.
    cardinalities_ : tuple of int
        Number of codes, 0 among them, of each column of codes.
    categories_ : dict
        Categories of each category column, by its name or, if it has none, its position.

    Examples
    --------
    >>> import pandas as pd
    >>> X = pd.DataFrame({"age": [39, None, 28], "job": ["clerk", "smith", None]})
    >>> encoder = ColumnEncoder().fit(X)
    >>> encoder.transform(X)
    array([[39.,  0., -1.],
           [nan,  1.,  1.],
           [28.,  0.,  0.]])
    >>> encoder.feature_names_out(["age", "job"])
    ['age', 'age_missing', 'job_smith']
    """

    def __init__(
        self,
        *,
        categorical_features: Any = "from_dtype",
        max_one_hot: int | None = 8,
        indicators: bool = True,
    ) -> None:
        self.categorical_features = categorical_features
        self.max_one_hot = max_one_hot
        self.indicators = indicators

    def fit(self, X: Any, y: Any = None) -> ColumnEncoder:
        """Learn the kinds of the columns, and their categories.

        Raises
        ------
        TypeError
            Where a column holds dates or other objects.
        ValueError
            Where a column of numbers holds infinity, complex numbers or text.
        """
        table = read(X)
        is_category = _chosen(self.categorical_features, table)
        self._numeric = np.flatnonzero(~is_category)
        self.n_numeric_ = len(self._numeric)
        numbers = table.numbers(self._numeric, narrow=True)
        gaps = _has_missing(numbers) if self.indicators else np.zeros(self.n_numeric_, dtype=bool)
        self._indicated = np.flatnonzero(gaps)

        self.categories_ = {}
        self._one_hot: list[tuple[int, list[Any]]] = []
        self._coded: list[tuple[int, list[Any]]] = []
        most = np.inf if self.max_one_hot is None else self.max_one_hot
        for j in np.flatnonzero(is_category).tolist():
            levels = _levels(table, j)
            self.categories_[table.name(j)] = levels
            if len(levels) > 1:
                (self._coded if len(levels) > most else self._one_hot).append((j, levels))
        widths = [_width(levels) for _, levels in self._one_hot]
        self.n_binary_ = len(self._indicated) + sum(widths)
        self.cardinalities_ = tuple(len(levels) + 1 for _, levels in self._coded)
        return self

    def transform(self, X: Any) -> Any:
        """Return the columns laid out, (n, n_numeric_ + n_binary_ + len(cardinalities_)).

        Where there is nothing to do, that is X itself.
        """
        check_is_fitted(self)
        table = read(X)
        numbers = table.numbers(self._numeric, narrow=True)
        width = self.n_numeric_ + self.n_binary_ + len(self.cardinalities_)
        if width == self.n_numeric_:
            return numbers
        dtype = numbers.dtype if not self.categories_ else np.float64
        out = np.zeros((len(table), width), dtype=dtype)
        out[:, : self.n_numeric_] = numbers
        at = self.n_numeric_ + len(self._indicated)
        out[:, self.n_numeric_ : at] = np.isnan(numbers[:, self._indicated])
        for j, levels in self._one_hot:
            end = at + _width(levels)
            _write_one_hot(_codes(table, j, levels), len(levels), out[:, at:end])
            at = end
        for k, (j, levels) in enumerate(self._coded):
            out[:, at + k] = _codes(table, j, levels)
        return out

    def fit_transform(self, X: Any, y: Any = None) -> Any:
        """Fit, and lay out the same table."""
        return self.fit(X).transform(X)

    def feature_names_out(self, input_names: Any) -> list[str]:
        """Name the columns that ``transform`` returns after those that it is given."""
        names = [str(input_names[j]) for j in self._numeric]
        names += [f"{names[k]}_missing" for k in self._indicated]
        for j, levels in self._one_hot:
            told = levels[1:] if len(levels) == 2 else levels
            names += [f"{input_names[j]}_{level}" for level in told]
        return names + [f"{input_names[j]}_code" for j, _ in self._coded]


def _width(levels: list[Any]) -> int:
    return 1 if len(levels) == 2 else len(levels)


def _write_one_hot(codes: Any, n_levels: int, out: Any) -> None:
    """Write codes (n,), 0 for unknown, into a block of zeros."""
    if n_levels == 2:
        out[:, 0] = np.array([0, -1, 1])[codes]
        return
    known = np.flatnonzero(codes)
    out[known, codes[known] - 1] = 1


def _codes(table: Table, j: int, levels: list[Any]) -> Any:
    """Return the numbers (n,) of a column's values among the levels of ``fit``, 0 for unknown."""
    code_of = {level: code for code, level in enumerate(levels, start=1)}
    codes, here = table.labels(j)
    # the last entry is for what is missing, which is numbered -1
    return np.array([*(code_of.get(level, 0) for level in here), 0])[codes]


def _levels(table: Table, j: int) -> list[Any]:
    codes, levels = table.labels(j)
    seen = [levels[code] for code in np.unique(codes) if code >= 0]
    try:
        return sorted(seen)
    except TypeError:  # of several types
        return sorted(seen, key=lambda level: (type(level).__name__, str(level)))


def _has_missing(X: Any) -> Any:
    """Tell which columns have a NaN, (p,)."""
    with np.errstate(over="ignore", invalid="ignore"):
        if np.isfinite(X.sum()):
            return np.zeros(X.shape[1], dtype=bool)
    starts = range(0, X.shape[1], _COLUMNS)
    return np.concatenate([np.isnan(X[:, a : a + _COLUMNS]).any(axis=0) for a in starts])


def _chosen(features: Any, table: Table) -> Any:
    """Turn categorical_features into a mask (p,)."""
    p = table.shape[1]
    if features is None:
        return np.zeros(p, dtype=bool)
    if isinstance(features, str):
        if features != "from_dtype":
            raise ValueError(
                f"Got categorical_features={features!r}, but expected 'from_dtype', None, a mask, "
                "or a list of positions or names."
            )
        return np.fromiter((table.is_category(j) for j in range(p)), dtype=bool, count=p)
    given = np.asarray(features)
    if given.dtype.kind in "UTO":
        given = np.array([_position(name, table) for name in given.ravel()], dtype=int)
    if given.dtype.kind == "b":
        if given.shape != (p,):
            raise ValueError(
                f"Got categorical_features as a mask of shape {given.shape}, but X has {p} "
                "columns: expected one entry for each."
            )
        return given
    if given.size and (given.dtype.kind not in "iu" or given.min() < 0 or given.max() >= p):
        raise ValueError(
            f"Got categorical_features={features!r}, but expected positions from 0 to {p - 1}, "
            "names, or a mask."
        )
    mask = np.zeros(p, dtype=bool)
    mask[given.astype(int)] = True
    return mask


def _position(name: Any, table: Table) -> int:
    if table.names is None:
        raise ValueError(
            f"categorical_features names the column {name!r}, but X has no names of columns: give "
            "positions, or pass a frame."
        )
    if name not in table.names:
        near = difflib.get_close_matches(str(name), map(str, table.names), n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise ValueError(f"categorical_features names {name!r}, which X does not have.{hint}")
    return table.names.index(name)
