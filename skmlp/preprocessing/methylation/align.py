"""The CpGs of a new cohort, in the order of the training cohort."""

from __future__ import annotations

import warnings
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import OneToOneFeatureMixin, _fit_context
from sklearn.utils import Bunch
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import check_is_fitted

from ..containers import Table, read
from .blocks import WideTransformer, blocks, center, compute, float_dtype, numbers, open_table


class AlignCpGs(OneToOneFeatureMixin, WideTransformer):
    """Bring the columns of a frame into the order of ``fit`` by their names.

    It stands in front of a pipeline that will meet frames from other arrays (450K, EPIC) or with
    other probes filtered out. Columns are matched by name in whatever order; CpGs that a frame
    does not have are filled, and columns that ``fit`` has not seen are left out.

    Parameters
    ----------
    missing : {"mean", "median", "nan"}, default="mean"
        What fills a CpG that the frame does not have: a statistic of the training rows, or NaN
        for a later step to deal with.
    warn_above : float, default=0.05
        A warning is given where a larger share of the CpGs of ``fit`` is not in the frame.
    error_above : float, default=0.5
        An error is raised where a larger share is not.
    extra : {"ignore", "warn", "error"}, default="ignore"
        What to do about columns that ``fit`` has not seen, beside leaving them out.

    Attributes
    ----------
    fill_ : ndarray of shape (n_features_in_,) or None
        What fills the CpGs; NaN for one that had no value in ``fit``.
    n_features_in_ : int
        Number of columns seen in ``fit``.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, where all are strings.

    Notes
    -----
    Single gaps in columns that are there stay gaps. Columns without names, of an array or where
    ``fit`` saw an array, match by position, and there must be as many as in ``fit``.

    `AlignCpGs.compare` tells which CpGs of a frame are missing and which columns are extra.

    Examples
    --------
    >>> import pandas as pd
    >>> from skmlp.preprocessing import AlignCpGs
    >>> train = pd.DataFrame({"cg1": [0.1, 0.3], "cg2": [0.5, 0.6], "cg3": [0.9, 0.8]})
    >>> align = AlignCpGs(warn_above=0.4).fit(train)
    >>> align.transform(pd.DataFrame({"cg3": [0.7], "other": [0.0], "cg2": [0.4]}))
    array([[0.2, 0.4, 0.7]])

    Much that is missing is an error:

    >>> align.transform(train[["cg2"]])
    Traceback (most recent call last):
        ...
    ValueError: 2 of the 3 CpGs of fit (67 %) are not in X: 'cg1', 'cg3'. ...
    """

    _parameter_constraints = {
        "missing": [StrOptions({"mean", "median", "nan"})],
        "warn_above": [Interval(Real, 0, 1, closed="both")],
        "error_above": [Interval(Real, 0, 1, closed="both")],
        "extra": [StrOptions({"ignore", "warn", "error"})],
    }

    def __init__(
        self,
        *,
        missing: str = "mean",
        warn_above: float = 0.05,
        error_above: float = 0.5,
        extra: str = "ignore",
    ) -> None:
        self.missing = missing
        self.warn_above = warn_above
        self.error_above = error_above
        self.extra = extra

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any = None) -> AlignCpGs:
        """Learn the names, and what fills CpGs that are missing.

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
        _refuse_duplicates(read(X))
        table = open_table(self, X, reset=True)
        n, p = table.shape
        columns = np.arange(p)
        self.fill_ = None if self.missing == "nan" else np.empty(p)
        for where in blocks(n, p):
            values = numbers(table, columns[where])  # read in any case, so that text is refused
            if self.fill_ is not None:
                self.fill_[where] = center(values, self.missing)
        return self

    def transform(self, X: Any) -> Any:
        """Return the columns of ``fit``, in its order.

        Parameters
        ----------
        X : frame or array-like of shape (n, p_other)
            A frame of any columns, or an array of as many as in ``fit``.

        Returns
        -------
        ndarray of shape (n, n_features_in_)
        """
        check_is_fitted(self)
        table = read(X)
        if not self._matches_by_name(table):
            open_table(self, X, reset=False)
            columns = np.arange(table.shape[1])
            return compute(table, columns, float_dtype(table, columns), lambda values, _: values)
        places = self._places(table)  # of each CpG of fit in X, or -1
        self._complain(table, places)
        return self._filled(table, places)

    def compare(self, X: Any) -> Bunch:
        """Tell how the columns of a frame differ from those of ``fit``.

        Parameters
        ----------
        X : frame of shape (n, p_other)
            A frame with names.

        Returns
        -------
        Bunch
            With arrays of names, ``missing`` of the CpGs of ``fit`` that X does not have, and
            ``extra`` of the columns that only X has.

        Examples
        --------
        >>> import pandas as pd
        >>> from skmlp.preprocessing import AlignCpGs
        >>> align = AlignCpGs().fit(pd.DataFrame({"cg1": [0.1], "cg2": [0.5]}))
        >>> align.compare(pd.DataFrame({"cg2": [0.4], "cg8": [0.2]}))
        {'missing': array(['cg1'], dtype=object), 'extra': array(['cg8'], dtype=object)}
        """
        check_is_fitted(self)
        table = read(X)
        if not self._matches_by_name(table):
            raise ValueError(
                "Got columns without names, in X or in fit, but expected frames whose columns are "
                "named by strings."
            )
        missing = self.feature_names_in_[self._places(table) < 0]
        return Bunch(missing=missing, extra=self._extra(table))

    def _matches_by_name(self, table: Table) -> bool:
        named = table.names is not None and all(isinstance(name, str) for name in table.names)
        return named and getattr(self, "feature_names_in_", None) is not None

    def _places(self, table: Table) -> Any:
        _refuse_duplicates(table)
        return pd.Index(table.names, dtype=object).get_indexer(self.feature_names_in_)

    def _extra(self, table: Table) -> Any:
        names = np.array(table.names, dtype=object)
        known = pd.Index(self.feature_names_in_, dtype=object)
        return names[~pd.Index(names, dtype=object).isin(known)]

    def _complain(self, table: Table, places: Any) -> None:
        """Warn, or raise, about columns that are missing or extra."""
        absent = self.feature_names_in_[places < 0]
        share = len(absent) / len(places)
        found = (
            f"{len(absent)} of the {len(places)} CpGs of fit ({100 * share:.0f} %) are not in X: "
            f"{_listed(absent)}."
        )
        if share > self.error_above:
            raise ValueError(
                f"{found} That is more than error_above={self.error_above}. Check that the columns "
                "of X are CpGs named as in fit, or raise error_above."
            )
        if share > self.warn_above:
            filled = "NaN" if self.missing == "nan" else f"the {self.missing} of the training rows"
            warnings.warn(f"{found} They are filled with {filled}.", stacklevel=3)
        if self.extra == "ignore":
            return
        extra = self._extra(table)
        if len(extra):
            found = f"X has {len(extra)} columns that fit has not seen: {_listed(extra)}."
            if self.extra == "error":
                raise ValueError(f"{found} Drop them, or set extra='ignore'.")
            warnings.warn(f"{found} They are left out.", stacklevel=3)

    def _filled(self, table: Table, places: Any) -> Any:
        """Take columns from their places, and fill those that have none."""
        n, p = len(table), len(places)
        dtype = float_dtype(table, places[places >= 0])
        out = np.empty((n, p), dtype=dtype)
        for where in blocks(n, p):
            here = places[where] >= 0
            columns = np.arange(p)[where]
            if here.any():
                out[:, columns[here]] = numbers(table, places[where][here])
            out[:, columns[~here]] = np.nan if self.fill_ is None else self.fill_[columns[~here]]
        return out


def _refuse_duplicates(table: Table) -> None:
    if table.names is None:
        return
    index = pd.Index(table.names, dtype=object)
    if not index.is_unique:
        twice = index[index.duplicated()].unique()
        raise ValueError(
            f"Got {len(twice)} names of columns more than once: {_listed(twice)}, but expected "
            "every CpG once. Average or drop the replicates."
        )


def _listed(names: Any) -> str:
    return ", ".join(repr(str(name)) for name in names[:5]) + (", ..." if len(names) > 5 else "")
