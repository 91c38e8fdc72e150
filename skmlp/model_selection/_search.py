"""Searches over parameters, whose candidates are trained as stacks."""

from __future__ import annotations

from typing import Any

import sklearn.model_selection as skl
from sklearn.base import _fit_context
from sklearn.experimental import enable_halving_search_cv  # noqa: F401 - it is an experiment there
from sklearn.model_selection._search import BaseSearchCV
from sklearn.model_selection._search_successive_halving import BaseSuccessiveHalving

from skmlp.model_selection._parallel import StackingParallel, resource, with_names


class _Stacking(BaseSearchCV):
    """A search whose fits are done by another Parallel; the rest of fit is scikit-learn's."""

    fit = _fit_context(prefer_skip_nested_validation=False)(
        with_names(BaseSearchCV.fit, Parallel=StackingParallel)
    )


class _Resuming(BaseSuccessiveHalving, _Stacking):
    """A search by halving, in which networks go on where the last round left them."""

    def fit(self, X: Any, y: Any = None, **params: Any) -> Any:
        """Run fit with all sets of parameters, as scikit-learn's search does.

        Parameters
        ----------
        X : array-like of shape (n_samples, n_features)
            Training samples.
        y : array-like of shape (n_samples,) or (n_samples, n_outputs), default=None
            Their targets.
        **params : dict
            Passed on to the estimator's fit, the scorer and the splitter.

        Returns
        -------
        self : estimator
        """
        is_epochs = self.resource.rpartition("__")[2] == "max_iter"
        asked = resource.set(self.resource if is_epochs else None)
        try:
            return super().fit(X, y, **params)
        finally:
            resource.reset(asked)


class GridSearchCV(_Stacking, skl.GridSearchCV):
    """All combinations of a grid of parameters, their networks trained as stacks.

    It takes the place of :class:`sklearn.model_selection.GridSearchCV`: parameters, attributes
    and results are the same, only sooner there. Candidates x folds whose networks have the same
    layers, activation, batch size, solver and number of epochs are rows of one stack, however
    they differ in learning rate, penalties, decay, momentum, dropout, label smoothing, weights of
    classes, seed, tolerance or patience. An estimator without an MLP in it is searched as by
    scikit-learn.

    Parameters
    ----------
    estimator : estimator
        An MLP, or a pipeline or other estimator with one in it. Steps before the network are
        fitted once for each fold and setting, not for each candidate.
    param_grid : dict or list of dict
        Values to try, by the names of parameters.
    scoring : str, callable, list, tuple or dict, default=None
        One score or several; None for the estimator's own.
    n_jobs : int, default=None
        Processes. They are worth their start where a search takes more than some seconds.
    refit : bool, str or callable, default=True
        Whether, or by which score, the best candidate is fitted to all rows at the end.
    cv : int, splitter or iterable, default=None
        Folds; None for five.
    verbose : int, default=0
        From 1 on, the number of fits done and the time left are shown; from 2 on, each fit.
    pre_dispatch : int or str, default="2*n_jobs"
        How many units of fits are handed to the processes ahead of time.
    error_score : "raise" or float, default=nan
        Score of a candidate that cannot be fitted, or diverges, while the others go on; a
        :class:`~sklearn.exceptions.FitFailedWarning` names it.
    return_train_score : bool, default=False
        Whether to score the training rows too.

    Attributes
    ----------
    cv_results_ : dict of ndarray
        As scikit-learn's. A fit's time is its own, with its share of the stack's.
    best_estimator_, best_params_, best_score_, best_index_, refit_time_ : object
        As scikit-learn's.

    Examples
    --------
    >>> from sklearn.datasets import load_wine
    >>> from skmlp import MLPClassifier
    >>> from skmlp.model_selection import GridSearchCV
    >>> X, y = load_wine(return_X_y=True)
    >>> model = MLPClassifier(n_estimators=1, max_iter=30, random_state=0)
    >>> search = GridSearchCV(model, {"learning_rate_init": [1e-5, 1e-2]}, cv=3).fit(X, y)
    >>> search.best_params_
    {'learning_rate_init': 0.01}
    """


class RandomizedSearchCV(_Stacking, skl.RandomizedSearchCV):
    """Parameters drawn at random, their networks trained as stacks.

    It takes the place of :class:`sklearn.model_selection.RandomizedSearchCV`; see
    :class:`GridSearchCV` for what is done as one stack.

    Parameters
    ----------
    estimator : estimator
        An MLP, or an estimator with one in it.
    param_distributions : dict or list of dict
        Lists or distributions, by the names of parameters.
    n_iter : int, default=10
        Candidates.
    scoring, n_jobs, refit, cv, verbose, pre_dispatch, error_score, return_train_score
        As for :class:`GridSearchCV`.
    random_state : int, RandomState or None, default=None
        Of the draws.
    """


class HalvingGridSearchCV(_Resuming, skl.HalvingGridSearchCV):
    """A grid whose worse candidates leave round by round, trained as stacks.

    It takes the place of :class:`sklearn.model_selection.HalvingGridSearchCV`, without the import
    that switches that on. Where the resource is the number of epochs (``resource="max_iter"``,
    or ``"mlpclassifier__max_iter"`` in a pipeline), a network goes on where the last round left
    it, if that leads to the same network as a new start would: with a constant or adaptive
    learning rate, ``averaging=None``, and no schedule of dropout or decay. Others start anew,
    as with scikit-learn.

    Parameters
    ----------
    estimator : estimator
        An MLP, or an estimator with one in it.
    param_grid : dict or list of dict
        Values to try, by the names of parameters.
    factor : float, default=3
        A candidate in so many survives a round, with so many times the resource.
    resource : str, default="n_samples"
        What grows: the number of rows, or the name of a parameter that is a number.
    max_resources : int or "auto", default="auto"
        The most that a candidate gets.
    min_resources : int, "exhaust" or "smallest", default="exhaust"
        What each candidate starts with.
    aggressive_elimination : bool, default=False
        Whether the first round is repeated until few enough candidates are left.
    random_state : int, RandomState or None, default=None
        Of the rows drawn.
    cv, scoring, refit, error_score, return_train_score, n_jobs, verbose
        As for :class:`GridSearchCV`.

    References
    ----------
    Jamieson & Talwalkar (2016), "Non-stochastic best arm identification and hyperparameter
    optimization", AISTATS, section 3.
    """


class HalvingRandomSearchCV(_Resuming, skl.HalvingRandomSearchCV):
    """Parameters drawn at random, the worse leaving round by round, trained as stacks.

    It takes the place of :class:`sklearn.model_selection.HalvingRandomSearchCV`; networks go on
    from round to round as in :class:`HalvingGridSearchCV`.

    Parameters
    ----------
    estimator : estimator
        An MLP, or an estimator with one in it.
    param_distributions : dict or list of dict
        Lists or distributions, by the names of parameters.
    n_candidates : int or "exhaust", default="exhaust"
        Candidates of the first round.
    factor, resource, max_resources, min_resources, aggressive_elimination, random_state
        As for :class:`HalvingGridSearchCV`.
    cv, scoring, refit, error_score, return_train_score, n_jobs, verbose
        As for :class:`GridSearchCV`.
    """
