"""A description as text."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import numpy as np

from skmlp.export._description import describe


def to_json(model: Any, path: Any = None, *, data: Any = None, compact: bool = False) -> str:
    """Write a fitted network, with all that is done to raw columns, as JSON.

    Parameters
    ----------
    model : MLPClassifier, MLPRegressor, Pipeline or TransformedTargetRegressor
        Fitted; see :func:`describe` for the steps that a pipeline may have.
    path : str or path, default=None
        File to write; None for none.
    data : frame or array of shape (n, p), default=None
        Rows from which the statistics of the inputs are taken, such as the training rows. They
        tell a reader what values are usual, and change no prediction.
    compact : bool, default=False
        Whether to write weights as float32 in base64, in a fourth of the space. A fit in float64
        loses digits thereby.

    Returns
    -------
    str
        The text; :mod:`skmlp.export._description` explains its format.

    Raises
    ------
    TypeError, ValueError
        If the model, or a part of it, cannot be described.

    Examples
    --------
    >>> import json
    >>> from skmlp import MLPRegressor
    >>> X, y = [[0.0], [1.0], [2.0], [3.0]], [0.0, 2.0, 4.0, 6.0]
    >>> reg = MLPRegressor((), solver="lbfgs", max_iter=50, random_state=0).fit(X, y)
    >>> found = json.loads(to_json(reg, data=X))
    >>> found["inputs"][0]["statistics"]["max"]
    3.0
    """
    text = json.dumps(
        describe(model, data), default=packed if compact else _listed, allow_nan=False
    )
    if path is not None:
        Path(path).write_text(text, encoding="utf-8")
    return text


def _listed(values: Any) -> Any:
    return values.tolist()


def packed(values: Any, kind: str = "float32") -> dict[str, Any]:
    """Return an array as base64 of "float32" or "float64", the lowest byte first."""
    raw = np.ascontiguousarray(values, dtype=np.dtype(kind).newbyteorder("<")).tobytes()
    return {"shape": list(values.shape), kind: base64.b64encode(raw).decode("ascii")}
