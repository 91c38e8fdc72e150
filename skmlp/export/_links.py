"""From raw outputs to probabilities or numbers: the loss's link, and the scale of y."""

from __future__ import annotations

import math
from typing import Any, NoReturn

import numpy as np

from skmlp.core.losses import (
    AbsoluteError,
    BinaryLogLoss,
    GaussianNLL,
    Grouped,
    Huber,
    LogCosh,
    Ordinal,
    PerOutput,
    Quantile,
    SoftmaxLoss,
    SquaredError,
)
from skmlp.core.losses.positive import LogLinkLoss
from skmlp.estimators import MLPClassifier
from skmlp.estimators._base import BaseMLP
from skmlp.export import _ops
from skmlp.export._inputs import plain_values
from skmlp.export._ops import Op

#: What a network ends with, how networks are averaged, what follows, and what the values mean.
Link = tuple[list[Op], str, list[Op], dict[str, Any]]

#: A mixture's spread stays within this share of the bound of its logarithm.
_WALL = 0.999


def link_of(mlp: BaseMLP) -> Link:
    """Return what stands between raw outputs and predictions.

    Raises
    ------
    ValueError
        If the loss is one of the user's own.
    """
    return _of_classes(mlp) if isinstance(mlp, MLPClassifier) else _of_numbers(mlp)


def _refuse(loss: Any) -> NoReturn:
    raise ValueError(
        f"Got loss={loss!r}, but what a loss of one's own predicts cannot be exported. Fit with a "
        "loss of skmlp.core.losses."
    )


def _of_classes(mlp: Any) -> Link:
    match mlp._loss:
        case Ordinal():
            link = _of_ordered(mlp)
        case BinaryLogLoss() | PerOutput() | SoftmaxLoss() | Grouped():
            link = _of_unordered(mlp)
        case _:
            _refuse(mlp._loss)
    if mlp._target_type == "multilabel-indicator":
        return link, "mean", [], {"kind": "labels", **plain_values(mlp.classes_, "classes")}
    several = mlp._target_type == "multiclass-multioutput"
    classes = mlp.classes_ if several else [mlp.classes_]
    ends = np.cumsum([0, *map(len, classes)]).tolist()
    targets = [
        {**plain_values(one, "classes"), "columns": [start, stop]}
        for one, start, stop in zip(classes, ends, ends[1:], strict=False)
    ]
    return link, "mean", [], {"kind": "classes", "targets": targets, "several": several}


def _of_unordered(mlp: Any) -> list[Op]:
    cold, sizes = 1 / mlp.temperature_, list(mlp._sizes)
    cooled = _ops.scale([cold] * sum(sizes))
    if mlp._target_type == "multilabel-indicator":
        return [cooled, _ops.activation("logistic")]
    if mlp._target_type == "binary" and len(mlp.classes_) == 2:  # 0 and the log-odds are two logits
        cooled, sizes = _ops.dense([[0.0, cold]], [0.0, 0.0]), [2]
    return [cooled, {"op": "softmax", "sizes": sizes}]


def _of_ordered(mlp: Any) -> list[Op]:
    """Return differences of the probabilities of at most each class, the lowest first."""
    (n_classes,) = mlp._sizes
    order = mlp._loss.order or range(n_classes)
    weight, bias = np.zeros((n_classes - 1, n_classes)), np.zeros(n_classes)
    for row, below, above in zip(weight, order, order[1:], strict=False):
        row[below], row[above] = 1, -1
    bias[order[-1]] = 1
    return [
        {"op": "ascend", "size": n_classes - 1},
        _ops.scale([1 / mlp.temperature_] * (n_classes - 1)),
        _ops.activation("logistic"),
        _ops.dense(weight, bias),
        _ops.clip(np.zeros(n_classes), np.ones(n_classes)),  # differences are not exact
    ]


def _of_numbers(mlp: Any) -> Link:
    loss, t = mlp._loss, mlp.n_outputs_
    output = {"kind": "numbers", "predict": list(range(t)), "flat": bool(mlp._flat)}
    output |= {"low": None, "high": None, "std": None, "levels": None}
    if mlp.clip_output:
        output["low"], output["high"] = (_ops.array(bound) for bound in mlp._range)
    link: list[Op] = []
    finish: list[Op] = []
    average, factor, offset = "mean", mlp._scale, mlp._shift
    match loss:
        case SquaredError() | AbsoluteError() | Huber() | LogCosh():
            pass
        case LogLinkLoss():
            bound = np.full(t, 0.45 * math.log(np.finfo(mlp.networks_.dtype).max))
            link = [_ops.clip(-bound, bound), _ops.activation("exp")]
        case Quantile():
            levels = np.ravel(loss.levels).tolist()
            middle = int(np.argmin(np.abs(np.array(levels) - 0.5)))
            output |= {"levels": levels, "predict": [i * len(levels) + middle for i in range(t)]}
            factor, offset = np.repeat(factor, len(levels)), np.repeat(offset, len(levels))
            if len(levels) > 1:
                link = [{"op": "ascend", "size": len(levels)}]
        case GaussianNLL():
            link, average, finish = [_spread(t, loss.bound)], "mixture", _walls(mlp)
            output["std"] = list(range(t, 2 * t))
            factor, offset = np.tile(factor, 2), np.append(offset, np.zeros(t))
        case _:
            _refuse(loss)
    return link, average, [*finish, _ops.scale(factor, offset=offset)], output


def _spread(t: int, bound: float) -> Op:
    """Return [mean | exp(bound tanh(s / bound))] for raw outputs [mean | s]."""
    tanh = [_ops.scale([1 / bound] * t), _ops.activation("tanh"), _ops.scale([bound] * t)]
    return _ops.parts((0, t, []), (t, 2 * t, [*tanh, _ops.activation("exp")]))


def _walls(mlp: Any) -> list[Op]:
    """Return the limits of the spread of a mixture."""
    n_networks = mlp._now.n_estimators if mlp.chosen_ is None else len(mlp.chosen_)
    if n_networks == 1:
        return []
    free = np.full(mlp.n_outputs_, np.inf)
    reach = np.full(mlp.n_outputs_, _WALL * mlp._loss.bound)
    return [_ops.clip(np.append(-free, np.exp(-reach)), np.append(free, np.exp(reach)))]
