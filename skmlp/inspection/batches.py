"""How much of a score comes from the batches in which samples were measured."""

from __future__ import annotations

import warnings
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import chi2_contingency, f_oneway
from sklearn.base import is_classifier
from sklearn.model_selection import (
    GroupKFold,
    KFold,
    StratifiedGroupKFold,
    StratifiedKFold,
)
from sklearn.utils import Bunch
from sklearn.utils.validation import check_consistent_length, column_or_1d

from skmlp.model_selection import cross_val_score

#: A target that goes with the batches more clearly than this p-value deserves a warning.
_ALARMING = 0.01


def batch_report(
    estimator: Any,
    X: Any,
    y: Any,
    batch: Any,
    *,
    scoring: Any = None,
    cv: int = 5,
    random_state: int | None = 0,
    n_jobs: int | None = None,
) -> Bunch:
    r"""Score an estimator by ordinary folds and by folds of whole batches, side by side.

    Samples that were processed together (a plate, a chip, a study) resemble each other for
    reasons that have nothing to do with the people. Where a batch holds mostly smokers, a network
    learns the batch, and ordinary folds, which have rows of every batch on both sides, cannot
    tell. Folds of whole batches can: what the score loses there was the batch.

    Parameters
    ----------
    estimator : estimator
        Bare or a pipeline; it is cloned.
    X : {array-like, frame} of shape (n, p)
        Samples.
    y : array-like of shape (n,)
        Classes where the estimator is a classifier, else numbers.
    batch : array-like of shape (n,)
        The batch of each sample.
    scoring : str, callable or None, default=None
        As for `cross_val_score`; None for the estimator's own score.
    cv : int, default=5
        Number of folds of either kind; of whole batches no more than there are batches.
    random_state : int or None, default=0
        How rows and batches are dealt out.
    n_jobs : int or None, default=None
        Number of processes.

    Returns
    -------
    Bunch
        - ``scores``: DataFrame with a row for "rows" and for "batches" held out, and the columns
          ``mean``, ``standard_error`` (over folds) and ``n_folds``, those with a score.
        - ``association``: float in [0, 1]: Cramér's V between batch and classes, corrected for
          its bias, or the share of the variance of y between batches, likewise corrected
          (:math:`\epsilon^2`).
        - ``pvalue``: float, of the chi-squared test or the analysis of variance.

    Warns
    -----
    UserWarning
        If the batch predicts the target: the p-value is below 0.01.

    References
    ----------
    Leek et al., "Tackling the widespread and critical impact of batch effects in high-throughput
    data", Nature Reviews Genetics 11, 2010.

    Bergsma, "A bias-correction for Cramér's V and Tschuprow's T", Journal of the Korean
    Statistical Society 42, 2013; Kelley, "An unbiased correlation ratio measure", PNAS 21, 1935.

    Examples
    --------
    >>> import numpy as np
    >>> from skmlp import MLPClassifier
    >>> from skmlp.inspection import batch_report
    >>> rng = np.random.default_rng(0)
    >>> batch = np.repeat(["a", "b", "c", "d", "e", "f"], 20)
    >>> X = rng.normal(size=(120, 5)) + 2 * rng.normal(size=(6, 5)).repeat(20, axis=0)
    >>> y = rng.integers(0, 2, size=120)  # nothing to be found, in batches all alike
    >>> report = batch_report(MLPClassifier(max_iter=20, random_state=0), X, y, batch)
    >>> report.scores["n_folds"].tolist(), bool(report.pvalue > 0.01)
    ([5, 5], True)
    """
    y, batch = column_or_1d(y), column_or_1d(batch)
    check_consistent_length(X, y, batch)
    n_batches = len(np.unique(batch))
    if n_batches < 2:
        raise ValueError(
            f"Got batch with {n_batches} value, but expected the batch of each sample, two or "
            "more: there is nothing to compare."
        )
    classes = is_classifier(estimator)
    association, pvalue = (_cramer if classes else _epsilon)(y, batch)
    if pvalue < _ALARMING:
        warnings.warn(
            f"The batch predicts the target (association {association:.2f}, p={pvalue:.2g}): rely "
            "on the score with batches held out, and see whether the batches can be balanced.",
            stacklevel=2,
        )
    shuffled = {"shuffle": True, "random_state": random_state}
    by_rows = (StratifiedKFold if classes else KFold)(cv, **shuffled)
    by_batches = (StratifiedGroupKFold if classes else GroupKFold)(min(cv, n_batches), **shuffled)
    rows = {}
    for held_out, splitter, groups in (("rows", by_rows, None), ("batches", by_batches, batch)):
        scores = cross_val_score(
            estimator, X, y, groups=groups, cv=splitter, scoring=scoring, n_jobs=n_jobs
        )
        scores = pd.Series(scores).dropna()  # it is missing where all held out are of one class
        rows[held_out] = {
            "mean": scores.mean(),
            "standard_error": scores.sem(),
            "n_folds": len(scores),
        }
    table = pd.DataFrame.from_dict(rows, orient="index").rename_axis("held_out")
    return Bunch(scores=table, association=association, pvalue=pvalue)


def _cramer(y: Any, batch: Any) -> tuple[float, float]:
    """Return Cramér's V, corrected for its bias, and the p-value of the chi-squared test."""
    counts = pd.crosstab(y, batch).to_numpy()
    n, (r, c) = counts.sum(), counts.shape
    if r < 2:
        return 0.0, 1.0
    test = chi2_contingency(counts, correction=False)
    phi = max(0.0, test.statistic / n - (r - 1) * (c - 1) / (n - 1))
    least = min(r - (r - 1) ** 2 / (n - 1), c - (c - 1) ** 2 / (n - 1)) - 1
    return float(np.sqrt(phi / least)) if least > 0 else 0.0, float(test.pvalue)


def _epsilon(y: Any, batch: Any) -> tuple[float, float]:
    """Return epsilon squared, and the p-value of the analysis of variance."""
    y = np.asarray(y, dtype=float)
    parts = [y[batch == one] for one in np.unique(batch)]
    total, within = ((y - y.mean()) ** 2).sum(), sum(((p - p.mean()) ** 2).sum() for p in parts)
    n, k = len(y), len(parts)
    if total == 0 or n <= k:
        return 0.0, 1.0
    if within == 0:
        return 1.0, 0.0
    share = (total - within - (k - 1) * within / (n - k)) / total
    return float(max(0.0, share)), float(f_oneway(*parts).pvalue)
