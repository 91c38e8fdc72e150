"""Carry out a description with NumPy: the reference, and a part of written source files."""

from __future__ import annotations

import math

import numpy as np

from skmlp.export._reading import read_rows


def run(description, rows):
    """Return the values of a description for rows of raw values.

    Parameters
    ----------
    description : dict
        See :mod:`skmlp.export._description`; lists may stand for arrays.
    rows : sequence of sequences or of dicts
        Raw values: in the order of the inputs, or by their names.

    Returns
    -------
    ndarray of shape (n, v)
    """
    x = np.array(read_rows(description, rows), dtype=float)
    x = apply(description["prepare"], x.reshape(-1, len(description["columns"])))
    networks = description["networks"]
    each = [apply(network["layers"], x) for network in networks]
    weights = [network["weight"] for network in networks]
    if description["average"] == "mixture":
        values = mixture(each, weights)
    else:
        values = sum(w * v for w, v in zip(weights, each, strict=True))
    return apply(description["finish"], values)


def predicted(description, rows):
    """Return the classes (n,) or (n, t), the labels (n, m), or the numbers (n,) or (n, t)."""
    values, output = run(description, rows), description["output"]
    if output["kind"] == "labels":
        return (values > 0.5).astype(int)
    if output["kind"] == "classes":
        found = []
        for target in output["targets"]:
            codes = values[:, slice(*target["columns"])].argmax(axis=1)
            kind = object if target["type"] == "mixed" else None
            found.append(np.array(target["classes"], dtype=kind)[codes])
        return np.stack(found, axis=1) if output["several"] else found[0]
    found = values[:, output["predict"]]
    if output["low"] is not None:
        found = np.clip(found, output["low"], output["high"])
    return found[:, 0] if output["flat"] else found


def probabilities(description, rows):
    """Return the probabilities (n, m), or a list of these where there are several targets."""
    values, output = run(description, rows), description["output"]
    if output["kind"] == "numbers":
        raise ValueError("predict_proba: this model predicts numbers; call predict.")
    if output["kind"] == "classes" and output["several"]:
        return [values[:, slice(*target["columns"])] for target in output["targets"]]
    return values


def apply(ops, x):
    """Return x (n, p) after operations, one after the other."""
    for op in ops:
        x = OPS[op["op"]](op, x)
    return x


def mixture(each, weights):
    """Return mean and standard deviation of a mixture of distributions [mean | deviation]."""
    means, deviations = np.split(np.array(each), 2, axis=2)  # (K, n, t)
    w = np.reshape(weights, (-1, 1, 1))
    mean = (w * means).sum(axis=0)
    variance = (w * (deviations**2 + (means - mean) ** 2)).sum(axis=0)
    return np.hstack([mean, np.sqrt(variance)])


def dense(op, x):
    """Return x W + b."""
    return x @ np.asarray(op["weight"]) + op["bias"]


def dense_each(op, x):
    """Return x[:, i] W[i] + b[i] for groups i of columns."""
    weight = np.asarray(op["weight"])  # (c, a, d)
    groups = x.reshape(len(x), *weight.shape[:2]).swapaxes(0, 1)
    y = (groups @ weight).swapaxes(0, 1) + op["bias"]
    return y.reshape(len(x), -1)


def scale(op, x):
    """Return (x - shift) scale + offset."""
    return (x - op["shift"]) * op["scale"] + op["offset"]


def clip(op, x):
    """Return x between low and high."""
    return np.minimum(np.maximum(x, op["low"]), op["high"])


def smooth_clip(op, x):
    """Return x / sqrt(1 + (x / limit)²) in the first columns."""
    head, tail = x[:, : op["count"]], x[:, op["count"] :]
    return np.hstack([head / np.hypot(1, head / op["limit"]), tail])


def fill(op, x):
    """Return x with a value for each NaN."""
    return np.where(np.isnan(x), op["values"], x)


def indicate(op, x):
    """Return x and 0/1 columns that tell of NaN."""
    return np.hstack([x, np.isnan(x[:, op["columns"]])])


def select(op, x):
    """Return some columns."""
    return x[:, op["columns"]]


def repeat(op, x):
    """Return each column several times, side by side."""
    return np.repeat(x, op["times"], axis=1)


def parts(op, x):
    """Return what becomes of the parts, side by side."""
    return np.hstack([apply(p["layers"], x[:, slice(*p["columns"])]) for p in op["parts"]])


def lookup(op, x):
    """Return the rows of a table by their numbers."""
    return np.asarray(op["table"])[x[:, 0].astype(int)]


def activation(op, x):
    """Return f(x), or x + strength (f(x) - x)."""
    y = ACTIVATIONS[op["name"]](x, op["parameter"])
    return y if op["strength"] is None else x + np.asarray(op["strength"]) * (y - x)


def layer_norm(op, x):
    """Return each row with mean 0 and variance 1, times gain plus bias."""
    x = x - x.mean(axis=1, keepdims=True)
    unit = x / np.sqrt(x.var(axis=1, keepdims=True) + op["epsilon"])
    return unit * op["gain"] + op["bias"]


def softmax(op, x):
    """Return probabilities in each group of columns."""
    found = []
    for group in np.split(x, np.cumsum(op["sizes"])[:-1], axis=1):
        e = np.exp(group - group.max(axis=1, keepdims=True))
        found.append(e / e.sum(axis=1, keepdims=True))
    return np.hstack(found)


def ascend(op, x):
    """Return numbers in each group of columns that do not fall."""
    steps = x.reshape(len(x), -1, op["size"]).copy()
    steps[:, :, 1:] = softplus(steps[:, :, 1:])
    return np.cumsum(steps, axis=2).reshape(x.shape)


def softplus(x):
    """Return log(1 + exp(x))."""
    return np.logaddexp(x, 0)


def logistic(x):
    """Return 1 / (1 + exp(-x)), without overflow."""
    e = np.exp(-np.abs(x))
    return np.where(x >= 0, 1, e) / (1 + e)


def elu(x, a):
    """Return x above 0, a (exp(x) - 1) below."""
    return np.where(x > 0, x, a * np.expm1(np.minimum(x, 0)))


def normal_share(x):
    """Return the distribution function of the standard normal; exact also where it is small."""
    return np.vectorize(lambda z: 0.5 * math.erfc(-z / math.sqrt(2)), otypes=[float])(x)


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
    "tanh": lambda x, a: np.tanh(x),
    "relu": lambda x, a: np.maximum(x, 0),
    "leaky_relu": lambda x, a: np.maximum(x, a * x),
    "elu": elu,
    "selu": lambda x, a: 1.0507009873554805 * elu(x, 1.6732632423543772),
    "gelu": lambda x, a: x * normal_share(x),
    "silu": lambda x, a: x * logistic(x),
    "mish": lambda x, a: x * np.tanh(softplus(x)),
    "softplus": lambda x, a: softplus(x),
    "cos": lambda x, a: np.cos(x),
    "exp": lambda x, a: np.exp(x),
}
