"""Probes that fail, and the gaps that remain."""

from __future__ import annotations

from numbers import Real
from typing import Any

import numpy as np
from sklearn.feature_selection import SelectorMixin
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from ..containers import Table
from .blocks import BlockTransformer, blocks, center, compute, numbers, stored_dtype


class MissingProbeFilter(BlockTransformer, SelectorMixin):
    """Drop CpGs that are missing in too many training rows, and fill the gaps of the others.

    Parameters
    ----------
    max_missing : float, default=0.05
        A column is kept if at most this share of its values is missing in ``fit``. A column
        without any value is always dropped.
    imputation : {"mean", "median"} or None, default="mean"
        What fills the gaps of columns kept: a statistic of the training rows, or nothing.

    Attributes
    ----------
    missing_share_ : ndarray of shape (n_features_in_,)
        Share of missing values of each column in ``fit``.
    fill_ : ndarray of shape (n_kept,) or None
        What fills the gaps of the columns kept.
    n_features_in_ : int
        Number of columns seen in ``fit``.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, where all are strings.

    Notes
    -----
    The dtype of X stays, that of an array of integers too, which has no gaps.

    Examples
    --------
    >>> import numpy as np
    >>> from skmlp.preprocessing import MissingProbeFilter
    >>> X = np.array([[0.1, 0.5, np.nan], [0.3, np.nan, np.nan], [0.2, 0.7, 0.9]])
    >>> probes = MissingProbeFilter(max_missing=0.4).fit(X)
    >>> probes.get_support()
    array([ True,  True, False])
    >>> probes.transform(X)
    array([[0.1, 0.5],
           [0.3, 0.6],
           [0.2, 0.7]])
    """

    _parameter_constraints = {
        "max_missing": [Interval(Real, 0, 1, closed="both")],
        "imputation": [StrOptions({"mean", "median"}), None],
    }

    def __init__(self, *, max_missing: float = 0.05, imputation: Any = "mean") -> None:
        self.max_missing = max_missing
        self.imputation = imputation

    def _learn(self, table: Table) -> None:
        n, p = table.shape
        share, fill = np.empty(p), np.empty(p)
        for where in blocks(n, p):
            values = numbers(table, np.arange(p)[where])
            share[where] = np.isnan(values).mean(axis=0)
            if self.imputation is not None:
                fill[where] = center(values, self.imputation)
        kept = (share <= self.max_missing) & (share < 1)
        if not kept.any():
            raise ValueError(
                f"Every column of X misses more of its values than max_missing={self.max_missing} "
                f"allows; the least is {share.min():.3g}. Raise max_missing, or look for rows that "
                "failed as a whole."
            )
        self.missing_share_, self._kept = share, kept
        self.fill_ = None if self.imputation is None else fill[kept]

    def _transformed(self, table: Table) -> Any:
        columns = self.get_support(indices=True)

        def filled(values: Any, where: slice) -> Any:
            if self.fill_ is None:
                return values
            return np.where(np.isnan(values), self.fill_[where], values)

        return compute(table, columns, stored_dtype(table, columns), filled)

    def _get_support_mask(self) -> Any:
        check_is_fitted(self)
        return self._kept
