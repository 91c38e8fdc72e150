"""A regressor for amounts that are often exactly 0: two estimators, a part of the answer each."""

from __future__ import annotations

import numpy as np
from sklearn.base import BaseEstimator, MetaEstimatorMixin, RegressorMixin, _fit_context, clone
from sklearn.dummy import DummyClassifier, DummyRegressor
from sklearn.utils import _safe_indexing, get_tags, indexable
from sklearn.utils._param_validation import HasMethods
from sklearn.utils.metadata_routing import (
    MetadataRouter,
    MethodMapping,
    _raise_for_params,
    _routing_enabled,
    process_routing,
)
from sklearn.utils.validation import (
    _check_method_params,
    _check_sample_weight,
    _check_y,
    check_is_fitted,
    has_fit_parameter,
    validate_data,
)

from skmlp.estimators.classifier import MLPClassifier
from skmlp.estimators.regressor import MLPRegressor


class TwoPartRegressor(MetaEstimatorMixin, RegressorMixin, BaseEstimator):
    """Amounts y >= 0 of which many are exactly 0: whether there is any, times how much.

    Of pack-years, costs or rainfall, many are 0 and the others have a long tail. A classifier
    learns P(y > 0 | x) from all rows, a regressor E(y | y > 0, x) from those with y > 0, and the
    prediction is their product, the mean of y. What drives the two may then differ. [1]_ [2]_

    Parameters
    ----------
    classifier : estimator or None, default=None
        Learns whether y > 0. Any with `predict_proba`; None is an
        :class:`~skmlp.MLPClassifier`.
    regressor : estimator or None, default=None
        Learns y where y > 0. None is an :class:`~skmlp.MLPRegressor`. Predictions below 0 count as
        0; those of ``MLPRegressor(loss="gamma")`` never are.
    log : bool, default=False
        Whether the regressor learns log(y) instead, which takes the length off the tail. As the
        mean is not the exponential of the mean logarithm, predictions are multiplied by
        `smearing_`. [3]_ It takes the errors of log(y) to be spread alike for all x, and is best
        with regressors that do not learn their training rows by heart.

    Attributes
    ----------
    classifier_ : estimator
        The fitted classifier; a :class:`~sklearn.dummy.DummyClassifier` if y was never, or always,
        above 0.
    feature_names_in_ : ndarray of shape (n_features_in_,)
        Names of the columns, where X had any.
    n_features_in_ : int
        Number of columns of X.
    regressor_ : estimator
        The fitted regressor; a :class:`~sklearn.dummy.DummyRegressor` if y was never above 0.
    smearing_ : float
        Weighted mean, over the training rows with y > 0, of y / exp(prediction of its logarithm);
        1 without `log`, 0 if y was never above 0.

    See Also
    --------
    skmlp.MLPRegressor : Its ``loss="tweedie"`` is for such amounts too, in one part.
    sklearn.compose.TransformedTargetRegressor : Another way to learn log(y), for y > 0.

    References
    ----------
    .. [1] Cragg (1971), "Some statistical models for limited dependent variables with application
       to the demand for durable goods", Econometrica 39.
    .. [2] Duan, Manning, Morris & Newhouse (1983), "A comparison of alternative models for the
       demand for medical care", Journal of Business & Economic Statistics 1.
    .. [3] Duan (1983), "Smearing estimate: a nonparametric retransformation method", Journal of the
       American Statistical Association 78.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn.linear_model import LinearRegression, LogisticRegression
    >>> from skmlp import TwoPartRegressor
    >>> rng = np.random.default_rng(0)
    >>> X = rng.normal(size=(500, 2))
    >>> smokes = X[:, 0] + rng.logistic(size=500) > 0
    >>> pack_years = smokes * np.exp(X[:, 1] + rng.normal(size=500))
    >>> model = TwoPartRegressor(LogisticRegression(), LinearRegression(), log=True)
    >>> model.fit(X, pack_years).smearing_ > 1
    True
    >>> whether, how_much = model.predict_positive(X), model.predict_amount(X)
    >>> bool((model.predict(X) == whether * how_much).all())
    True

    The parts' parameters are the model's too:

    >>> model.set_params(classifier__C=0.1).classifier
    LogisticRegression(C=0.1)
    """

    _parameter_constraints = {
        "classifier": [HasMethods(["fit", "predict_proba"]), None],
        "regressor": [HasMethods(["fit", "predict"]), None],
        "log": ["boolean"],
    }

    def __init__(self, classifier=None, regressor=None, *, log=False):
        self.classifier = classifier
        self.regressor = regressor
        self.log = log

    @_fit_context(prefer_skip_nested_validation=False)  # the parts check their own parameters
    def fit(self, X, y, sample_weight=None, **params):
        """Fit both parts.

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Training samples, in any form that both parts take.
        y : array-like of shape (n_samples,)
            Amounts, none negative.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights, none negative. Rows of weight 0 are left out.
        **params : dict
            What the parts' `fit` has requested beside, by scikit-learn's metadata routing. Of what
            has a value for each row, the regressor gets those of the rows with y > 0.

        Returns
        -------
        self : TwoPartRegressor
        """
        validate_data(self, X, y, skip_check_array=True)
        y = _check_y(y, y_numeric=True, estimator=self)
        X, y = indexable(X, y)
        if (y < 0).any():
            raise ValueError(
                f"y: got {y.min()}, but expected amounts, which are 0 or above. Correct such rows, "
                "or fit a regressor for numbers of either sign"
            )
        if sample_weight is not None:
            sample_weight = _check_sample_weight(sample_weight, X, ensure_non_negative=True)
        rows = np.arange(len(y)) if sample_weight is None else np.flatnonzero(sample_weight)
        if len(rows) == 0:
            raise ValueError("sample_weight: all weights are zero; give some rows a positive one")
        of_classifier, of_regressor = self._requested(sample_weight, params)
        classifier, regressor = map(clone, self._parts())
        positive = rows[y[rows] > 0]
        if len(positive) in (0, len(rows)):  # no classifier need take a single class
            classifier, of_classifier = DummyClassifier(), {}
        self.classifier_ = _fitted(classifier, X, y[rows] > 0, rows, of_classifier)
        if len(positive) == 0:
            self.regressor_, self.smearing_ = DummyRegressor().fit(X, y), 0.0
            return self
        target = np.log(y[positive]) if self.log else y[positive]
        self.regressor_, self.smearing_ = _fitted(regressor, X, target, positive, of_regressor), 1.0
        if self.log:
            errors = target - self.regressor_.predict(_safe_indexing(X, positive))
            weights = None if sample_weight is None else sample_weight[positive]
            self.smearing_ = float(np.average(np.exp(errors), weights=weights))
        return self

    def predict(self, X):
        """Predict the mean amount: P(y > 0 | x) E(y | y > 0, x).

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples.

        Returns
        -------
        ndarray of shape (n_samples,)
        """
        return self.predict_positive(X) * self.predict_amount(X)

    def predict_positive(self, X):
        """Predict the probability that there is anything: P(y > 0 | x).

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples.

        Returns
        -------
        ndarray of shape (n_samples,)
        """
        check_is_fitted(self)
        p = self.classifier_.predict_proba(X)[:, -1]
        return p if self.classifier_.classes_[-1] else np.zeros_like(p)

    def predict_amount(self, X):
        """Predict how much there is, if there is anything: E(y | y > 0, x).

        Parameters
        ----------
        X : {array-like, sparse matrix} of shape (n_samples, n_features)
            Samples.

        Returns
        -------
        ndarray of shape (n_samples,)
            None below 0.
        """
        check_is_fitted(self)
        values = self.regressor_.predict(X)
        return self.smearing_ * (np.exp(values) if self.log else np.maximum(values, 0))

    def _parts(self):
        """Return classifier and regressor, not fitted."""
        given = (self.classifier, MLPClassifier), (self.regressor, MLPRegressor)
        return [_weighable(default()) if part is None else part for part, default in given]

    def _requested(self, sample_weight, params):
        """Return what goes to `fit` of the classifier, and of the regressor, beside X and y."""
        if _routing_enabled():
            routed = process_routing(self, "fit", sample_weight=sample_weight, **params)
            return routed.classifier.fit, routed.regressor.fit
        _raise_for_params(params, self, "fit")
        if sample_weight is None:
            return {}, {}
        for part in self._parts():
            if not has_fit_parameter(part, "sample_weight"):
                raise ValueError(
                    f"sample_weight was given, but {type(part).__name__}.fit takes none. Leave it "
                    "out, take another part, or say who gets it, by scikit-learn's metadata routing"
                )
        return [{"sample_weight": sample_weight}] * 2

    def get_metadata_routing(self):
        """Say who gets what of the metadata given to `fit`.

        Returns
        -------
        routing : MetadataRouter
        """
        fits = MethodMapping().add(caller="fit", callee="fit")
        router = MetadataRouter(owner=self).add_self_request(self)
        for name, part in zip(("classifier", "regressor"), self._parts(), strict=True):
            router.add(**{name: part}, method_mapping=fits)
        return router

    def __sklearn_tags__(self):
        """Amounts are not negative; X is what both parts take."""
        tags = super().__sklearn_tags__()
        parts = [get_tags(part).input_tags for part in self._parts()]
        for name in ("sparse", "allow_nan", "categorical", "string"):
            setattr(tags.input_tags, name, all(getattr(part, name) for part in parts))
        tags.target_tags.positive_only = True
        return tags


def _weighable(part):
    """Return an estimator that requests weights, where metadata is routed."""
    return part.set_fit_request(sample_weight=True) if _routing_enabled() else part


def _fitted(part, X, y, rows, params):
    """Fit an estimator to some rows of X, whose y these are."""
    params = _check_method_params(X, params, indices=rows)
    return part.fit(_safe_indexing(X, rows), y, **params)
