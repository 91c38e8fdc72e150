"""The transformer of mixed tables."""

from __future__ import annotations

from numbers import Integral
from typing import Any

import numpy as np
from sklearn.base import BaseEstimator, TransformerMixin, _fit_context
from sklearn.utils import _safe_indexing
from sklearn.utils._param_validation import Interval, StrOptions
from sklearn.utils.validation import (
    _check_feature_names_in,
    _check_sample_weight,
    check_is_fitted,
    validate_data,
)

from .columns import ColumnEncoder
from .containers import read
from .statistics import Standardizer


class TableEncoder(TransformerMixin, BaseEstimator):
    r"""Turn a table of numbers, categories and gaps into an array for a neural network.

    Categories become 0/1 columns: one for each category, or a single one of -1 and +1 where they
    are two. Then every column x, with quantiles q of ``fit``, is scaled robustly and clipped
    smoothly,

    .. math::

        z = s (x - q_{1/2}), \qquad
        s = \begin{cases}
            1 / (q_{3/4} - q_{1/4}) & \text{if } q_{3/4} \ne q_{1/4} \\
            2 / (q_1 - q_0)         & \text{else, if } q_1 \ne q_0 \\
            0                       & \text{else,}
        \end{cases} \qquad
        x' = \frac{z}{\sqrt{1 + (z/3)^2}},

    so that half of the values lie within one unit, and an outlier is still the largest but
    never beyond 3 (Holzmüller et al., 2024). A missing number becomes 0, the median, and a 0/1
    column indicates it. A category that is missing, or was not seen in ``fit``, is 0 in all its
    columns before they are scaled.

    Parameters
    ----------
    categorical_features : "from_dtype", None, array-like of bool, int or str, \
            default="from_dtype"
        Which columns are categories: a mask, positions, or names. "from_dtype" takes columns of
        type category, string or bool and of objects with text among them; None takes none.
    scaling : {"robust", "standard"} or None, default="robust"
        "standard" subtracts the mean, divides by the standard deviation and clips nothing; None
        leaves numbers and 0/1 columns as they are, and puts the median where one is missing.
    max_one_hot : int or None, default=None
        A column with more categories than this becomes one column of codes, which are not
        scaled: 0 for what is missing or was not seen, then 1, 2, ... None for never.
    indicators : bool, default=True
        Whether each column of numbers with gaps in ``fit`` gets a 0/1 column that tells of them.

    Attributes
    ----------
    encoder_ : ColumnEncoder
        The columns' kinds and categories.
    standardizer_ : Standardizer
        Their shift and scale.
    n_features_in_ : int
        Number of columns seen in ``fit``.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Their names, where all are strings.

    Notes
    -----
    A row of weight k counts as k rows, and one of weight 0 as none: quantiles are values of the
    table, not between two of them. Categories are matched by value and columns of an unnamed
    table by position.

    References
    ----------
    Holzmüller, Grinsztajn and Steinwart, "Better by default: strong pre-tuned MLPs and boosted
    trees on tabular data", NeurIPS 2024: the appendix on robust scaling and smooth clipping.

    Examples
    --------
    >>> import pandas as pd
    >>> from skmlp.preprocessing import TableEncoder
    >>> X = pd.DataFrame(
    ...     {"age": [20, 30, 40, None, 900], "job": ["smith", "clerk", "baker", "clerk", None]}
    ... )
    >>> encoder = TableEncoder().fit(X)
    >>> encoder.get_feature_names_out().tolist()
    ['age', 'age_missing', 'job_baker', 'job_clerk', 'job_smith']
    >>> encoder.transform(X)[:, :2].round(3)  # the outlier is clipped, the gap is the median
    array([[-0.493,  0.   ],
           [ 0.   ,  0.   ],
           [ 0.493,  0.   ],
           [ 0.   ,  1.664],
           [ 2.993,  0.   ]])

    A category that ``fit`` has not seen is no error; infinity is, by name:

    >>> encoder.transform(pd.DataFrame({"age": [30], "job": ["pilot"]})).round(3) + 0.0
    array([[0., 0., 0., 0., 0.]])
    >>> encoder.fit(pd.DataFrame({"age": [1.0, float("inf")]}))
    Traceback (most recent call last):
        ...
    ValueError: Input X contains infinity: in column 'age', row 1. Put the largest value that ...
    """

    _parameter_constraints = {
        "categorical_features": ["array-like", StrOptions({"from_dtype"}), None],
        "scaling": [StrOptions({"robust", "standard"}), None],
        "max_one_hot": [Interval(Integral, 0, None, closed="left"), None],
        "indicators": ["boolean"],
    }

    def __init__(
        self,
        *,
        categorical_features: Any = "from_dtype",
        scaling: Any = "robust",
        max_one_hot: Any = None,
        indicators: bool = True,
    ) -> None:
        self.categorical_features = categorical_features
        self.scaling = scaling
        self.max_one_hot = max_one_hot
        self.indicators = indicators

    @_fit_context(prefer_skip_nested_validation=True)
    def fit(self, X: Any, y: Any = None, sample_weight: Any = None) -> TableEncoder:
        """Learn categories and statistics.

        Parameters
        ----------
        X : frame or array-like of shape (n, p)
            The table; NaN, None and the like for what is missing.
        y : None
            Not read.
        sample_weight : array-like of shape (n,), default=None
            Weights of the rows.

        Returns
        -------
        self
        """
        table = read(X)
        validate_data(self, X, skip_check_array=True)
        w = None
        if sample_weight is not None:
            w = _check_sample_weight(sample_weight, table.X, ensure_non_negative=True)
            if not w.any():
                raise ValueError("All values of sample_weight are 0: some row must count.")
            if not w.all():
                rows = np.flatnonzero(w)
                table, w = read(_safe_indexing(table.X, rows)), w[rows]
        self.encoder_ = ColumnEncoder(
            categorical_features=self.categorical_features,
            max_one_hot=self.max_one_hot,
            indicators=self.indicators,
        ).fit(table)
        self.standardizer_ = Standardizer(
            self.encoder_.transform(table),
            w,
            how=self.scaling or "robust",
            n_plain=len(self.encoder_.cardinalities_),
        )
        return self

    def transform(self, X: Any) -> Any:
        """Return the table as an array.

        Parameters
        ----------
        X : frame or array-like of shape (n, p)
            Columns as in ``fit``.

        Returns
        -------
        ndarray of shape (n, n_columns_out)
            Without NaN, of float64, or of float32 if X is and has no categories.
        """
        check_is_fitted(self)
        table = read(X)
        validate_data(self, X, reset=False, skip_check_array=True)
        encoded = self.encoder_.transform(table)
        if self.scaling is None:
            return np.where(np.isnan(encoded), self.standardizer_.shift, encoded)
        return self.standardizer_(encoded)

    def get_feature_names_out(self, input_features: Any = None) -> Any:
        """Name the columns of the array.

        Parameters
        ----------
        input_features : array-like of str, default=None
            Names of the table's columns, where ``fit`` saw none.

        Returns
        -------
        ndarray of shape (n_columns_out,)
        """
        check_is_fitted(self)
        names = _check_feature_names_in(self, input_features)
        return np.asarray(self.encoder_.feature_names_out(names), dtype=object)

    def __sklearn_tags__(self) -> Any:
        """Accept missing values and categories.

        The tag for text would promise that anything at all in a column of objects is accepted.
        """
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = True
        tags.input_tags.categorical = True
        return tags
