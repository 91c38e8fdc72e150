"""Where covariates come from: columns of X, or a table beside it."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils import _safe_indexing

from ..containers import Table
from .covariates import check_rows, positions


def covariates_and_cpgs(named: Any, passed: Any, table: Table) -> tuple[Any, Any]:
    """Return the covariates of the rows, or None, and the positions of the other columns.

    Parameters
    ----------
    named : array-like of str or int, or None
        Columns of X.
    passed : frame, array-like or None
        A table of the same rows as X.
    table : Table
        X.
    """
    p = table.shape[1]
    if passed is not None:
        if named is not None:
            raise ValueError(
                f"Got covariates={named!r} as columns of X, and more covariates passed beside X, "
                "but expected one of the two. Add them all to X, or pass them all."
            )
        check_rows(passed, table)
        return passed, np.arange(p)
    columns = np.array([], dtype=int) if named is None else positions(named, table)
    if not len(columns):
        return None, np.arange(p)
    cpgs = np.setdiff1d(np.arange(p), columns)
    if not len(cpgs):
        raise ValueError(
            f"Got X with n_features={p}, all of them covariates: no CpG is left. Add CpGs to X, or "
            "name fewer covariates."
        )
    return _safe_indexing(table.X, columns.tolist(), axis=1), cpgs
