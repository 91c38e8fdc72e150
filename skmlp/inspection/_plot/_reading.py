"""Read a fitted network layer by layer, whatever it was built of."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from sklearn import neural_network
from sklearn.base import is_classifier
from sklearn.utils.validation import check_is_fitted

from skmlp.core.activations import ACTIVATIONS
from skmlp.core.layers import (
    Activate,
    BatchNorm,
    Columns,
    Dense,
    Heads,
    LayerNorm,
    Members,
    ParametricActivate,
    Scaling,
    SharedDense,
    Stem,
)
from skmlp.core.losses import ClassificationLoss, GaussianNLL
from skmlp.estimators._base import BaseMLP
from skmlp.estimators._data import lay_out

_NAMES = {kind: name for name, kind in ACTIVATIONS.items()}
_NORMS = {BatchNorm: "batch norm", LayerNorm: "layer norm"}


@dataclass(frozen=True)
class Parts:
    """Weights (n_in, n_out) and biases (n_out,) of one network, and names of its functions."""

    weights: list[Any]
    biases: list[Any]
    activations: list[str]

    @property
    def sizes(self) -> list[int]:
        """Number of inputs, then of each layer's units."""
        return [len(self.weights[0]), *(w.shape[1] for w in self.weights)]


def parts_of(model: Any, network: int = 0) -> Parts:
    """Return one network of a fitted estimator, skmlp's or scikit-learn's.

    Learnt scales of the inputs, and the factors of members that share weights, are multiplied
    into the weights.

    Raises
    ------
    TypeError
        Where the estimator has no network.
    ValueError
        Where it has no network of that number.
    """
    if not isinstance(model, BaseMLP | neural_network.MLPClassifier | neural_network.MLPRegressor):
        raise TypeError(
            f"model: got {type(model).__name__}, expected a fitted MLPClassifier or MLPRegressor, "
            "of skmlp or scikit-learn; of a Pipeline pass the last step, pipeline[-1]"
        )
    check_is_fitted(model)
    if not isinstance(model, BaseMLP):
        _check_number(network, 1)
        names = [model.activation] * (len(model.coefs_) - 1)
        return Parts(model.coefs_, model.intercepts_, [*names, model.out_activation_])
    layers = model.networks_.chain.layers
    m = next((layer.n_members for layer in layers if isinstance(layer, Members)), 1)
    _check_number(network, model.networks_.k * m)
    weights, biases = _weights(layers, *divmod(network, m))
    return Parts(weights, biases, [*_functions(layers), model.out_activation_])


def _check_number(network: int, k: int) -> None:
    if not 0 <= network < k:
        raise ValueError(
            f"network={network}, but the model has {k}; pass a number from 0 to {k - 1}"
        )


def _weights(layers: list[Any], k: int, j: int) -> tuple[list[Any], list[Any]]:
    """Return what network k, member j, has in each dense layer."""
    weights, biases, factor = [], [], 1.0
    for layer in layers:
        dense = layer.dense if isinstance(layer, Stem) else layer
        if isinstance(layer, Scaling):
            factor = layer.s[k].T
        elif isinstance(layer, Members):
            factor = factor * layer.r[k, j].T
        elif isinstance(dense, Dense):
            weights.append(factor * dense.w[k])
            biases.append(dense.b[k, 0])
            factor = 1.0
        elif isinstance(layer, SharedDense):
            factor = factor * layer.r[k, j].T if layer.scale_inputs else factor
            weights.append(factor * layer.w[k] * layer.s[k, j])
            biases.append(layer.b[k, j, 0])
            factor = 1.0
        elif isinstance(layer, Heads):
            weights.append(layer.w[k, j])
            biases.append(layer.b[k, j, 0])
    return weights, biases


def _functions(layers: list[Any]) -> list[str]:
    """Name what the hidden layers' sums pass."""
    names, norm = [], ""
    for layer in layers:
        if type(layer) in _NORMS:
            norm = f"{_NORMS[type(layer)]}\n"
        elif isinstance(layer, Activate | ParametricActivate):
            own = type(layer.f)
            names.append(norm + _NAMES.get(own, own.__name__))
            norm = ""
    return names


def unit_values(model: Any, X: Any, network: int = 0) -> list[Any]:
    """Return what each unit of one network makes of X: arrays (n, units), from the inputs on.

    The inputs are standardised, or embedded; the outputs are what the loss makes of them:
    probabilities, or standardised targets.
    """
    if not isinstance(model, BaseMLP):
        raise TypeError(
            f"X: the units of {type(model).__module__}.{type(model).__name__} cannot be followed; "
            "leave X out, or fit skmlp's"
        )
    stack, layers = model.networks_, model.networks_.chain.layers
    encoded = model._encode_X(model._check_X(X, reset=False))
    inputs = lay_out(encoded, None, model._standardizer, model._arithmetic)
    raw = stack.predict(inputs)  # (K m, n, n_raw)
    if isinstance(model._loss, ClassificationLoss):
        raw = model._loss.cooled(raw, model.temperature_)
    if isinstance(layers[0], Columns):
        first = stack.predict(inputs, 1)[network * stack.k // len(raw)]
    else:
        first = inputs.toarray() if hasattr(inputs, "toarray") else inputs
    bends = [i for i, each in enumerate(layers) if isinstance(each, Activate | ParametricActivate)]
    hidden = [stack.predict(inputs, i + 1)[network] for i in bends]
    return [first, *hidden, model._loss.predict(raw)[network]]


def input_names(model: Any, given: Any, n_in: int) -> list[str] | None:
    """Return names of a network's inputs: those given, those of fit, or None.

    A category that became several inputs has several names. Embedded columns have none.

    Raises
    ------
    ValueError
        Where as many were given as there are neither columns nor inputs.
    """
    n_columns = model.n_features_in_
    if given is not None and len(given) not in (n_columns, n_in):
        raise ValueError(
            f"feature_names: got {len(given)} names for {n_columns} columns"
            + (f", which are {n_in} inputs" if n_in != n_columns else "")
        )
    names = getattr(model, "feature_names_in_", None) if given is None else given
    if names is not None and len(names) == n_in:
        return [str(name) for name in names]
    encoder = model._encoder if isinstance(model, BaseMLP) else None
    if encoder is None:
        return None
    names = [f"x{j}" for j in range(n_columns)] if names is None else names
    names = encoder.feature_names_out(names)
    return names if len(names) == n_in else None


def output_names(model: Any, given: Any, n_out: int) -> list[str] | None:
    """Return names of a network's outputs: those given, the classes, or None.

    Of two classes the single output stands for the second.

    Raises
    ------
    ValueError
        Where there are not as many names as outputs, or classes.
    """
    if given is None and is_classifier(model) and not isinstance(model.classes_, list):
        given = model.classes_
        if len(given) != n_out and (len(given), n_out) != (2, 1):
            return None  # outputs that are not one for each class
    if given is None:
        normal = isinstance(getattr(model, "_loss", None), GaussianNLL) and n_out == 2
        return ["mean", "spread"] if normal else None
    names = [str(name) for name in given]
    if n_out == 1 and len(names) == 2:
        return names[1:]
    if len(names) != n_out:
        raise ValueError(
            f"class_names: got {len(names)} names, expected {n_out}, one for each output"
        )
    return names
