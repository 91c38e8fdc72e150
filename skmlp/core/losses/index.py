"""The log loss of a softmax over many classes, for targets that are class numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np

from skmlp.core.buffers import BLOCK_BYTES

from .base import Array, require
from .classification import ClassificationLoss, log_mean
from .targets import centred


@final
@dataclass(frozen=True)
class IndexLogLoss(ClassificationLoss):
    """log(sum(exp(z))) - z_y, for integer targets y (n, 1): no one-hot rows are formed.

    Rows are visited a few at a time, so that raw outputs for a large vocabulary are read from
    memory once and the gradient is written once. Here ``out`` may be ``raw`` itself, and a raw
    output may be -inf, for a class that is out of question.

    Parameters
    ----------
    n_classes : int
        Number of classes, numbered from 0.

    Examples
    --------
    >>> raw, y = np.zeros((1, 1, 4)), np.array([[1]])
    >>> IndexLogLoss(4).value_and_grad(raw, y, None, out=raw).round(3), raw
    (array([1.386]), array([[[ 0.25, -0.75,  0.25,  0.25]]]))
    """

    n_classes: int

    def n_raw(self, n_targets: int) -> int:
        """Return the number of classes."""
        return self.n_classes

    def check(self, y: Array) -> None:
        """Expect class numbers."""
        known = (y >= 0) & (y < self.n_classes) & (y == np.floor(y))
        require(known, y, self, f"a class number below {self.n_classes}", "Number the classes.")

    def start(self, y: Array, w: Array | None = None) -> Array:
        """Return centred logarithms of the class totals, an absent class taken as half a row."""
        totals = np.bincount(y[:, 0], w, self.n_classes)
        return centred(np.log(np.where(totals > 0, totals, 0.5)))

    def pointwise(self, raw: Array, y: Array, out: Array) -> Array:
        """Write d loss / dz = softmax(z), less 1 for the class y."""
        k, n, m = raw.shape
        y = np.broadcast_to(y, (k, n, 1))
        losses = np.empty((k, n), raw.dtype)
        height = max(1, BLOCK_BYTES // (m * raw.itemsize))
        for network in range(k):
            for start in range(0, n, height):
                at = network, slice(start, start + height)
                losses[at] = _rows(raw[at], y[at], out[at])
        return losses

    def predict(self, raw: Array) -> Array:
        """Return softmax(z)."""
        return np.exp(self.log_predict(raw))

    def log_predict(self, raw: Array) -> Array:
        """Return z - log(sum(exp(z)))."""
        z = raw - np.maximum.reduce(raw, axis=-1, keepdims=True)
        z -= np.log(np.add.reduce(np.exp(z), axis=-1, keepdims=True))
        return z

    def average(self, raw: Array) -> Array:
        """Return the logarithm of the mean probabilities, which is a raw output for them."""
        return raw if len(raw) == 1 else log_mean(self.log_predict(raw))


def _rows(z: Array, y: Array, out: Array) -> Array:
    """Return the losses of rows z (r, m) with classes y (r, 1); write the gradient into out."""
    np.subtract(z, np.maximum.reduce(z, axis=1, keepdims=True), out=out)
    rows, classes = np.arange(len(y)), y[:, 0]
    chosen = out[rows, classes]
    np.exp(out, out=out)
    total = np.add.reduce(out, axis=1, keepdims=True)
    out *= 1 / total
    out[rows, classes] -= 1
    return np.asarray(np.log(total[:, 0]) - chosen)
