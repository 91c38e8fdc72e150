"""Carry out a description in plain Python, row by row: a part of written source files."""

from __future__ import annotations

import math

from skmlp.export._reading import read_rows


def run(description, rows):
    """Return the values of a description, a list of v numbers for each row of raw values.

    Parameters
    ----------
    description : dict
        See :mod:`skmlp.export._description`, with nested lists as arrays.
    rows : sequence of sequences or of dicts
        Raw values: in the order of the inputs, or by their names.

    Returns
    -------
    list of list of float
    """
    return [_values_of(description, x) for x in read_rows(description, rows)]


def predicted(description, rows):
    """Return the class, the labels, the number or the numbers of each row."""
    values, output = run(description, rows), description["output"]
    if output["kind"] == "labels":
        return [[int(p > 0.5) for p in row] for row in values]
    if output["kind"] == "classes":
        found = []
        for row in values:
            blocks = [row[slice(*target["columns"])] for target in output["targets"]]
            codes = [block.index(max(block)) for block in blocks]
            pairs = zip(output["targets"], codes, strict=True)
            found.append([target["classes"][code] for target, code in pairs])
        return found if output["several"] else [classes[0] for classes in found]
    found = [[row[j] for j in output["predict"]] for row in values]
    if output["low"] is not None:
        found = [clip(output, row) for row in found]
    return [row[0] for row in found] if output["flat"] else found


def probabilities(description, rows):
    """Return the probabilities of each row, or a list of these where there are several targets."""
    values, output = run(description, rows), description["output"]
    if output["kind"] == "numbers":
        raise ValueError("predict_proba: this model predicts numbers; call predict.")
    if output["kind"] == "classes" and output["several"]:
        ends = [target["columns"] for target in output["targets"]]
        return [[row[start:stop] for row in values] for start, stop in ends]
    return values


def _values_of(description, x):
    """Return the values of one row."""
    x = apply(description["prepare"], x)
    networks = description["networks"]
    each = [apply(network["layers"], x) for network in networks]
    weights = [network["weight"] for network in networks]
    if description["average"] == "mixture":
        values = mixture(each, weights)
    else:
        values = weighted(each, weights)
    return apply(description["finish"], values)


def apply(ops, x):
    """Return a row x after operations, one after the other."""
    for op in ops:
        x = OPS[op["op"]](op, x)
    return x


def weighted(each, weights):
    """Return the sum of rows times weights."""
    return [
        sum(w * v for w, v in zip(weights, column, strict=True))
        for column in zip(*each, strict=True)
    ]


def mixture(each, weights):
    """Return mean and standard deviation of a mixture of distributions [mean | deviation]."""
    t = len(each[0]) // 2
    mean = weighted([row[:t] for row in each], weights)
    squares = [
        [s * s + (v - m) ** 2 for v, s, m in zip(row, row[t:], mean, strict=False)] for row in each
    ]
    return mean + [math.sqrt(v) for v in weighted(squares, weights)]


def dense(op, x):
    """Return x W + b."""
    return product(x, op["weight"], op["bias"])


def dense_each(op, x):
    """Return x_i W[i] + b[i] for groups i of columns."""
    a = len(x) // len(op["weight"])
    pairs = enumerate(zip(op["weight"], op["bias"], strict=True))
    return [v for i, (w, b) in pairs for v in product(x[i * a : (i + 1) * a], w, b)]


def product(x, weight, bias):
    """Return x W + b."""
    y = list(bias)
    for value, row in zip(x, weight, strict=True):
        if value:
            y = [before + value * w for before, w in zip(y, row, strict=True)]
    return y


def scale(op, x):
    """Return (x - shift) scale + offset."""
    pairs = zip(x, op["shift"], op["scale"], op["offset"], strict=True)
    return [(value - shift) * factor + offset for value, shift, factor, offset in pairs]


def clip(op, x):
    """Return x between low and high."""
    ends = zip(x, op["low"], op["high"], strict=True)
    return [min(max(value, low), high) for value, low, high in ends]


def smooth_clip(op, x):
    """Return x / sqrt(1 + (x / limit)²) in the first columns."""
    head, tail = x[: op["count"]], x[op["count"] :]
    return [value / math.hypot(1, value / op["limit"]) for value in head] + tail


def fill(op, x):
    """Return x with a value for each NaN."""
    pairs = zip(x, op["values"], strict=True)
    return [other if math.isnan(value) else value for value, other in pairs]


def indicate(op, x):
    """Return x and 0/1 columns that tell of NaN."""
    return x + [float(math.isnan(x[j])) for j in op["columns"]]


def select(op, x):
    """Return some columns."""
    return [x[j] for j in op["columns"]]


def repeat(op, x):
    """Return each column several times, side by side."""
    return [value for value in x for _ in range(op["times"])]


def parts(op, x):
    """Return what becomes of the parts, side by side."""
    each = [apply(part["layers"], x[slice(*part["columns"])]) for part in op["parts"]]
    return [value for part in each for value in part]


def lookup(op, x):
    """Return a row of a table by its number."""
    return list(op["table"][int(x[0])])


def activation(op, x):
    """Return f(x), or x + strength (f(x) - x)."""
    f, a, strength = ACTIVATIONS[op["name"]], op["parameter"], op["strength"]
    if strength is None:
        return [f(value, a) for value in x]
    return [value + s * (f(value, a) - value) for value, s in zip(x, strength, strict=True)]


def layer_norm(op, x):
    """Return the row with mean 0 and variance 1, times gain plus bias."""
    mean = sum(x) / len(x)
    x = [value - mean for value in x]
    deviation = math.sqrt(sum(value * value for value in x) / len(x) + op["epsilon"])
    pairs = zip(x, op["gain"], op["bias"], strict=True)
    return [value / deviation * gain + bias for value, gain, bias in pairs]


def softmax(op, x):
    """Return probabilities in each group of columns."""
    found, start = [], 0
    for size in op["sizes"]:
        group = x[start : start + size]
        e = [math.exp(value - max(group)) for value in group]
        found += [value / sum(e) for value in e]
        start += size
    return found


def ascend(op, x):
    """Return numbers in each group of columns that do not fall."""
    found = []
    for j, value in enumerate(x):
        found.append(found[-1] + softplus(value) if j % op["size"] else value)
    return found


def softplus(x):
    """Return log(1 + exp(x))."""
    return max(x, 0.0) + math.log1p(math.exp(-abs(x)))


def logistic(x):
    """Return 1 / (1 + exp(-x)), without overflow."""
    e = math.exp(-abs(x))
    return (1.0 if x >= 0 else e) / (1 + e)


def elu(x, a):
    """Return x above 0, a (exp(x) - 1) below."""
    return x if x > 0 else a * math.expm1(x)


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
    "logistic": lambda x, a: logistic(x),
    "tanh": lambda x, a: math.tanh(x),
    "relu": lambda x, a: max(x, 0.0),
    "leaky_relu": lambda x, a: max(x, a * x),
    "elu": elu,
    "selu": lambda x, a: 1.0507009873554805 * elu(x, 1.6732632423543772),
    "gelu": lambda x, a: x * 0.5 * math.erfc(-x / math.sqrt(2)),
    "silu": lambda x, a: x * logistic(x),
    "mish": lambda x, a: x * math.tanh(softplus(x)),
    "softplus": lambda x, a: softplus(x),
    "cos": lambda x, a: math.cos(x),
    "exp": lambda x, a: math.exp(x),
}
