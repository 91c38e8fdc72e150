"""Older readings of networks: by products of weights, profiles, and slopes of log-odds."""

from __future__ import annotations

from difflib import get_close_matches
from functools import reduce
from typing import Any

import numpy as np
import pandas as pd
from sklearn.base import is_classifier
from sklearn.utils import Bunch

from skmlp.inspection._answers import outputs
from skmlp.inspection._opened import counted, dense_weights, encoded_names
from skmlp.inspection.attributions import gradients


def olden(model: Any) -> pd.DataFrame:
    r"""Return the product of a network's weights, from each input to each output.

    .. math:: I = W_1 W_2 \cdots W_L

    An input counts much if it goes with large weights all the way, and paths of opposite sign
    cancel. It is the slope of a network whose activations are straight lines.

    Parameters
    ----------
    model : MLPClassifier or MLPRegressor
        Fitted, with any number of hidden layers.

    Returns
    -------
    DataFrame of shape (n_inputs, n_outputs)
        One row for each column that the network sees, standardised (so that all are on one
        scale), with learnt input scales multiplied in; the mean over the networks where there are
        several. One column for each raw output: of two classes, one for the second.

    Raises
    ------
    TypeError
        If `model` is no network of this package.
    ValueError
        If other layers stand between the weights: embeddings or a normalization.

    References
    ----------
    Olden & Jackson (2002), "Illuminating the black box", Ecological Modelling 154, 135-150,
    section 3.2; Olden, Joy & Death (2004), "An accurate comparison of methods for quantifying
    variable importance in artificial neural networks using simulated data", Ecological Modelling
    178, 389-397.

    Examples
    --------
    >>> from skmlp import MLPRegressor
    >>> from skmlp.inspection.classic import olden
    >>> X = np.random.default_rng(0).normal(size=(50, 2))
    >>> y = X[:, 0] - 3 * X[:, 1]
    >>> model = MLPRegressor((3,), "tanh", solver="lbfgs", n_estimators=1, random_state=0).fit(X, y)
    >>> importance = olden(model)
    >>> importance.index.tolist(), bool(importance.loc["x0", 0] > 0 > importance.loc["x1", 0])
    (['x0', 'x1'], True)
    """
    return _frame(model, reduce(np.matmul, dense_weights(model)))


def garson(model: Any) -> pd.DataFrame:
    r"""Return the share of each input in the sizes of a network's weights.

    .. math::

        Q_{ik} = \frac{\sum_j q_{ijk}}{\sum_{i'} \sum_j q_{i'jk}}, \qquad
        q_{ijk} = \frac{|w_{ij}|}{\sum_{i'} |w_{i'j}|}\, |v_{jk}|

    for inputs i, units j and outputs k. Signs do not count, so that paths do not cancel which
    cancel in the network: :func:`olden` was found to be nearer to the truth.

    Parameters
    ----------
    model : MLPClassifier or MLPRegressor
        Fitted, with one hidden layer.

    Returns
    -------
    DataFrame of shape (n_inputs, n_outputs)
        Shares, which sum to 1 for each output; rows and columns as in :func:`olden`.

    Raises
    ------
    TypeError
        If `model` is no network of this package.
    ValueError
        If there is not one hidden layer, or other layers stand between the weights.

    References
    ----------
    Garson (1991), "Interpreting neural-network connection weights", AI Expert 6(4), 46-51; Olden
    & Jackson (2002), "Illuminating the black box", Ecological Modelling 154, 135-150, for the
    comparison.

    Examples
    --------
    >>> from skmlp import MLPRegressor
    >>> from skmlp.inspection.classic import garson
    >>> X = np.random.default_rng(0).normal(size=(50, 2))
    >>> model = MLPRegressor((3,), solver="lbfgs", n_estimators=1, random_state=0)
    >>> garson(model.fit(X, X[:, 0])).sum().round(6).tolist()
    [1.0]
    """
    layers = dense_weights(model)
    if len(layers) != 2:
        raise ValueError(
            f"garson: got a network with {len(layers) - 1} hidden layers, but its formula is for "
            "one; olden takes any number"
        )
    size = np.abs(layers[0])
    share = (size / size.sum(axis=1, keepdims=True)) @ np.abs(layers[1])  # (K, p, m)
    share /= share.sum(axis=1, keepdims=True)
    return _frame(model, share)


def _frame(model: Any, values: Any) -> pd.DataFrame:
    """Return the mean of values (K, n_inputs, n_outputs) over the networks, with names."""
    m, known = values.shape[2], outputs(model)
    if m != len(known):  # one raw output for two classes, or those of a loss of its own kind
        known = known[1:] if (m, len(known)) == (1, 2) else range(m)
    return pd.DataFrame(values.mean(axis=0), index=encoded_names(model), columns=known)


def lek_profile(
    model: Any,
    X: Any,
    features: Any = None,
    quantiles: Any = (0.0, 0.2, 0.4, 0.6, 0.8, 1.0),
    *,
    output: Any = None,
    n_points: int = 50,
) -> pd.DataFrame:
    """Return what a model answers as one column moves and all others stand at a quantile.

    Unlike a partial dependence it does not average over rows: curves that are not parallel show
    that columns act together.

    Parameters
    ----------
    model : estimator
        Fitted; a Pipeline will do.
    X : frame or ndarray of shape (n, p)
        Rows whose quantiles and ranges are taken. In a frame, columns that are not numbers stand
        at their most frequent value.
    features : list of str or int, default=None
        The columns to move, by name or position; None for all columns of numbers.
    quantiles : sequence of float, default=(0, 0.2, 0.4, 0.6, 0.8, 1)
        Where the others stand.
    output : class or None, default=None
        The class whose probability is asked for, where there are more than two; None for the
        second of two. Regressors take the number of the output.
    n_points : int, default=50
        Values of the column moved, evenly spaced between its smallest and largest.

    Returns
    -------
    DataFrame
        Columns "feature", "value", "quantile" and "response": the probability, or the prediction.

    Raises
    ------
    ValueError
        If a feature is unknown or no number, or `output` names nothing.

    References
    ----------
    Lek et al. (1996), "Application of neural networks to modelling nonlinear relationships in
    ecology", Ecological Modelling 90, 39-52; Gevrey, Dimopoulos & Lek (2003), "Review and
    comparison of methods to study the contribution of variables in artificial neural network
    models", Ecological Modelling 160, 249-264, section 2.2.

    Examples
    --------
    >>> from sklearn.linear_model import LinearRegression
    >>> from skmlp.inspection.classic import lek_profile
    >>> X = np.array([[0.0, 0.0], [1.0, 2.0], [2.0, 4.0]])
    >>> model = LinearRegression().fit(X, [0.0, 3.0, 6.0])
    >>> lek_profile(model, X, features=[0], quantiles=[0.5], n_points=3)["value"].tolist()
    [0.0, 1.0, 2.0]
    """
    table = X if hasattr(X, "columns") else pd.DataFrame(X)
    numbers = table.select_dtypes("number")
    features = list(numbers.columns) if features is None else [_name(table, f) for f in features]
    others = table.drop(columns=numbers.columns)
    common = others.mode().reindex([0] * n_points).astype(others.dtypes).reset_index(drop=True)
    profiles = []
    for feature in features:
        if feature not in numbers:
            raise ValueError(f"features: column {feature!r} is no number, so it cannot be moved")
        values = np.linspace(numbers[feature].min(), numbers[feature].max(), n_points)
        for q in quantiles:
            rows = pd.DataFrame([numbers.quantile(q)] * n_points).reset_index(drop=True)
            rows[feature] = values
            rows = pd.concat([rows, common], axis=1)[list(table.columns)]
            response = _response(model, rows if table is X else rows.to_numpy(), output)
            parts = {"feature": feature, "value": values, "quantile": q, "response": response}
            profiles.append(pd.DataFrame(parts))
    return pd.concat(profiles, ignore_index=True)


def _name(table: Any, feature: Any) -> Any:
    """Return the name of a column given by name or position."""
    if feature in table.columns:
        return feature
    if isinstance(feature, int | np.integer) and -table.shape[1] <= feature < table.shape[1]:
        return table.columns[feature]
    close = get_close_matches(str(feature), map(str, table.columns), n=1)
    hint = f" Did you mean {close[0]!r}?" if close else ""
    raise ValueError(f"features names {feature!r}, which X does not have.{hint}")


def _response(model: Any, X: Any, output: Any) -> Any:
    """Return the probability of a class, or the prediction of an output, (n,)."""
    if is_classifier(model):
        found, known = model.predict_proba(X), list(model.classes_)
        output = known[-1] if output is None and len(known) == 2 else output
    else:
        found = np.asarray(model.predict(X))
        found = found.reshape(len(found), -1)
        known = list(range(found.shape[1]))
        output = 0 if output is None and len(known) == 1 else output
    if output not in known:
        shown = ", ".join(map(repr, np.asarray(known).tolist()[:10]))
        raise ValueError(f"Got output={output!r}, but expected one of {shown}.")
    return found[:, known.index(output)]


def generalized_weights(
    model: Any, X: Any, *, output: Any = None, batch_size: int | None = None
) -> Bunch:
    r"""Return how the log-odds of a class change with each column, at each row.

    .. math:: w_{ij} = \frac{\partial}{\partial x_{ij}} \log \frac{p(x_i)}{1 - p(x_i)}

    In logistic regression this is the coefficient, the same for all rows. Here its spread over the
    rows tells how far the column's effect is from a straight line, or depends on other columns.

    Parameters
    ----------
    model : MLPClassifier
        Fitted.
    X : {array-like, sparse matrix} of shape (n, p)
        Rows at which to look.
    output : class or None, default=None
        The class, or label; None for the second of two.
    batch_size : int or None, default=None
        As in :func:`~skmlp.inspection.gradients`.

    Returns
    -------
    :class:`~sklearn.utils.Bunch`
        - ``weights``: ndarray of shape (n, p), of the model as it predicts.
        - ``each``: ndarray of shape (n_networks, n, p), of each network alone.
        - ``std``: ndarray of shape (n, p), the standard deviation of these over the networks, 0
          where there is one.

    Raises
    ------
    TypeError
        If `model` is no network of this package.
    ValueError
        If `model` is no classifier, or `output` names no class.

    Notes
    -----
    Networks of one ensemble differ by their start and by the fold that each holds out; ``std``
    tells how much of the effect hangs on these. What hangs on the sample takes a bootstrap: fit
    anew to rows drawn with replacement, 100 times or so, as in
    ``generalized_weights(clone(model).fit(*resample(X, y, stratify=y)), X).weights``, and take the
    standard deviation, or quantiles, over the fits.

    References
    ----------
    Intrator & Intrator (2001), "Interpreting neural-network results: a simulation study",
    Computational Statistics & Data Analysis 37, 373-393, section 2.

    Examples
    --------
    >>> from sklearn.datasets import load_breast_cancer
    >>> from skmlp import MLPClassifier
    >>> from skmlp.inspection.classic import generalized_weights
    >>> X, y = load_breast_cancer(return_X_y=True)
    >>> model = MLPClassifier((8,), max_iter=5, random_state=0).fit(X, y)
    >>> found = generalized_weights(model, X[:10])
    >>> found.weights.shape, found.each.shape
    ((10, 30), (4, 10, 30))
    """
    if not is_classifier(model):
        raise ValueError(
            f"generalized_weights: got a {type(model).__name__}, but expected a classifier, which "
            "has log-odds; of other models take gradients"
        )
    asked = {"output": output, "response_method": "log_odds", "batch_size": batch_size}
    weights = gradients(model, X, **asked)
    each = [gradients(model, X, network=k, **asked) for k in range(model._now.n_estimators)]
    each = np.stack(each)
    return Bunch(weights=weights, each=each, std=counted(model, each).std(axis=0))
