"""Permutation importance, of columns or of whole groups of them."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.metrics import check_scoring
from sklearn.utils import Bunch, check_array, check_random_state
from sklearn.utils.parallel import Parallel, delayed

from skmlp.inspection._groups import columns_of


def permutation_importance(
    model: Any,
    X: Any,
    y: Any,
    *,
    groups: Any = None,
    scoring: Any = None,
    n_repeats: int = 5,
    n_jobs: int | None = None,
    random_state: Any = None,
    sample_weight: Any = None,
    verbose: int = 0,
) -> Bunch:
    """Return how far a score falls when a column, or a group of columns, is shuffled.

    Of two columns that say the same, neither is missed while the other is there. Shuffled
    together, as one group, they show what both are worth: correlated probes, the CpGs of a gene,
    the 0/1 columns of one category. The rows of a group stay together.

    Parameters
    ----------
    model : estimator
        Fitted, of any kind; a Pipeline will do.
    X : frame of pandas, or ndarray of shape (n, p)
        Rows to score, best those that `model` was not fitted to.
    y : array-like of shape (n,) or (n, n_outputs)
        Their targets.
    groups : dict, array-like of shape (p,) or None, default=None
        A dict gives names to lists of columns, by name or position; columns may be in several or
        none. An array holds the name of each column's group, missing for none; it may be a Series
        with the columns as its index. None takes each column alone.
    scoring : str, callable or None, default=None
        One scorer; None for the model's ``score``.
    n_repeats : int, default=5
        Shuffles of each group.
    n_jobs : int or None, default=None
        Processes or threads, as joblib has it.
    random_state : int, RandomState instance or None, default=None
        Source of the shuffles, the same for each group.
    sample_weight : array-like of shape (n,), default=None
        Weights for the score.
    verbose : int, default=0
        Joblib's: from 1 on it tells how many groups are done, and the time left.

    Returns
    -------
    :class:`~sklearn.utils.Bunch`
        - ``importances_mean``, ``importances_std``: ndarray of shape (n_groups,).
        - ``importances``: ndarray of shape (n_groups, n_repeats), the score of X as it is minus
          that with the group shuffled.
        - ``group_names``: list, in the order of the above; the columns' names, or positions,
          without `groups`.

    Raises
    ------
    ValueError
        If `groups` names a column that X does not have, or has no name for each column.
    TypeError
        If X is neither a frame of pandas nor dense.

    Notes
    -----
    A column alone gets the same numbers, digit for digit, as from
    :func:`sklearn.inspection.permutation_importance`.

    References
    ----------
    Breiman (2001), "Random forests", Machine Learning 45, 5-32, section 10; Gregorutti, Michel &
    Saint-Pierre (2015), "Grouped variable importance with random forests and application to
    multiple functional data analysis", Computational Statistics & Data Analysis 90, 15-35, for
    groups.

    Examples
    --------
    >>> from sklearn.linear_model import LinearRegression
    >>> from skmlp.inspection.importance import permutation_importance
    >>> rng = np.random.default_rng(0)
    >>> a, b = rng.normal(size=(2, 200))
    >>> X, y = np.stack([a, a, b], axis=1), a + b
    >>> model = LinearRegression().fit(X, y)
    >>> groups = {"a, twice": [0, 1], "b": [2]}
    >>> found = permutation_importance(model, X, y, groups=groups, random_state=0)
    >>> found.group_names, found.importances_mean.round(1)
    (['a, twice', 'b'], array([1. , 1.1]))
    """
    if not hasattr(X, "columns"):
        X = check_array(X, ensure_all_finite="allow-nan", dtype=None)
    elif not hasattr(X, "iloc"):
        raise TypeError(
            f"Got X of type {type(X).__name__}, but expected a frame of pandas or an array; "
            "convert it, e.g. by X.to_pandas()"
        )
    names = list(getattr(X, "columns", range(X.shape[1])))
    chosen = dict(enumerate(range(len(names)))) if groups is None else columns_of(groups, names)
    seed = check_random_state(random_state).randint(np.iinfo(np.int32).max + 1)
    weights = {} if sample_weight is None else {"sample_weight": sample_weight}
    scorer = check_scoring(model, scoring)
    score = scorer(model, X, y, **weights)

    def fallen(columns: Any) -> list[Any]:
        """Return the scores with these columns shuffled, again and again."""
        rng, order = np.random.RandomState(seed), np.arange(len(X))
        place, scores = np.arange(len(X)), []
        for _ in range(n_repeats):
            rng.shuffle(order)
            place = place[order]
            scores.append(scorer(model, _moved(X, columns, place), y, **weights))
        return scores

    jobs = (delayed(fallen)(np.atleast_1d(columns)) for columns in chosen.values())
    importances = score - np.array(Parallel(n_jobs=n_jobs, verbose=verbose)(jobs))
    return Bunch(
        importances_mean=importances.mean(axis=1),
        importances_std=importances.std(axis=1),
        importances=importances,
        group_names=names if groups is None else list(chosen),
    )


def _moved(X: Any, columns: Any, order: Any) -> Any:
    """Return X with the rows of some columns in another order."""
    if not hasattr(X, "iloc"):
        out = X.copy()
        out[:, columns] = X[np.ix_(order, columns)]
        return out
    out = X.copy(deep=False)
    for j in columns:
        out.isetitem(j, X.iloc[:, j].array[order])
    return out
