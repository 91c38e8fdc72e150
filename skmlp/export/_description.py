r"""One plain description of a whole prediction, from raw columns to classes or numbers.

Everything that is shipped is made of it: source files, JSON for a browser, other formats. Whoever
reads it needs to know the few operations below, and nothing of estimators. In memory weights are
float64 arrays; everything else is dicts, lists, strings, numbers, booleans and None.
:func:`skmlp.export.to_json` writes the same with nested lists in place of arrays, or, on request,
with ``{"shape": [..], "float32": "<base64, little-endian, C order>"}``.

**The whole.** For n rows::

    {
        "format": "skmlp", "version": 1,
        "model": "MLPClassifier",   # or "MLPRegressor"
        "dtype": "float32",         # of the fit; the arithmetic here is float64
        "inputs": [...],            # what a row of raw values holds, in order
        "columns": [...],           # makes the numbers x (n, p) of raw values
        "prepare": [op, ...],       # x (n, p) -> x (n, p')
        "networks": [{"weight": w, "layers": [op, ...]}, ...],   # each x (n, p') -> values (n, v)
        "average": "mean",          # or "mixture": values of all networks -> values (n, v)
        "finish": [op, ...],        # values (n, v) -> values (n, v)
        "output": {...},            # what the values mean
    }

**inputs.** One dict for each raw column.

==============  ====================================================================================
``name``        The column's name, or x0, x1, ... where the fit saw none.
``kind``        "number" or "category".
``missing``     Whether a value may be missing (None or NaN). If not, refuse the row. Infinity is
                always refused. For a category a missing value, as one that is not listed, has code
                0, so this is always true.
``categories``  Of a category: its values, of type str, bool, int or float. The first has code 1,
                the second 2, ... Values are compared by ==, so that 1, 1.0 and true are one.
``type``        Of a category: "str", "bool", "int", "float" or "mixed", the categories' type.
``statistics``  What is known of the training rows, maybe nothing. Of a number some of "min", "max",
                "mean", "std", "median", "quantiles" (``[[level, value], ...]``) and "missing" (the
                share); of a category "shares", one for each code from 0 on.
==============  ====================================================================================

**columns.** One dict for each column of x: ``{"take": .., "input": j, ..}`` with j the position of
the input that it reads.

============  ======================================================================================
``number``    The number, NaN where it is missing.
``missing``   1 where the number is missing, else 0.
``lookup``    ``values[code]`` of a category's code; one value for each code from 0 on. One-hot
              columns are such lookups, so are pairs of -1 and +1, and codes themselves.
============  ======================================================================================

**Operations.** Each is a dict with "op", its name, and its fields; x is (n, p), and ends as y.
Fields that are arrays have their shape behind them.

===============  ===================================================================================
``dense``        y = x W + b. ``weight`` (p, h), ``bias`` (h,).
``dense_each``   A small dense layer for each of c groups of columns that lie side by side: with x
                 as (n, c, a) and y as (n, c, d), y[:, i] = x[:, i] W[i] + b[i].
                 ``weight`` (c, a, d), ``bias`` (c, d); p = c a, and y has c d columns.
``scale``        y = (x - shift) scale + offset, column by column. ``shift``, ``scale``, ``offset``
                 (p,).
``clip``         y = min(max(x, low), high). ``low``, ``high`` (p,); no bound is -3e38 or 3e38.
``smooth_clip``  y = x / sqrt(1 + (x / limit)²) in the first ``count`` columns, y = x in the others.
                 ``limit`` and ``count`` are numbers.
``fill``         y = x, or a value where x is NaN. ``values`` (p,).
``indicate``     y = [x | 1 where x[:, j] is NaN, else 0, for j in columns]. ``columns``: list of
                 int.
``select``       y = x[:, columns]. ``columns``: list of int.
``repeat``       Each column so often, side by side: y[:, i times + t] = x[:, i]. ``times``: int.
``parts``        y = the results of all parts side by side. ``parts``: list of
                 ``{"columns": [start, stop], "layers": [op, ...]}``, each of which sees
                 x[:, start:stop]. Parts may overlap; a part without layers is taken as it is.
``lookup``       x (n, 1) holds codes 0, 1, ...; y = table[x]. ``table`` (codes, d).
``activation``   y = f(x), elementwise. ``name``: see below. Where ``strength`` (p,) is not None,
                 y = x + strength (f(x) - x). ``parameter``: number or None.
``layer_norm``   y = (x - m) / sqrt(v + epsilon) gain + bias, with m and v the mean and variance
                 (over p, not p - 1) of each row. ``gain``, ``bias`` (p,), ``epsilon``: number.
``softmax``      exp(x) / Σ exp(x) within each group of columns that lie side by side. ``sizes``:
                 list of int, the groups' widths, which sum to p. Subtract the largest x first.
``ascend``       In each group of ``size`` columns a running sum of (x_0, s(x_1), s(x_2), ...), s
                 being softplus. ``size``: int.
===============  ===================================================================================

**Activations**, a being the parameter:

==============  ====================================================================================
``logistic``    1 / (1 + exp(-x))
``tanh``        tanh(x)
``relu``        max(x, 0)
``leaky_relu``  max(x, a x)
``elu``         x for x > 0, else a (exp(x) - 1)
``selu``        1.0507009873554805 elu(x), with 1.6732632423543772 as elu's a
``gelu``        x Φ(x) = x (1 + erf(x / √2)) / 2
``silu``        x / (1 + exp(-x))
``mish``        x tanh(softplus(x))
``softplus``    log(1 + exp(x)) = max(x, 0) + log(1 + exp(-abs(x)))
``cos``         cos(x), in radians
``exp``         exp(x)
==============  ====================================================================================

**average.** The weights w_k of the networks sum to 1. "mean": values = Σ w_k values_k. "mixture":
the left half of the values are means μ, the right half standard deviations σ, and those of the
mixture are wanted: μ = Σ w_k μ_k, σ² = Σ w_k (σ_k² + (μ_k - μ)²).

**output.** ``kind`` says what the values are.

===========  =======================================================================================
"classes"    Probabilities of classes. ``targets``: a list of ``{"classes": [..], "type": ..,
             "columns": [start, stop]}``, one for each column of y; the prediction is the class with
             the largest value among values[:, start:stop], the first of equals. ``several`` says
             whether there may be more than one target: predict_proba is then a list.
"labels"     Probabilities of labels that do not exclude each other. ``classes``, ``type``; the
             prediction is 1 where a value is above 0.5, else 0.
"numbers"    ``predict``: list of int, the columns that are the prediction; then held between
             ``low`` and ``high`` (one for each of them) where these are not None. ``flat`` says
             whether y had one dimension. ``std``: the columns of standard deviations, or None.
             ``levels``: levels of the quantiles or None; if given, the values hold all quantiles
             of the first target, then those of the second, ...
===========  =======================================================================================
"""

from __future__ import annotations

from typing import Any

from sklearn.utils.validation import check_is_fitted

from skmlp.export._inputs import inputs_and_columns
from skmlp.export._layers import networks_of
from skmlp.export._links import link_of
from skmlp.export._steps import prepare_ops, rescaled, unwrap


def describe(model: Any, data: Any = None) -> dict[str, Any]:
    """Return the description of everything between raw columns and prediction.

    Parameters
    ----------
    model : MLPClassifier, MLPRegressor, Pipeline or TransformedTargetRegressor
        Fitted. The steps of a pipeline before the last may be StandardScaler, MinMaxScaler,
        SimpleImputer, TableEncoder and "passthrough"; the transformer of a target StandardScaler,
        MinMaxScaler or none.
    data : frame or array of shape (n, p), default=None
        Rows from which the statistics of the inputs are taken, the training rows best; None for
        those that the fit happens to have kept.

    Returns
    -------
    dict
        See :mod:`skmlp.export._description`.

    Raises
    ------
    TypeError
        If `model` is none of these.
    ValueError
        If a part cannot be described, such as an activation of one's own.

    Examples
    --------
    >>> from skmlp import MLPRegressor
    >>> X, y = [[0.0], [1.0], [2.0], [3.0]], [0.0, 2.0, 4.0, 6.0]
    >>> reg = MLPRegressor((), solver="lbfgs", max_iter=50, random_state=0).fit(X, y)
    >>> found = describe(reg)
    >>> [op["op"] for op in found["prepare"]]
    ['scale', 'fill']
    >>> [op["op"] for op in found["networks"][0]["layers"]], found["average"]
    (['dense'], 'mean')
    >>> found["output"]["kind"], found["output"]["predict"]
    ('numbers', [0])
    """
    steps, mlp, targets = unwrap(model)
    for part in [*steps, mlp]:
        check_is_fitted(part)
    inputs, columns = inputs_and_columns(steps, mlp, data)
    link, average, finish, output = link_of(mlp)
    finish, output = rescaled(finish, output, targets)
    return {
        "format": "skmlp",
        "version": 1,
        "model": type(mlp).__name__,
        "dtype": str(mlp.networks_.dtype),
        "inputs": inputs,
        "columns": columns,
        "prepare": prepare_ops(steps, mlp),
        "networks": networks_of(mlp, link),
        "average": average,
        "finish": finish,
        "output": output,
    }
