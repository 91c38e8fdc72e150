"""Covariates such as age, sex, batch and cell fractions, as columns of numbers."""

from __future__ import annotations

import difflib
import sys
import warnings
from typing import Any

import numpy as np
import pandas as pd
from sklearn.utils import _safe_indexing

from ..columns import ColumnEncoder
from ..containers import PandasTable, Table, read

_RANK = 1e-10  # singular values that are smaller by this factor count as 0


class Covariates:
    """Lay out covariates as numbers, minus their training means.

    A column of numbers stays one. A column of categories (by its dtype, as in `TableEncoder`)
    becomes one column of -1 and +1 where they are two, and otherwise one of 0 and 1 for each. A
    category that was not seen here gets the mean of all training rows, that is 0, with a warning.

    Parameters
    ----------
    Z : frame or array-like of shape (n, n_covariates) or (n,)
        Covariates of the training rows.

    Attributes
    ----------
    names : list of str
        Names of the q columns of the layout.
    mean : ndarray of shape (q,)
        What is subtracted.

    Examples
    --------
    >>> import pandas as pd
    >>> Z = pd.DataFrame({"age": [30, 40, 50], "batch": ["b1", "b2", "b3"]})
    >>> covariates = Covariates(Z)
    >>> covariates.names
    ['age', 'batch_b1', 'batch_b2', 'batch_b3']
    >>> covariates(Z)[0].round(2)
    array([-10.  ,   0.67,  -0.33,  -0.33])
    """

    def __init__(self, Z: Any) -> None:
        table = read(as_table(Z))
        self.given_names = table.names
        self.n_covariates = table.shape[1]
        self.encoders = [
            ColumnEncoder(max_one_hot=None, indicators=False).fit(_column(table, j))
            for j in range(self.n_covariates)
        ]
        layout = self._lay_out(table)
        self.names = [
            name
            for j, encoder in enumerate(self.encoders)
            for name in encoder.feature_names_out([table.name(j)])
        ]
        self.mean = layout.mean(axis=0)

    def __call__(self, Z: Any) -> Any:
        """Return the columns (n, q), 0 where a row is as the mean of the training rows."""
        table = read(as_table(Z))
        self._check_columns(table)
        centered = self._lay_out(table) - self.mean
        centered[np.isnan(centered)] = 0
        return centered

    def _lay_out(self, table: Table) -> Any:
        columns = [self._encoded(table, j) for j in range(self.n_covariates)]
        return np.concatenate([np.empty((len(table), 0)), *columns], axis=1, dtype=float)

    def _encoded(self, table: Table, j: int) -> Any:
        """Return the columns of one covariate, NaN in rows of a category not seen in fit."""
        encoder, name = self.encoders[j], table.name(j)
        if encoder.n_numeric_:
            encoded = encoder.transform(_column(table, j))
            _refuse_gaps(np.isnan(encoded[:, 0]), name)
            return encoded
        codes, levels = table.labels(j)
        _refuse_gaps(codes < 0, name)
        (known,) = encoder.categories_.values()
        unseen = {levels[code] for code in np.unique(codes)}.difference(known)
        encoded = encoder.transform(_column(table, j)).astype(float)
        if unseen:
            _warn_unseen(name, unseen)
            encoded[(encoded == 0).all(axis=1)] = np.nan
        return encoded

    def _check_columns(self, table: Table) -> None:
        if table.shape[1] != self.n_covariates:
            raise ValueError(
                f"Got covariates of {table.shape[1]} columns, but expected {self.n_covariates} as "
                "in fit."
            )
        if None not in (self.given_names, table.names) and self.given_names != table.names:
            raise ValueError(
                f"Got covariates with columns {table.names}, but expected {self.given_names}, in "
                "this order, as in fit."
            )


def as_table(Z: Any) -> Any:
    """Turn covariates into a frame of pandas, or an array where they have no names."""
    polars = sys.modules.get("polars")
    if polars is not None and isinstance(Z, polars.Series):
        Z = Z.to_frame()
    if polars is not None and isinstance(Z, polars.DataFrame):
        return pd.DataFrame(Z.to_dict(as_series=False))
    if isinstance(Z, pd.Series):
        return Z.to_frame()
    if isinstance(Z, pd.DataFrame):
        return Z
    Z = Z if isinstance(Z, np.ndarray) else np.array(Z, dtype=object)
    return Z[:, None] if Z.ndim == 1 else Z


def _column(table: Table, j: int) -> Any:
    return _safe_indexing(table.X, [j], axis=1)


def _refuse_gaps(gaps: Any, name: Any) -> None:
    if gaps.any():
        raise ValueError(
            f"Covariate {name!r} is missing in {gaps.sum()} of {len(gaps)} rows, the first being "
            f"row {np.argmax(gaps)}, but expected a value in each. Fill them, or drop the rows."
        )


def _warn_unseen(name: Any, unseen: set[Any]) -> None:
    shown = sorted(map(str, unseen))
    listed = ", ".join(map(repr, shown[:5])) + (", ..." if len(shown) > 5 else "")
    warnings.warn(
        f"Covariate {name!r} has categories that fit has not seen: {listed}. Their rows are taken "
        "for average ones, and an effect of these categories remains in them.",
        stacklevel=2,
    )


def positions(covariates: Any, table: Table) -> Any:
    """Turn names or indices of covariates into positions among the columns of X."""
    p = table.shape[1]
    found = []
    for item in covariates:
        if isinstance(item, str):
            found.append(_position(item, table))
            continue
        number = isinstance(item, int | np.integer) and not isinstance(item, bool)
        if not number or not 0 <= item < p:
            raise ValueError(
                f"Got {item!r} in covariates, but expected names of columns of X or positions from "
                f"0 to {p - 1}."
            )
        found.append(int(item))
    return np.array(list(dict.fromkeys(found)), dtype=int)


def _position(name: str, table: Table) -> int:
    if table.names is None:
        raise ValueError(
            f"covariates names the column {name!r}, but X has no names of columns: give positions, "
            "pass X as a frame, or pass the covariates to fit."
        )
    if name not in table.names:
        near = difflib.get_close_matches(name, map(str, table.names), n=1)
        hint = f" Did you mean {near[0]!r}?" if near else ""
        raise ValueError(f"covariates names {name!r}, which X does not have.{hint}")
    return table.names.index(name)


def check_rows(Z: Any, table: Table) -> None:
    """Refuse covariates of other rows than those of X."""
    n = len(as_table(Z))
    if n != len(table):
        raise ValueError(
            f"Got covariates of {n} rows, but X has {len(table)}: expected the same rows in the "
            "same order."
        )
    if isinstance(Z, pd.Series | pd.DataFrame) and isinstance(table, PandasTable):
        _refuse_other_order(Z.index, table.X.index)


def _refuse_other_order(index: Any, expected: Any) -> None:
    if not index.equals(expected) and index.is_unique and index.isin(expected).all():
        raise ValueError(
            "Got covariates whose rows are those of X in another order, as their indices tell: "
            "pass covariates.loc[X.index]."
        )


def basis(columns: Any) -> Any:
    """Return an orthonormal basis (n, rank) of what columns (n, q) span.

    Examples
    --------
    >>> basis(np.array([[3.0, 6.0], [4.0, 8.0]])).shape
    (2, 1)
    """
    length = np.linalg.norm(columns, axis=0)
    columns = columns[:, length > 0] / length[length > 0]
    if not columns.size:
        return np.empty((len(columns), 0))
    left, singular, _ = np.linalg.svd(columns, full_matrices=False)
    return left[:, singular > _RANK * singular[0]]


def slopes(design: Any) -> Any:
    """Return the matrix (q, n) that turns values (n, w) into coefficients of least squares.

    The columns of the design have mean 0. Where they are collinear, the coefficients are the
    smallest ones in units of the columns' lengths.
    """
    length = np.linalg.norm(design, axis=0)
    length[length == 0] = 1
    return np.linalg.pinv(design / length, rtol=_RANK) / length[:, None]
