"""A fitted network as one of scikit-learn's."""

from __future__ import annotations

import copy
from typing import Any, NoReturn

import numpy as np
from sklearn import neural_network
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import LabelBinarizer

from skmlp.export import _ops
from skmlp.export._description import describe
from skmlp.export._ops import Op
from skmlp.export._steps import unwrap

#: What is kept of training, where it is there.
_KEPT = ("n_iter_", "t_", "loss_", "loss_curve_", "best_loss_")

#: Operations that scikit-learn's network does not have: what they are, and how to do without.
_MISSING = {
    "smooth_clip": ("smooth clip of its inputs", "standardize=True"),
    "clip": ("limits", "MinMaxScaler(clip=False)"),
    "indicate": ("indicators of missing values", "values put for them by a SimpleImputer"),
    "select": ("choice of columns", "columns that have values"),
    "parts": ("embeddings", "numeric_embedding=None and max_one_hot=None"),
    "layer_norm": ("layer normalisation", "normalization=None or 'batch'"),
}


def to_sklearn(model: Any) -> Any:
    """Return a fitted network of scikit-learn that predicts the same.

    That is possible for a single network of dense layers: what is linear, such as standardisation,
    input scales, batch normalisation, temperature and the scale of y, goes into its weights.
    It refuses missing values, as scikit-learn does.

    Parameters
    ----------
    model : MLPClassifier, MLPRegressor, Pipeline or TransformedTargetRegressor
        Fitted. Of a pipeline the steps before the network are kept; they must be scikit-learn's.

    Returns
    -------
    sklearn.neural_network.MLPClassifier, sklearn.neural_network.MLPRegressor or Pipeline
        Fitted: its ``predict`` and ``predict_proba`` give the same to rounding. Of settings it has
        only those that shape the network.

    Raises
    ------
    ValueError
        If scikit-learn's network lacks a part of this one; it says which.
    TypeError
        If `model` is none of these.

    Examples
    --------
    >>> from sklearn.datasets import load_iris
    >>> from skmlp import MLPClassifier
    >>> X, y = load_iris(return_X_y=True)
    >>> plain = {"n_estimators": 1, "standardize": True, "dtype": "float64", "max_iter": 20}
    >>> clf = MLPClassifier((10,), **plain, random_state=0).fit(X, y)
    >>> shipped = to_sklearn(clf)
    >>> shipped
    MLPClassifier(hidden_layer_sizes=(10,))
    >>> bool(abs(shipped.predict_proba(X) - clf.predict_proba(X)).max() < 1e-12)
    True
    >>> to_sklearn(MLPClassifier(n_estimators=2, max_iter=2).fit(X, y))
    Traceback (most recent call last):
        ...
    ValueError: scikit-learn's network has no average of 2 networks. Fit with n_estimators=1.
    """
    if isinstance(model, Pipeline):
        return _pipeline(model)
    description = describe(model)
    steps, mlp, _ = unwrap(model)
    output = description["output"]
    layers = [*_linear_inputs(description), *_only_network(description)["layers"]]
    layers, ending = _without_link(layers, description["finish"], output)
    dense, activation = _dense_layers(layers)
    sizes = tuple(len(op["bias"]) for op in dense[:-1])
    regresses = output["kind"] == "numbers"
    kind = neural_network.MLPRegressor if regresses else neural_network.MLPClassifier
    made: Any = kind(hidden_layer_sizes=sizes, activation=activation)
    if ending == "exp":
        made.set_params(loss="poisson")
    made.coefs_ = [op["weight"] for op in dense]
    made.intercepts_ = [op["bias"] for op in dense]
    made.n_layers_, made.out_activation_ = len(dense) + 1, ending
    made.n_outputs_, made.n_features_in_ = len(dense[-1]["bias"]), len(dense[0]["weight"])
    if hasattr([*steps, mlp][0], "feature_names_in_"):
        made.feature_names_in_ = [*steps, mlp][0].feature_names_in_
    for name in _KEPT:
        if hasattr(mlp, name):
            setattr(made, name, copy.copy(getattr(mlp, name)))
    if not regresses:
        seen = np.eye(len(mlp.classes_)) if output["kind"] == "labels" else mlp.classes_
        made._label_binarizer, made.classes_ = LabelBinarizer().fit(seen), mlp.classes_
    return made


def _refuse(part: str, instead: str) -> NoReturn:
    raise ValueError(f"scikit-learn's network has no {part}. Fit with {instead}.")


def _pipeline(pipeline: Pipeline) -> Pipeline:
    *steps, (name, last) = pipeline.steps
    for _, step in steps:
        if not (isinstance(step, str | None) or type(step).__module__.startswith("sklearn.")):
            _refuse(f"step like {type(step).__name__}", "scikit-learn's own transformers")
    return Pipeline([*copy.deepcopy(steps), (name, to_sklearn(last))])


def _only_network(description: dict[str, Any]) -> dict[str, Any]:
    if len(description["networks"]) > 1:
        _refuse(f"average of {len(description['networks'])} networks", "n_estimators=1")
    return description["networks"][0]


def _linear_inputs(description: dict[str, Any]) -> list[Op]:
    """Return what is done to the columns; missing values, which are refused, need no filling."""
    taken = {column["take"] for column in description["columns"]}
    if "lookup" in taken:
        _refuse("categories", "numbers, e.g. of a OneHotEncoder before it in a pipeline")
    if "missing" in taken:
        _refuse(*_MISSING["indicate"])
    return [op for op in description["prepare"] if op["op"] != "fill"]


def _without_link(
    layers: list[Op], finish: list[Op], output: dict[str, Any]
) -> tuple[list[Op], str]:
    """Return layers that end in raw outputs, and the name of what scikit-learn puts after them."""
    if output["kind"] == "numbers":
        return _of_numbers(layers, finish, output)
    *layers, link = layers
    if output["kind"] == "labels":
        return layers, "logistic"
    if output["several"]:
        _refuse("several columns of classes", "one of them at a time")
    if link["op"] != "softmax":
        _refuse("order of classes", "loss='log_loss'")
    if link["sizes"] == [1]:
        _refuse("target of a single class", "two classes or more")
    if link["sizes"] == [2]:
        return [*layers, _ops.dense([[-1.0], [1.0]], [0.0])], "logistic"
    return layers, "softmax"


def _of_numbers(layers: list[Op], finish: list[Op], output: dict[str, Any]) -> tuple[list[Op], str]:
    if output["low"] is not None:
        _refuse("limits of its predictions", "clip_output=False")
    if output["std"] is not None or len(output["levels"] or ()) > 1:
        _refuse("spread or quantiles", "a loss that predicts one number, such as 'squared_error'")
    if layers[-1].get("name") != "exp":
        return [*layers, *finish], "identity"
    if any((op["scale"] != 1).any() or op["offset"].any() for op in finish):
        _refuse("transformer of a target behind an exponential", "a target as it is")
    return layers[:-2], "exp"  # the clip before it is there to prevent overflow


def _dense_layers(layers: list[Op]) -> tuple[list[Op], str]:
    """Return dense layers alone, and the name of the function between them."""
    dense, names = [], []
    for op in _merged(layers):
        if op["op"] == "dense":
            dense.append(op)
        elif op["op"] == "activation":
            if op["strength"] is not None:
                _refuse("activation of a learnt strength", "parametric_activation=False")
            names.append(op["name"])
        elif op["op"] != "scale":  # one that is left stands before something else that is missing
            _refuse(*_MISSING[op["op"]])
    for name in names:
        if name not in ("logistic", "tanh", "relu"):
            _refuse(f"activation {name!r}", "'identity', 'logistic', 'tanh' or 'relu'")
    if len(set(names)) > 1:
        _refuse("activation for each layer", "one activation for all")
    return dense, names[0] if names else "identity"


def _merged(layers: list[Op]) -> list[Op]:
    """Join all scales with the dense layers beside them, at the price of some digits."""
    out: list[Op] = []
    for op in _ops.folded(layers):
        while op["op"] == "dense" and out and out[-1]["op"] == "scale":
            before = out.pop()
            offset = before["offset"] - before["shift"] * before["scale"]
            weight = before["scale"][:, None] * op["weight"]
            op = _ops.dense(weight, offset @ op["weight"] + op["bias"])
        out.append(op)
    return out
