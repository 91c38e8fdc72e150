"""The operations of a description as nodes of an ONNX graph."""

from __future__ import annotations

import math
from itertools import accumulate, count, pairwise
from typing import Any

import numpy as np

Op = dict[str, Any]

#: Types of tensors, by their numbers in the file format.
STRING, INT64 = 8, 7
FLOATS = {np.dtype(np.float32): 1, np.dtype(np.float64): 11}


class Graph:
    """Nodes and constants in the making.

    ``g("Add", x, 2.0)`` adds a node, and returns the name of what it computes. Text among its
    inputs is such a name; all else becomes a constant, integers as int64, floats as ``dtype``.

    Parameters
    ----------
    onnx : module
        The library.
    dtype : dtype
        Type of the numbers.
    taken : set of str
        Names that are not free.
    """

    def __init__(self, onnx: Any, dtype: Any, taken: set[str]) -> None:
        self.onnx, self.dtype = onnx, np.dtype(dtype)
        self.nodes: list[Any] = []
        self.constants: list[Any] = []
        self._names = (name for i in count() if (name := f"v{i}") not in taken)

    def __call__(self, kind: str, *inputs: Any, name: str | None = None, **settings: Any) -> str:
        """Add a node, and return the name of its output."""
        names = [one if isinstance(one, str) else self._constant(one) for one in inputs]
        name = name or next(self._names)
        self.nodes.append(self.onnx.helper.make_node(kind, names, [name], name, **settings))
        return name

    def _constant(self, value: Any) -> str:
        values, name = np.asarray(value), next(self._names)
        dtype = {"f": self.dtype, "i": np.int64}.get(values.dtype.kind, object)
        self.constants.append(self.onnx.numpy_helper.from_array(values.astype(dtype), name))
        return name

    @property
    def number(self) -> int:
        """The type of tensors of numbers."""
        return FLOATS[self.dtype]

    def tensor(self, name: str, element: int, *shape: int) -> Any:
        """Return what tells of an input or output of n rows."""
        return self.onnx.helper.make_tensor_value_info(name, element, ["n", *shape])

    def floats(self, x: str) -> str:
        """Return numbers for booleans."""
        return self("Cast", x, to=self.number)

    def integers(self, x: str) -> str:
        """Return integers for numbers or booleans."""
        return self("Cast", x, to=INT64)


def apply(g: Graph, ops: list[Op], x: str) -> str:
    """Return x (n, p) after operations, one after the other."""
    for op in ops:
        x = OPS[op["op"]](g, op, x)
    return x


def beside(g: Graph, blocks: list[str]) -> str:
    """Return blocks of columns side by side."""
    return blocks[0] if len(blocks) == 1 else g("Concat", *blocks, axis=1)


def between(g: Graph, x: str, start: int, stop: int) -> str:
    """Return x[:, start:stop]."""
    return g("Slice", x, [start], [stop], [1])


def table_rows(g: Graph, table: Any, codes: str) -> str:
    """Return rows of a table (c, d) by their numbers (n, 1)."""
    return g("Flatten", g("Gather", table, codes, axis=0), axis=1)


# -- averages of networks --------------------------------------------------------------------


def mean(g: Graph, weights: list[float], each: list[str]) -> str:
    """Return the weighted sum."""
    return g("Sum", *(g("Mul", x, w) for x, w in zip(each, weights, strict=True)))


def mixture(g: Graph, weights: list[float], each: list[str]) -> str:
    """Return mean and standard deviation of a mixture of distributions [mean | deviation]."""
    halves = [g("Reshape", x, [0, 2, -1]) for x in each]
    means, deviations = ([g("Gather", x, i, axis=1) for x in halves] for i in (0, 1))
    centre = mean(g, weights, means)
    away = [g("Sub", x, centre) for x in means]
    squares = [
        g("Add", g("Mul", s, s), g("Mul", d, d)) for s, d in zip(deviations, away, strict=True)
    ]
    return beside(g, [centre, g("Sqrt", mean(g, weights, squares))])


# -- operations ------------------------------------------------------------------------------


def dense(g: Graph, op: Op, x: str) -> str:
    """Return x W + b."""
    return g("Gemm", x, op["weight"], op["bias"])


def dense_each(g: Graph, op: Op, x: str) -> str:
    """Return x[:, i] W[i] + b[i] for groups i of columns."""
    weight = op["weight"]  # (c, a, d)
    groups = g("Reshape", x, [0, *weight.shape[:2]])  # 0: as many rows as there are
    y = g("Einsum", groups, weight, equation="nca,cad->ncd")
    return g("Flatten", g("Add", y, op["bias"]), axis=1)


def scale(g: Graph, op: Op, x: str) -> str:
    """Return (x - shift) scale + offset."""
    # what rounding takes from the shift goes into the offset: it may be large beside 1 / scale
    shift = op["shift"].astype(g.dtype)
    offset = op["offset"] - (op["shift"] - shift) * op["scale"]
    if shift.any():
        x = g("Sub", x, shift)
    x = g("Mul", x, op["scale"])
    return g("Add", x, offset) if offset.any() else x


def clip(g: Graph, op: Op, x: str) -> str:
    """Return x between low and high."""
    return g("Min", g("Max", x, op["low"]), op["high"])


def smooth_clip(g: Graph, op: Op, x: str) -> str:
    """Return x / sqrt(1 + (x / limit)²) in the first columns."""
    head = between(g, x, 0, op["count"])
    tail = between(g, x, op["count"], np.iinfo(np.int64).max)
    unit = g("Div", head, op["limit"])
    unit = g("Min", g("Max", unit, -1e9), 1e9)  # the result is the same, and no square overflows
    clipped = g("Div", unit, g("Sqrt", g("Add", g("Mul", unit, unit), 1.0)))
    return beside(g, [g("Mul", clipped, op["limit"]), tail])


def fill(g: Graph, op: Op, x: str) -> str:
    """Return x with a value for each NaN."""
    return g("Where", g("IsNaN", x), op["values"], x)


def indicate(g: Graph, op: Op, x: str) -> str:
    """Return x and 0/1 columns that tell of NaN."""
    return beside(g, [x, g.floats(g("IsNaN", select(g, op, x)))])


def select(g: Graph, op: Op, x: str) -> str:
    """Return some columns."""
    return g("Gather", x, op["columns"], axis=1)


def repeat(g: Graph, op: Op, x: str) -> str:
    """Return each column several times, side by side."""
    return g("Flatten", g("Tile", g("Unsqueeze", x, [2]), [1, 1, op["times"]]), axis=1)


def parts(g: Graph, op: Op, x: str) -> str:
    """Return what becomes of the parts, side by side."""
    each = op["parts"]
    return beside(g, [apply(g, one["layers"], between(g, x, *one["columns"])) for one in each])


def lookup(g: Graph, op: Op, x: str) -> str:
    """Return the rows of a table by their numbers."""
    return table_rows(g, op["table"], g.integers(x))


def activation(g: Graph, op: Op, x: str) -> str:
    """Return f(x), or x + strength (f(x) - x)."""
    y = ACTIVATIONS[op["name"]](g, x, op["parameter"])
    if op["strength"] is None:
        return y
    return g("Add", x, g("Mul", g("Sub", y, x), op["strength"]))


def layer_norm(g: Graph, op: Op, x: str) -> str:
    """Return each row with mean 0 and variance 1, times gain plus bias."""
    return g("LayerNormalization", x, op["gain"], op["bias"], epsilon=op["epsilon"])


def softmax(g: Graph, op: Op, x: str) -> str:
    """Return probabilities in each group of columns."""
    if len(op["sizes"]) == 1:
        return g("Softmax", x, axis=1)
    ends = pairwise(accumulate(op["sizes"], initial=0))
    return beside(g, [g("Softmax", between(g, x, *group), axis=1) for group in ends])


def ascend(g: Graph, op: Op, x: str) -> str:
    """Return numbers in each group of columns that do not fall."""
    groups = g("Reshape", x, [0, -1, op["size"]])
    first, others = (g("Slice", groups, [a], [b], [2]) for a, b in ((0, 1), (1, op["size"])))
    steps = g("Concat", first, softplus(g, others), axis=2)
    return g("Flatten", g("CumSum", steps, 2), axis=1)


# -- activations: made of what runtimes have in float64 too, which Cos, Elu, Erf, Selu, Softplus and
# -- x Sigmoid(x), which they join into one, are not


def elu(g: Graph, x: str, a: float) -> str:
    """Return x above 0, a (exp(x) - 1) below."""
    below = g("Sub", g("Exp", g("Min", x, 0.0)), 1.0)
    return g("Add", g("Relu", x), g("Mul", below, a))


def softplus(g: Graph, x: str) -> str:
    """Return max(x, 0) + log(1 + exp(-abs(x)))."""
    small = g("Log", g("Add", g("Exp", g("Neg", g("Abs", x))), 1.0))
    return g("Add", g("Relu", x), small)


def normal_share(g: Graph, x: str) -> str:
    """Return the distribution function of the standard normal.

    Without Erf it is the inversion of the characteristic function, 1/2 + 1/π ∫ exp(-t²/2)
    sin(t x) / t dt over t > 0, by the trapezoid rule at t = h (k + 1/2). (Davies 1973,
    "Numerical inversion of a characteristic function", Biometrika 60.) The error of the rule is
    no more than the normal's share beyond 2π/h - abs(x), here 8.5, which is 1e-17.
    """
    if g.dtype == np.float32:
        return g("Mul", g("Add", g("Erf", g("Mul", x, math.sqrt(0.5))), 1.0), 0.5)
    reach, h, k = 8.5, 0.37, np.arange(23) + 0.5
    bounded = g("Unsqueeze", g("Min", g("Max", x, -reach), reach), [2])
    waves = g("Sin", g("Mul", bounded, h * k))  # (n, p, 23)
    return g("Add", g("MatMul", waves, np.exp(-((h * k) ** 2) / 2) / (k * math.pi)), 0.5)


OPS = {
    "dense": dense,
    "dense_each": dense_each,
    "scale": scale,
    "clip": clip,
    "smooth_clip": smooth_clip,
    "fill": fill,
    "indicate": indicate,
    "select": select,
    "repeat": repeat,
    "parts": parts,
    "lookup": lookup,
    "activation": activation,
    "layer_norm": layer_norm,
    "softmax": softmax,
    "ascend": ascend,
}

ACTIVATIONS = {
    "logistic": lambda g, x, a: g("Sigmoid", x),
    "tanh": lambda g, x, a: g("Tanh", x),
    "relu": lambda g, x, a: g("Relu", x),
    "leaky_relu": lambda g, x, a: g("Max", x, g("Mul", x, a)),
    "elu": elu,
    "selu": lambda g, x, a: g("Mul", elu(g, x, 1.6732632423543772), 1.0507009873554805),
    "gelu": lambda g, x, a: g("Mul", x, normal_share(g, x)),
    "silu": lambda g, x, a: g("Div", x, g("Add", g("Exp", g("Neg", x)), 1.0)),
    "mish": lambda g, x, a: g("Mul", x, g("Tanh", softplus(g, x))),
    "softplus": lambda g, x, a: softplus(g, x),
    "cos": lambda g, x, a: g("Sin", g("Add", x, math.pi / 2)),
    "exp": lambda g, x, a: g("Exp", x),
}
