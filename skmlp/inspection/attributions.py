"""What each column of a row does to a network's answer: gradients, and integrated gradients."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from skmlp.inspection._answers import answer
from skmlp.inspection._opened import Opened, gathered


def gradients(
    model: Any,
    X: Any,
    *,
    output: Any = None,
    response_method: str = "auto",
    network: int | None = None,
    batch_size: int | None = None,
) -> Any:
    r"""Return the slopes of a network's answer by each column of X, at each row.

    .. math:: g_{ij} = \partial f(x_i) / \partial x_{ij}

    They go down through the network, which is exact, and on through the standardisation, so they
    are in units of the answer per unit of the column as it stands in X.

    Parameters
    ----------
    model : MLPClassifier or MLPRegressor
        Fitted.
    X : {array-like, sparse matrix} of shape (n, p)
        Rows at which to look.
    output : class, int or None, default=None
        Which answer: a class or label of ``classes_``; for several targets, or several outputs of
        classes, the number of its column. None where there is one, and for the second of two
        classes.
    response_method : {"auto", "decision_function", "log_odds", "predict_proba", "predict"}, \
            default="auto"
        What f is. For classifiers "decision_function" ("auto") or "predict_proba", as the methods
        of these names return them, or "log_odds" of the class against all others, which of two
        classes is the same as the first. For regressors "predict" ("auto"), before any
        ``clip_output``.
    network : int or None, default=None
        Number of one of the model's networks, to be looked at alone; None for their average.
    batch_size : int or None, default=None
        Rows that are looked at together; None for some 4 million values.

    Returns
    -------
    ndarray of shape (n, p)
        In float64, whatever the model's dtype. NaN for a column of categories, 0 where a number
        is missing.

    Raises
    ------
    TypeError
        If `model` is no network of this package, such as a Pipeline.
    ValueError
        If `output` or `response_method` names nothing.

    Notes
    -----
    The slope of a ReLU at its kink is taken to be 0. Embeddings of numeric columns, and the last
    step from raw outputs to the answer, are differentiated by central differences, right to about
    nine digits.

    References
    ----------
    Dimopoulos, Bourret & Lek (1995), "Use of some sensitivity criteria for choosing networks with
    good generalization ability", Neural Processing Letters 2, 1-4.

    Examples
    --------
    >>> from sklearn.datasets import load_diabetes
    >>> from skmlp import MLPRegressor
    >>> from skmlp.inspection.attributions import gradients
    >>> X, y = load_diabetes(return_X_y=True, as_frame=True)
    >>> line = MLPRegressor((), solver="lbfgs", n_estimators=1, random_state=0).fit(X, y)
    >>> g = gradients(line, X)  # of a network without hidden layer: the same in each row
    >>> bool(np.allclose(g, line.coefs_[0].T * line._scale / X.std(ddof=0).to_numpy()))
    True
    """
    opened = Opened(model)
    value = answer(model, output, response_method, network)
    found = []
    for _, encoded, x in opened.batches(X, batch_size):
        dx = opened.to_columns(opened.slope(value, opened.embed(x)), x)
        found.append(opened.to_raw(dx, x, encoded))
    return np.concatenate(found)


def integrated_gradients(
    model: Any,
    X: Any,
    *,
    baseline: Any = None,
    output: Any = None,
    response_method: str = "auto",
    n_steps: int = 64,
    batch_size: int | None = None,
    verbose: int = 0,
) -> Any:
    r"""Share the answer for each row out among its columns.

    The share of column j is its distance from the baseline times the mean slope on the straight
    line from the baseline to the row,

    .. math::

        a_j = (x_j - x'_j) \int_0^1 \frac{\partial f}{\partial x_j}(x' + t (x - x'))\, dt,

    and the shares add up to the difference of the answers, :math:`\sum_j a_j = f(x) - f(x')`
    (*completeness*).

    Parameters
    ----------
    model : MLPClassifier or MLPRegressor
        Fitted.
    X : {array-like, sparse matrix} of shape (n, p)
        Rows to explain.
    baseline : array-like of shape (p,), frame of one row or None, default=None
        The row x' with which each row is compared. None is what the network takes for a missing
        value: the training medians where columns are standardised robustly (the default in
        ordinary tables), else the training means, and 0 where they are not standardised or
        sparse; of categories with an embedding, the missing one.
    output, response_method
        As in :func:`gradients`.
    n_steps : int, default=64
        Points on the line, by Gauss and Legendre's rule. For smooth activations 64 leave only
        rounding; for "relu", which has kinks, a difference of about 1e-3 of the answer may be left:
        the sums tell.
    batch_size : int or None, default=None
        Rows that are looked at together; None for some 4 million values.
    verbose : int, default=0
        Whether to print, after each batch, how many rows are done.

    Returns
    -------
    ndarray of shape (n, p)
        In float64, in units of the answer. What belongs to 0/1 columns or to the embedding of a
        column of X is summed: categories have their share like numbers.

    Raises
    ------
    TypeError
        If `model` is no network of this package, such as a Pipeline.
    ValueError
        If `n_steps` is below 1, if `baseline` is not one row, or if `output` or
        `response_method` names nothing.

    Notes
    -----
    The line is straight between the rows as the first weights see them: standardised, clipped and
    embedded. On a line in units of X an outlier would rush through all that the network has learnt
    within a fraction of the first step. Both lines are the same without clip and embedding.

    The sums of the first hidden layer move on a straight line, too. So all columns are passed once
    up and once down, and the steps cost no more for 450,000 columns than for ten.

    References
    ----------
    Sundararajan, Taly & Yan (2017), "Axiomatic attribution for deep networks", ICML, sections 3
    and 5.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from skmlp import MLPClassifier
    >>> from skmlp.inspection.attributions import integrated_gradients
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> model = MLPClassifier((8,), "tanh", max_iter=5, dtype="float64", random_state=0).fit(X, y)
    >>> shares = integrated_gradients(model, X, baseline=X.mean(axis=0))
    >>> shares.shape
    (569, 30)
    >>> difference = model.decision_function(X) - model.decision_function([X.mean(axis=0)])
    >>> bool(np.allclose(shares.sum(axis=1), difference))
    True
    """
    asked = {"baseline": baseline, "output": output, "response_method": response_method}
    settings = {"n_steps": n_steps, "batch_size": batch_size, "verbose": verbose}
    return np.concatenate(list(integrated_batches(model, X, **asked, **settings)))


def integrated_batches(
    model: Any,
    X: Any,
    *,
    baseline: Any = None,
    output: Any = None,
    response_method: str = "auto",
    n_steps: int = 64,
    batch_size: int | None = None,
    verbose: int = 0,
) -> Iterator[Any]:
    """Yield the :func:`integrated_gradients` of one batch of rows after the other, (rows, p).

    For tables whose attributions would not fit into memory at once.

    Examples
    --------
    >>> from skmlp import MLPRegressor
    >>> X = np.arange(12.0).reshape(6, 2)
    >>> model = MLPRegressor((2,), solver="lbfgs", n_estimators=1, random_state=0).fit(X, X[:, 0])
    >>> [part.shape for part in integrated_batches(model, X, batch_size=4)]
    [(4, 2), (2, 2)]
    """
    if n_steps < 1:
        raise ValueError(f"Got n_steps={n_steps!r}, but expected 1 or more; 64 is usual.")
    opened = Opened(model)
    value = answer(model, output, response_method, None)
    nodes, weights = np.polynomial.legendre.leggauss(n_steps)  # on (-1, 1)
    line = {"nodes": (nodes + 1) / 2, "weights": weights / 2}
    start, origin = _start(opened, baseline), opened.origins()
    n = np.shape(X)[0]
    for rows, _, x in opened.batches(X, batch_size):
        end = opened.embed(x)
        at = np.broadcast_to(start, end.shape)
        shares = opened.slope(value, end, at, **line)
        shares *= end - at
        yield gathered(shares.sum(axis=0), origin, model.n_features_in_)
        if verbose:
            print(f"Integrated gradients: {rows.stop} of {n} rows", flush=True)


def _start(opened: Opened, baseline: Any) -> Any:
    """Return the embedded baseline, (K or 1, 1, d)."""
    if baseline is None:
        return opened.embed(np.zeros((1, opened.n_in)))
    if not hasattr(baseline, "columns"):
        baseline = np.asarray(baseline)
        baseline = baseline[None] if baseline.ndim == 1 else baseline
        baseline = _named(opened.model, baseline)
    if baseline.ndim != 2 or len(baseline) != 1:
        raise ValueError(
            f"Got a baseline of shape {np.shape(baseline)}, but expected one row, of shape "
            f"({opened.model.n_features_in_},) or as a frame."
        )
    _, _, x = next(opened.batches(baseline))
    return opened.embed(x)


def _named(model: Any, row: Any) -> Any:
    """Give a row the names that the model has seen."""
    names = getattr(model, "feature_names_in_", None)
    if names is None or row.ndim != 2 or row.shape[1] != len(names):
        return row
    return pd.DataFrame(row, columns=names)
