"""The CpGs that vary most, or go most clearly with what is to be predicted."""

from __future__ import annotations

from numbers import Integral
from typing import Any

import numpy as np
from scipy.stats import false_discovery_control
from sklearn.base import _fit_context
from sklearn.feature_selection import SelectorMixin
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.multiclass import check_classification_targets
from sklearn.utils.validation import check_consistent_length, check_is_fitted, column_or_1d

from ..containers import refuse_gaps
from .blocks import WideTransformer, blocks, compute, numbers, open_table, stored_dtype
from .covariates import Covariates
from .scores import PartialTest, Score, Variance, Welch
from .sources import covariates_and_cpgs

STATISTICS = {"variance", "t", "welch", "F", "correlation"}


class SelectCpGs(SelectorMixin, WideTransformer):
    r"""Keep the k CpGs with the largest variance, or the smallest p-value against y.

    In a `Pipeline` the CpGs are chosen inside each training fold, which is what an honest
    estimate of the error needs.

    With covariates Z, each test is the one of the full linear regression of the CpG on y and
    [1, Z]. It is computed from residuals: by the theorem of Frisch, Waugh and Lovell, regressing
    the residuals of the CpG on those of y, both on [1, Z], gives the same coefficient, and the
    same t where the degrees of freedom count the covariates,

    .. math::

        t = \frac{r_y^T r_x}{\lVert r_y \rVert \, s}, \qquad
        s^2 = \frac{\lVert r_x \rVert^2 - (r_y^T r_x / \lVert r_y \rVert)^2}{n - q - 2}

    for q covariates that are not collinear.

    Parameters
    ----------
    k : int or "all", default=1000
        How many to keep, at most. "all" keeps every column, and only scores it.
    statistic : {"variance", "t", "welch", "F", "correlation"}, default="variance"
        - "variance" needs no y; with covariates, it is that of the residuals.
        - "t" compares two classes with the pooled variance; it is positive where the second
          class, in sorted order, has the higher values.
        - "welch" allows the two classes to have different variances, and takes no covariates.
        - "F" compares any number of classes: analysis of variance, or of covariance.
        - "correlation" is the t of the slope on a y of numbers, or of the partial correlation.
    covariates : array-like of str or int, default=None
        Columns of X that are covariates, by name or position. They are not scored. Categories
        among them (by their dtype) become 0/1 columns. They may be passed to ``fit`` instead.
    keep_covariates : bool, default=False
        Whether ``transform`` returns the covariates among the columns, which must be numbers
        then.

    Attributes
    ----------
    scores_ : ndarray of shape (n_features_in_,)
        Variance, t or F of each column; NaN for covariates, and in a test for constant columns
        and those with too few values.
    pvalues_ : ndarray of shape (n_features_in_,) or None
        Two-sided p-values; None for "variance".
    qvalues_ : ndarray of shape (n_features_in_,) or None
        The p-values adjusted for their number (Benjamini & Hochberg 1995): choosing all CpGs
        with a q-value of at most 0.05 bounds the expected share of false ones by that.
    classes_ : ndarray of shape (n_classes,)
        Classes of y in sorted order, where the score compares classes.
    n_features_in_ : int
        Number of columns seen in ``fit``.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, where all are strings.

    Notes
    -----
    A column with gaps is scored on the rows that have it. As these columns take one linear
    algebra each, a table with gaps in most columns is better filled first, see
    `MissingProbeFilter`.

    CpGs are ranked by p-value, and by the size of the score where p-values are equal.

    References
    ----------
    Frisch and Waugh, "Partial time regressions as compared with individual trends",
    Econometrica 1(4), 1933; Lovell, "Seasonal adjustment of economic time series and multiple
    regression analysis", JASA 58, 1963.

    Welch, "The generalization of 'Student's' problem when several different population
    variances are involved", Biometrika 34, 1947.

    Benjamini and Hochberg, "Controlling the false discovery rate: a practical and powerful
    approach to multiple testing", JRSS B 57(1), 1995.

    Examples
    --------
    >>> import numpy as np
    >>> from skmlp.preprocessing import SelectCpGs
    >>> rng = np.random.default_rng(0)
    >>> smokes = np.repeat(["never", "current"], 30)
    >>> X = rng.normal(0.6, 0.05, (60, 100))
    >>> X[smokes == "current", 7] -= 0.1
    >>> select = SelectCpGs(k=5, statistic="t").fit(X, smokes)
    >>> select.transform(X).shape
    (60, 5)
    >>> np.flatnonzero(select.qvalues_ < 0.05)
    array([7])

    The score is that of the second class, here "never":

    >>> bool(select.scores_[7] > 0), select.classes_.tolist()
    (True, ['current', 'never'])

    Age differs between the groups, and is taken into account:

    >>> age = np.where(smokes == "never", 45, 55) + rng.normal(0, 8, 60)
    >>> adjusted = SelectCpGs(k=5, statistic="t").fit(X, smokes, covariates=age)
    >>> bool(adjusted.pvalues_[7] < 1e-6)
    True
    """

    _parameter_constraints = {
        "k": [Interval(Integral, 1, None, closed="left"), StrOptions({"all"})],
        "statistic": [StrOptions(STATISTICS)],
        "covariates": ["array-like", None],
        "keep_covariates": ["boolean"],
    }

    def __init__(
        self,
        *,
        k: Any = 1000,
        statistic: str = "variance",
        covariates: Any = None,
        keep_covariates: bool = False,
    ) -> None:
        self.k = k
        self.statistic = statistic
        self.covariates = covariates
        self.keep_covariates = keep_covariates

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any = None, covariates: Any = None) -> SelectCpGs:
        """Score the columns.

        Parameters
        ----------
        X : frame or array-like of shape (n, p)
            The table; NaN for what is missing.
        y : array-like of shape (n,), default=None
            Classes, or numbers for "correlation"; not read for "variance".
        covariates : frame or array-like of shape (n, q) or (n,), default=None
            Covariates of the rows of X, where they are no columns of X.

        Returns
        -------
        self
        """
        table = open_table(self, X, reset=True)
        given, cpgs = covariates_and_cpgs(self.covariates, covariates, table)
        score = self._score_against(y, table, _design(given, len(table)))
        p = table.shape[1]
        self.scores_, pvalues = np.full(p, np.nan), np.full(p, np.nan)
        for where in blocks(len(table), len(cpgs)):
            columns = cpgs[where]
            self.scores_[columns], pvalues[columns] = score.with_gaps(numbers(table, columns))
        tested = self.statistic != "variance"
        self.pvalues_ = pvalues if tested else None
        self.qvalues_ = _adjusted(pvalues) if tested else None
        k = len(cpgs) if self.k == "all" else self.k
        self._support = np.zeros(p, dtype=bool)
        self._support[cpgs[_order(self.scores_[cpgs], pvalues[cpgs])[:k]]] = True
        if self.keep_covariates:
            self._support |= ~np.isin(np.arange(p), cpgs)
        return self

    def transform(self, X: Any) -> Any:
        """Return the columns chosen, in their order in X.

        Parameters
        ----------
        X : frame or array-like of shape (n, p)
            The table.

        Returns
        -------
        ndarray of shape (n, n_chosen)
        """
        check_is_fitted(self)
        table = open_table(self, X, reset=False)
        columns = self.get_support(indices=True)
        return compute(table, columns, stored_dtype(table, columns), lambda values, _: values)

    def _get_support_mask(self) -> Any:
        check_is_fitted(self)
        return self._support

    def _score_against(self, y: Any, table: Any, design: Any) -> Score:
        """Build the score for a y and a design of covariates (n, q)."""
        if self.statistic == "variance":
            return Variance(design)
        y = _checked_target(y, table)
        if self.statistic == "correlation":
            return self._test(_as_numbers(y)[:, None], design)
        check_classification_targets(y)
        self.classes_, codes = np.unique(y, return_inverse=True)
        n_classes = len(self.classes_)
        if self.statistic == "F":
            if n_classes < 2:
                raise ValueError(
                    f"Got y of one class, {self.classes_.tolist()}, in n_samples={len(y)} rows, "
                    "but expected two or more for statistic='F'."
                )
            # m > 1 columns, so that the score is an F of two classes too
            return self._test((codes[:, None] == np.arange(n_classes)).astype(float), design)
        if n_classes != 2:
            raise ValueError(
                f"Got y of {n_classes} class{'es' * (n_classes > 1)} in n_samples={len(y)} rows, "
                f"but expected two for statistic={self.statistic!r}. Take statistic='F' for more "
                "classes, or statistic='correlation' for numbers."
            )
        if self.statistic == "t":
            return self._test(codes[:, None].astype(float), design)
        if design.shape[1]:
            raise ValueError(
                "Got covariates with statistic='welch', but expected none, as Welch's test knows "
                "no covariates: take statistic='t'."
            )
        return Welch(codes == 1)

    def _test(self, target: Any, design: Any) -> PartialTest:
        test = PartialTest(target, design)
        if not test.n_added:
            raise ValueError(
                "Got a y that is constant, or a linear combination of the covariates, so that no "
                f"CpG can be tested against it (n_samples={len(target)}). Leave out the covariate "
                "that determines y."
            )
        if test.df < 1:
            raise ValueError(
                f"Got n_samples={len(target)} rows, which are too few for a test with "
                f"{design.shape[1]} columns of covariates: expected more rows, or fewer covariates."
            )
        return test


def _design(covariates: Any, n: int) -> Any:
    """Return covariates as numbers (n, q)."""
    return np.empty((n, 0)) if covariates is None else Covariates(covariates)(covariates)


def _checked_target(y: Any, table: Any) -> Any:
    if y is None:
        raise ValueError(
            "SelectCpGs requires y to be passed, but the target y is None: only "
            "statistic='variance' does without."
        )
    y = column_or_1d(y, warn=True)
    check_consistent_length(table.X, y)
    refuse_gaps(y)
    return y


def _as_numbers(y: Any) -> Any:
    try:
        y = y.astype(float)
    except (TypeError, ValueError):
        raise ValueError(
            f"Got y of dtype {y.dtype}, e.g. {y[0]!r}, but expected numbers for "
            "statistic='correlation'. Take statistic='t' or 'F' for classes."
        ) from None
    if not np.isfinite(y).all():
        raise ValueError("Input y contains infinity: expected finite numbers.")
    return y


def _adjusted(p: Any) -> Any:
    """Return the p-values (p,) adjusted as by Benjamini and Hochberg, NaN where they are."""
    adjusted = np.full(len(p), np.nan)
    known = ~np.isnan(p)
    if known.any():
        adjusted[known] = false_discovery_control(p[known])
    return adjusted


def _order(scores: Any, p: Any) -> Any:
    """Rank columns from the best to the worst, those without a score at the end."""
    return np.lexsort((-np.abs(scores), p))
