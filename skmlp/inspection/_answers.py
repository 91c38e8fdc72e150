"""What a model answers, as a function of its networks' raw outputs, and the slope of that."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from scipy.special import logsumexp
from sklearn.base import is_classifier

from skmlp.core.losses import Ordinal

#: What can be asked of a classifier; a regressor can be asked to "predict".
RESPONSES = ("decision_function", "log_odds", "predict_proba")
#: Step of central differences of smooth functions of numbers near 1, in float64: the error of the
#: rule and the rounding are both about 1e-10.
_STEP = 1e-5


def answer(model: Any, output: Any, response: str, network: int | None) -> Callable[[Any], Any]:
    """Return the function of all networks' raw outputs, (K, n, m) -> (n,), to be explained."""
    classifies = is_classifier(model)
    known = RESPONSES if classifies else ("predict",)
    if response == "auto":
        response = known[0]
    if response not in known:
        raise ValueError(
            f"Got response_method={response!r}, but expected 'auto' or one of {known} for a "
            f"{type(model).__name__}."
        )
    kind = model._target_type if classifies else "numbers"
    if (response, kind) == ("log_odds", "multiclass-multioutput"):
        raise ValueError("response_method='log_odds' needs one column of classes, or labels")
    n = model._now.n_estimators
    if network is not None and not 0 <= network < n:
        raise ValueError(f"Got network={network!r}, but the model has those from 0 to {n - 1}.")
    column, sign = _column(model, output)
    loss = model._loss

    def value(raw: Any) -> Any:
        if network is None:
            z = model._combine(raw)  # (1, n, m)
        else:
            z = loss.cooled(raw[[network]], model.temperature_ if classifies else 1.0)
        if response == "predict":
            return (model._centre(loss.predict(z)[0]) * model._scale)[:, column]
        if response == "predict_proba":
            return loss.predict(sign * z)[0][:, column]
        logits = loss.log_predict(z)[0] if isinstance(loss, Ordinal) else z[0]
        if (response, kind) == ("log_odds", "multiclass"):
            return logits[:, column] - logsumexp(np.delete(logits, column, axis=1), axis=1)
        return sign * logits[:, column]

    return value


def outputs(model: Any) -> list[Any]:
    """Return what can be asked for as output: classes, or numbers of columns."""
    if not is_classifier(model) or model._target_type == "multiclass-multioutput":
        return list(range(model.n_outputs_))
    return list(model.classes_)


def _column(model: Any, output: Any) -> tuple[int, int]:
    """Return which raw output is asked for, and the sign under which it is."""
    known = outputs(model)
    binary = is_classifier(model) and model._target_type == "binary"
    if output is None and (binary or len(known) == 1):
        output = known[-1]
    if output not in known:
        shown = ", ".join(map(repr, np.asarray(known).tolist()[:10]))
        raise ValueError(f"Got output={output!r}, but expected one of {shown}.")
    column = known.index(output)
    if binary:  # one raw output, for the second class
        return 0, 1 if column == len(known) - 1 else -1
    return column, 1


def slopes(value: Callable[[Any], Any], raw: Any) -> Any:
    """Return the derivative (K, n, m) of a function of raw outputs that works row by row.

    It is taken by central differences, right to nine digits, so that it holds for every loss and
    every way in which networks are averaged.
    """
    moved, out = raw.copy(), np.empty_like(raw)
    for k, j in np.ndindex(raw.shape[::2]):
        here = raw[k, :, j]
        moved[k, :, j] = here + _STEP
        above = value(moved)
        moved[k, :, j] = here - _STEP
        out[k, :, j] = (above - value(moved)) / (2 * _STEP)
        moved[k, :, j] = here
    return out
