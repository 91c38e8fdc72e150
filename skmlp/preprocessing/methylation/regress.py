"""CpGs without what age, sex, batch and cell fractions explain."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.base import _fit_context
from sklearn.utils.validation import _check_feature_names_in, check_is_fitted

from .blocks import WideTransformer, blocks, center, compute, float_dtype, numbers, open_table
from .covariates import Covariates, slopes
from .sources import covariates_and_cpgs


class RegressOut(WideTransformer):
    r"""Subtract from every CpG what a linear regression on covariates explains.

    .. math::

        x'_{ij} = x_{ij} - (z_i - \bar z)^T b_j, \qquad
        b_j = \arg\min_b \min_a \sum_i (x_{ij} - a - (z_i - \bar z)^T b)^2,

    with the coefficients :math:`b_j` and the mean covariates :math:`\bar z` of the training
    rows. The mean of each CpG stays.

    Parameters
    ----------
    covariates : array-like of str or int, default=None
        Columns of X that are covariates, by name or position. Where it is None, the covariates
        are passed to ``fit`` and ``transform``.
    keep_covariates : bool, default=False
        Whether ``transform`` returns the covariates that are columns of X too, as they are and
        at their place. They must be numbers then.

    Attributes
    ----------
    coef_ : ndarray of shape (q, n_cpgs)
        Change of each CpG by unit of each column of covariates.
    covariate_names_ : list of str
        Names of the q columns of covariates, one for each category.
    n_features_in_ : int
        Number of columns seen in ``fit``.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, where all are strings.

    Notes
    -----
    Covariates of type category, string, bool, or object with text become 0/1 columns; a batch
    that is coded by numbers must be turned into one of these first, or it is taken for a
    quantity. Collinear covariates are no error. A category that ``fit`` has not seen, as the
    batch of a new cohort, cannot be corrected for: its rows are taken for average ones, with a
    warning. Gaps in a CpG stay gaps, and its coefficients come from the rows that have it; gaps
    in covariates are errors.

    What goes with a covariate is removed even where it comes from what is to be predicted: do
    not remove a cell fraction that smoking changes if that change may be used.

    Residuals of betas may lie slightly beyond 0 and 1. Those of M-values are always M-values.

    With metadata routing, ``set_fit_request(covariates=True)`` and
    ``set_transform_request(covariates=True)`` let covariates reach this step of a pipeline.

    References
    ----------
    Leek et al., "Tackling the widespread and critical impact of batch effects in high-throughput
    data", Nature Reviews Genetics 11, 2010.

    Examples
    --------
    >>> import pandas as pd
    >>> from skmlp.preprocessing import RegressOut
    >>> X = pd.DataFrame({"age": [30.0, 40, 50, 60], "cg1": [0.3, 0.4, 0.5, 0.6]})
    >>> X["cg2"] = [0.7, 0.6, 0.6, 0.7]
    >>> regress = RegressOut(covariates=["age"]).set_output(transform="pandas")
    >>> regress.fit_transform(X).round(3)
        cg1  cg2
    0  0.45  0.7
    1  0.45  0.6
    2  0.45  0.6
    3  0.45  0.7
    >>> regress.coef_.round(3) + 0.0
    array([[0.01, 0.  ]])

    The same with covariates that are not in X:

    >>> cpgs = X[["cg1", "cg2"]]
    >>> regress = RegressOut().fit(cpgs, covariates=X["age"])
    >>> regress.transform(cpgs[:1], covariates=X["age"][:1]).round(3)
    array([[0.45, 0.7 ]])
    """

    _parameter_constraints = {
        "covariates": ["array-like", None],
        "keep_covariates": ["boolean"],
    }

    def __init__(self, *, covariates: Any = None, keep_covariates: bool = False) -> None:
        self.covariates = covariates
        self.keep_covariates = keep_covariates

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any = None, covariates: Any = None) -> RegressOut:
        """Learn the coefficients.

        Parameters
        ----------
        X : frame or array-like of shape (n, p)
            The table; NaN for what is missing.
        y : None
            Not read.
        covariates : frame or array-like of shape (n, n_covariates) or (n,), default=None
            Covariates of the rows of X, where they are no columns of X.

        Returns
        -------
        self
        """
        table = open_table(self, X, reset=True)
        given, self._cpgs = self._covariates_of(table, covariates)
        self._covariates = Covariates(given)
        self.covariate_names_ = self._covariates.names
        design = self._covariates(given)  # (n, q)
        rank = np.linalg.matrix_rank(design) if design.size else 0
        if len(table) < rank + 2:
            raise ValueError(
                f"Got n_samples={len(table)} rows, which are too few for a regression on {rank} "
                "columns of covariates: expected more rows, or fewer covariates."
            )
        dtype = np.result_type(float_dtype(table, self._cpgs), np.float32)
        self.coef_ = np.empty((design.shape[1], len(self._cpgs)), dtype=dtype)
        solver = slopes(design)
        for where in blocks(len(table), len(self._cpgs)):
            values = numbers(table, self._cpgs[where])
            self.coef_[:, where] = _coefficients(values, design, solver)
        return self

    def transform(self, X: Any, covariates: Any = None) -> Any:
        """Return the CpGs without what the covariates explain.

        Parameters
        ----------
        X : frame or array-like of shape (n, p)
            The table.
        covariates : frame or array-like of shape (n, n_covariates) or (n,), default=None
            Covariates of the rows of X, if ``fit`` was given some.

        Returns
        -------
        ndarray of shape (n, n_columns_out)
        """
        check_is_fitted(self)
        table = open_table(self, X, reset=False)
        design = self._covariates(self._covariates_of(table, covariates)[0])
        columns = self._columns_out()
        place = np.full(table.shape[1], -1)
        place[self._cpgs] = np.arange(len(self._cpgs))  # of each column in coef_, or -1

        def residuals(values: Any, where: slice) -> Any:
            at = place[columns[where]]
            explained = design @ self.coef_[:, at]
            return values - np.where(at < 0, 0, explained)

        return compute(table, columns, float_dtype(table, columns), residuals)

    def fit_transform(self, X: Any, y: Any = None, covariates: Any = None) -> Any:
        """Fit, and return the residuals of the same rows.

        Parameters
        ----------
        X : frame or array-like of shape (n, p)
            The table.
        y : None
            Not read.
        covariates : frame or array-like of shape (n, n_covariates) or (n,), default=None
            Covariates of the rows of X, where they are no columns of X.

        Returns
        -------
        ndarray of shape (n, n_columns_out)
        """
        return self.fit(X, y, covariates=covariates).transform(X, covariates=covariates)

    def get_feature_names_out(self, input_features: Any = None) -> Any:
        """Name the columns that ``transform`` returns.

        Parameters
        ----------
        input_features : array-like of str, default=None
            Names of the columns of X, where ``fit`` saw none.

        Returns
        -------
        ndarray of shape (n_columns_out,)
        """
        check_is_fitted(self)
        return _check_feature_names_in(self, input_features)[self._columns_out()]

    def _columns_out(self) -> Any:
        return np.arange(self.n_features_in_) if self.keep_covariates else self._cpgs

    def _covariates_of(self, table: Any, passed: Any) -> tuple[Any, Any]:
        given, cpgs = covariates_and_cpgs(self.covariates, passed, table)
        if given is None:
            raise ValueError(
                "Got no covariates to regress out, but expected names or positions of columns of X "
                "in RegressOut(covariates=...), or the covariates of the rows in fit(X, "
                "covariates=...) and transform(X, covariates=...)."
            )
        return given, cpgs


def _coefficients(values: Any, design: Any, solver: Any) -> Any:
    """Return least-squares coefficients (q, w) of values (n, w), on the rows that have them."""
    coefficients = solver @ (values - center(values, "mean"))
    for j in np.flatnonzero(np.isnan(values).any(axis=0)):
        rows = ~np.isnan(values[:, j])
        coefficients[:, j] = _slopes_on(rows, design) @ values[rows, j] if rows.any() else 0
    return coefficients


def _slopes_on(rows: Any, design: Any) -> Any:
    part = design[rows]
    return slopes(part - part.mean(axis=0))
