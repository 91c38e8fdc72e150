"""A fitted network as a source file that needs nothing of this package."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path
from typing import Any, Literal

import numpy as np

from skmlp.export import _numpy_runtime, _python_runtime, _reading
from skmlp.export._description import describe

#: Columns that the head of a file names.
_MOST_LISTED = 100
_RUNTIMES = {"numpy": _numpy_runtime, "python": _python_runtime}
_IMPORTS = {"numpy": "import math\n\nimport numpy as np", "python": "import math"}

_TEMPLATE = '''"""Predictions of a fitted {model}. Written by skmlp; needs {needs}.

A row of raw values is a list in this order, or a dict by these names, None or NaN where a value is
missing:

{inputs}
"""

{imports}


{reading}


{runtime}


def predict(rows):
    """Return the predictions for rows of raw values."""
    return predicted(DESCRIPTION, rows)

{proba}
DESCRIPTION = {description}
'''

_PROBA = '''
def predict_proba(rows):
    """Return the probabilities for rows of raw values."""
    return probabilities(DESCRIPTION, rows)

'''


def to_source(
    model: Any, path: Any = None, *, library: Literal["numpy", "python"] = "numpy"
) -> str:
    """Write a fitted network as a source file that predicts by itself.

    The file defines ``predict(rows)`` and, for classes, ``predict_proba(rows)``, which take raw
    values: a list of rows, each of them a list in the order of the columns, or a dict by their
    names; of a frame these are ``frame.to_dict("records")``. Weights are written with all their
    digits, and the arithmetic is float64: a fit in float64 predicts the same to rounding.

    Parameters
    ----------
    model : MLPClassifier, MLPRegressor, Pipeline or TransformedTargetRegressor
        Fitted; see :func:`describe` for the steps that a pipeline may have.
    path : str or path, default=None
        File to write; None for none.
    library : {"numpy", "python"}, default="numpy"
        What the file needs: NumPy, or nothing but Python's own library, which is slower.

    Returns
    -------
    str
        The source.

    Raises
    ------
    TypeError, ValueError
        If the model, or a part of it, cannot be described.

    Examples
    --------
    >>> from skmlp import MLPRegressor
    >>> X, y = [[0.0], [1.0], [2.0], [3.0]], [0.0, 2.0, 4.0, 6.0]
    >>> reg = MLPRegressor((), solver="lbfgs", max_iter=50, random_state=0).fit(X, y)
    >>> shipped = {}
    >>> exec(to_source(reg, library="python"), shipped)
    >>> round(shipped["predict"]([[10.0], {"x0": 1.0}])[0], 2)
    20.0
    """
    if library not in _RUNTIMES:
        raise ValueError(f"Got library={library!r}, but expected 'numpy' or 'python'.")
    description = describe(model)
    text = _TEMPLATE.format(
        model=description["model"],
        needs={"numpy": "NumPy", "python": "nothing but Python"}[library],
        inputs=_listed(description["inputs"]),
        imports=_IMPORTS[library],
        reading=_body(_reading),
        runtime=_body(_RUNTIMES[library]),
        proba="" if description["output"]["kind"] == "numbers" else _PROBA,
        description=_literal(description, "np.array({})" if library == "numpy" else "{}"),
    )
    if path is not None:
        Path(path).write_text(text, encoding="utf-8")
    return text


def _listed(inputs: list[dict[str, Any]]) -> str:
    more = len(inputs) - _MOST_LISTED
    lines = [*map(_line, inputs[:_MOST_LISTED]), *([f"- and {more} more"] if more > 0 else [])]
    return "\n".join(lines)


def _line(given: dict[str, Any]) -> str:
    """Tell of an input in a line that is safe within a docstring."""
    of = ", one of " + ", ".join(map(repr, given["categories"])) if "categories" in given else ""
    return f"- {given['name']}: {given['kind']}{of}".replace("\\", "\\\\").replace('"', "'")


def _body(module: Any) -> str:
    """Return a module's source without its docstring and imports."""
    text = inspect.getsource(module)
    head = (ast.Expr, ast.Import, ast.ImportFrom)
    start = next(node for node in ast.parse(text).body if not isinstance(node, head)).lineno
    return "\n".join(text.splitlines()[start - 1 :])


def _literal(value: Any, array: str, indent: str = "") -> str:
    """Write dicts and lists of dicts over several lines, everything else on one."""
    deeper = indent + "    "
    if isinstance(value, np.ndarray):
        return array.format(value.tolist())
    if isinstance(value, dict):
        items = [f"{key!r}: {_literal(one, array, deeper)}" for key, one in value.items()]
        ends = "{}"
    elif isinstance(value, list) and value and isinstance(value[0], dict):
        items, ends = [_literal(one, array, deeper) for one in value], "[]"
    else:
        return repr(value)
    lines = "".join(f"{deeper}{item},\n" for item in items)
    return f"{ends[0]}\n{lines}{indent}{ends[1]}"
