"""Which CpGs and genes matter, in all of several fits: importance that bears a new sample."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import is_classifier
from sklearn.pipeline import Pipeline

from skmlp.inspection._answers import outputs
from skmlp.inspection._groups import column_names, columns_of
from skmlp.inspection._opened import gathered, origins, require_model
from skmlp.inspection.attributions import integrated_batches
from skmlp.inspection.classic import olden


def stable_importance(
    estimators: Any,
    X: Any,
    *,
    method: str | Callable[[Any, Any], Any] = "integrated_gradients",
    groups: Any = None,
    top: int = 20,
    feature_names: Any = None,
    **options: Any,
) -> pd.DataFrame:
    """Return how much each column matters on average over several fits, and how surely.

    A few hundred people and hundreds of thousands of CpGs, many of them correlated, leave a
    network much choice: another fold, or another seed, and it relies on other columns. What
    matters in all of the fits is a finding; what matters in one is chance.

    Parameters
    ----------
    estimators : sequence of estimators
        Fitted, at least two: ``cross_validate(..., return_estimator=True)["estimator"]``, or the
        same model under several seeds. Networks, or Pipelines that end in one, whose other steps
        may have chosen other columns in each fit. Leave their ``random_state`` at None, or give
        each its own: fits of one seed start from one draw of weights, and where there are many
        columns that alone makes them look alike.
    X : frame or array of shape (n, p)
        Rows to explain, as the estimators take them.
    method : {"integrated_gradients", "olden"} or callable, default="integrated_gradients"
        What is taken of each fit: the mean size of the :func:`integrated_gradients` of the rows,
        over all outputs; the size of the products of weights, :func:`olden`, which reads no rows;
        or a function of a network and its (transformed) rows that returns one number, or for each
        row one number, for each of their columns.
    groups : dict, array-like or None, default=None
        Groups, such as genes, as in :func:`permutation_importance`, which then take the place of
        their columns, with the sum of their importances. A column of no group stands for itself.
    top : int, default=20
        How many count as chosen in a fit, if they matter at all.
    feature_names : sequence of str, default=None
        Names of the columns of X, where X has none.
    **options : dict
        For :func:`integrated_gradients`, such as ``baseline``, ``output`` or ``verbose``.

    Returns
    -------
    DataFrame
        One row for each column or group, the most important first: "importance" (mean share of a
        fit's sum, so that each fit has the same weight), "std" (over the fits), "top_share" (share
        of fits in which it is among the `top`), "rank" (by the mean, 1 is first). A column that a
        fit does not use has importance 0 there. ``attrs["stability"]`` is
        :func:`selection_stability` of the `top` of all fits, ``attrs["fits"]`` a frame with each
        fit's shares.

    Raises
    ------
    ValueError
        If there are fewer than two estimators, `method` is unknown, or a step of a Pipeline does
        not tell what its columns are called.

    Notes
    -----
    What a network relies on is not what causes the outcome, and not all that goes with it: of two
    correlated CpGs it may take either. Sums over genes, or over :func:`correlated_groups`, are
    steadier than single columns, but larger groups have more to sum.

    References
    ----------
    Meinshausen & Bühlmann (2010), "Stability selection", Journal of the Royal Statistical Society
    B 72, 417-473, for shares of fits; Nogueira, Sechidis & Brown (2018), "On the stability of
    feature selection algorithms", JMLR 18(174), 1-54.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from skmlp import MLPClassifier
    >>> from skmlp.inspection.genes import stable_importance
    >>> X, y = load_breast_cancer(return_X_y=True, as_frame=True)
    >>> fits = [
    ...     MLPClassifier((8,), max_iter=10, random_state=seed).fit(X[seed::3], y[seed::3])
    ...     for seed in range(3)
    ... ]
    >>> found = stable_importance(fits, X, top=10)
    >>> found.columns.tolist(), float(found["importance"].sum().round(6))
    (['importance', 'std', 'top_share', 'rank'], 1.0)
    >>> -0.5 < found.attrs["stability"] < 1
    True
    """
    if len(estimators) < 2:
        raise ValueError(f"estimators: got {len(estimators)}, but expected at least two fits")
    names = column_names(X, feature_names)
    each = [_shares(estimator, X, names, method, options) for estimator in estimators]
    fits = pd.concat(each, axis=1).fillna(0.0)  # (columns, fits)
    unused = pd.Index(names).difference(fits.index, sort=False)
    fits = fits.reindex([*fits.index, *unused], fill_value=0.0)
    if groups is not None:
        fits = fits.groupby(_labels(fits.index, groups), sort=False).sum()
    chosen = (fits.rank(ascending=False, method="first") <= top) & (fits > 0)
    found = pd.DataFrame(
        {"importance": fits.mean(axis=1), "std": fits.std(axis=1), "top_share": chosen.mean(axis=1)}
    )
    found = found.sort_values("importance", ascending=False, kind="stable")
    found.attrs["stability"] = selection_stability(chosen.T)
    return found.assign(rank=range(1, len(found) + 1))


def _shares(estimator: Any, X: Any, names: list[Any], method: Any, options: Any) -> pd.Series:
    """Return each column's share of the importance in one fit, by its name."""
    if isinstance(estimator, Pipeline):
        if len(estimator) > 1:
            X, names = _transformed(estimator[:-1], X, names)
        estimator = estimator[-1]
    if method == "olden":
        sizes = olden(estimator).abs().sum(axis=1).to_numpy()
        size = gathered(sizes[None], origins(estimator), estimator.n_features_in_)[0]
    elif method == "integrated_gradients":
        size = _mean_integrated(estimator, X, options)
    elif callable(method):
        size = np.abs(np.asarray(method(estimator, X), dtype=float))
        size = size.mean(axis=0) if size.ndim == 2 else size
    else:
        raise ValueError(
            f"Got method={method!r}, but expected 'integrated_gradients', 'olden' or a callable."
        )
    return pd.Series(size / (size.sum() or 1.0), index=names)


def _transformed(before: Pipeline, X: Any, names: list[Any]) -> tuple[Any, list[Any]]:
    """Return what the last step of a Pipeline is given, and how its columns are called."""
    rows = before.transform(X)
    if hasattr(rows, "columns"):
        return rows, list(rows.columns)
    try:
        return rows, list(before.get_feature_names_out(names))
    except AttributeError as error:
        raise ValueError(
            "A step of the Pipeline does not tell what its columns are called: it needs a method "
            f"get_feature_names_out, or set_output(transform='pandas'). ({error})"
        ) from error


def _mean_integrated(model: Any, X: Any, options: dict[str, Any]) -> Any:
    """Return the mean size of the attributions of each column, (p,), over rows and outputs."""
    require_model(model)
    asked = [options["output"]] if "output" in options else outputs(model)
    if is_classifier(model) and len(asked) == 2 and model._target_type == "binary":
        asked = asked[1:]  # the first is the same with another sign
    totals = [
        np.abs(part).sum(axis=0)
        for output in asked
        for part in integrated_batches(model, X, **{**options, "output": output})
    ]
    return np.sum(totals, axis=0) / (np.shape(X)[0] * len(asked))


def _labels(names: Any, groups: Any) -> list[Any]:
    """Return the group of each column; one of no group stands for itself."""
    labels = list(names)
    for group, columns in columns_of(groups, labels.copy()).items():
        for j in columns:
            labels[j] = group
    return labels


def selection_stability(chosen: Any) -> float:
    r"""Return how alike the choices of several fits are, chance apart.

    .. math::

        \hat\Phi = 1 - \frac{\frac 1 p \sum_j s_j^2}{\frac{\bar k}{p} (1 - \frac{\bar k}{p})},
        \qquad s_j^2 = \frac{M}{M - 1}\, \hat p_j (1 - \hat p_j)

    with M fits, the share of fits that choose column j, and the mean number of columns chosen. 1 is
    the same choice in each fit, 0 what choices at random would give; above 0.75 is excellent,
    below 0.4 poor.

    Parameters
    ----------
    chosen : array-like of bool, of shape (M, p)
        Which columns each fit chose, M > 1.

    Returns
    -------
    float
        At most 1; NaN where all columns are chosen, or none.

    Raises
    ------
    ValueError
        If there are fewer than two fits.

    References
    ----------
    Nogueira, Sechidis & Brown (2018), "On the stability of feature selection algorithms",
    JMLR 18(174), 1-54, definition 4 and section 4.3.

    Examples
    --------
    >>> from skmlp.inspection.genes import selection_stability
    >>> selection_stability([[1, 1, 0, 0], [1, 1, 0, 0]])
    1.0
    >>> round(selection_stability([[1, 1, 0, 0], [1, 0, 1, 0]]), 6)
    0.0
    """
    chosen = np.asarray(chosen, dtype=float)
    if chosen.ndim != 2 or len(chosen) < 2:
        raise ValueError(
            f"chosen: got shape {chosen.shape}, but expected (M, p): a row for each of M > 1 fits"
        )
    share, mean = chosen.mean(axis=0), chosen.mean()
    if mean in (0.0, 1.0):
        return float("nan")
    variance = share * (1 - share) * len(chosen) / (len(chosen) - 1)
    return float(1 - variance.mean() / (mean * (1 - mean)))


def group_importance(frame: pd.DataFrame, groups: Any) -> pd.DataFrame:
    """Sum the importance of columns over genes, or other groups.

    Parameters
    ----------
    frame : DataFrame
        From :func:`stable_importance`, or any with a column "importance" and the columns' names as
        its index. The spread over the fits cannot be had from it: for that pass ``groups`` there.
    groups : dict, Series or array-like of shape (len(frame),)
        Groups, as in :func:`permutation_importance`: a Series from column to group, such as
        ``cpgs["gene"]``, is the handiest. A column of no group stands for itself.

    Returns
    -------
    DataFrame
        One row for each group, the most important first: "importance" (sum), "n_columns", "best"
        (its most important column) and "rank".

    Examples
    --------
    >>> from skmlp.inspection.genes import group_importance
    >>> frame = pd.DataFrame({"importance": [0.4, 0.2, 0.4]}, index=["cg1", "cg2", "cg3"])
    >>> group_importance(frame, {"AHRR": ["cg2", "cg3"], "F2RL3": ["cg1"]})
           importance  n_columns best  rank
    AHRR          0.6          2  cg3     1
    F2RL3         0.4          1  cg1     2
    """
    labels = _labels(frame.index, groups)
    by_group = frame["importance"].groupby(labels, sort=False)
    found = pd.DataFrame(
        {"importance": by_group.sum(), "n_columns": by_group.size(), "best": by_group.idxmax()}
    )
    found = found.sort_values("importance", ascending=False, kind="stable")
    return found.assign(rank=range(1, len(found) + 1))
