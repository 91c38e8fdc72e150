"""The contract of a loss: value and gradient with respect to the raw output."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, ClassVar, Literal, final

import numpy as np
from numpy.typing import NDArray

Array = NDArray[Any]


class Loss(ABC):
    """A loss of K networks on n rows, each with m raw outputs.

    A subclass says what one row costs (``pointwise``); weighting and averaging are done here, once.

    Attributes
    ----------
    target_scaling : {"standard", "none"}
        "standard": shifting and scaling y shifts and scales the best prediction, so networks may be
        trained on y with mean 0 and variance 1. "none": the numbers of y carry meaning.
    """

    target_scaling: ClassVar[Literal["standard", "none"]]

    def n_raw(self, n_targets: int) -> int:
        """Return the number of raw outputs for so many columns of y: as many, unless overridden."""
        return n_targets

    def check(self, y: Array) -> None:
        """Raise ValueError if y, shape (n, t), is outside the domain: finite, unless overridden."""
        require(np.isfinite(y), y, self, "a finite number", "Remove or correct such rows.")

    def prepared(self, y: Array) -> tuple[Loss, Array]:
        """Return a loss and targets for it that amount to this loss of y.

        What can be done to y (n, t) once is then not done at every step; nothing, unless
        overridden.
        """
        return self, y

    @abstractmethod
    def start(self, y: Array, w: Array | None = None) -> Array:
        """Return the raw output of the best constant prediction, shape (m,), always finite.

        y has shape (n, t), w is None or has shape (n,).
        """

    @abstractmethod
    def pointwise(self, raw: Array, y: Array, out: Array) -> Array:
        """Return the loss of every row, (K, n), and write its derivative by raw into out.

        raw and out have shape (K, n, m), y has shape (n, t) or (K, n, t) and the dtype of raw.
        Only out is overwritten.
        """

    @abstractmethod
    def predict(self, raw: Array) -> Array:
        """Return predictions, in units of y, (K, n, ...), of raw, (K, n, m); may be raw itself."""

    def average(self, raw: Array) -> Array:
        """Return the raw output (1, n, m) of an ensemble whose members have raw, (K, n, m).

        Its prediction is the mean of theirs where the link is linear, and whatever a subclass
        makes of it where it is not.
        """
        return raw if len(raw) == 1 else raw.mean(axis=0, keepdims=True)

    def cooled(self, raw: Array, temperature: float) -> Array:
        """Return raw outputs whose predictions are less sure, where temperature is above 1.

        All of them divided by it, unless overridden.
        """
        return np.asarray(raw / raw.dtype.type(temperature))

    @final
    def value_and_grad(self, raw: Array, y: Array, w: Array | None, out: Array) -> Array:
        """Return sum_i w_i loss_i / n for each network, (K,), and write its gradient into out.

        Parameters
        ----------
        raw : ndarray of shape (K, n, m)
            Raw outputs of the n rows of a batch.
        y : ndarray of shape (n, t) or (K, n, t)
            Targets.
        w : ndarray of shape (n,) or (K, n), or None
            Weights, with mean 1 over the *whole* training set. A batch that happens to hold light
            rows then takes a small step, and the batches of an epoch add up to the weighted total.
        out : ndarray of shape (K, n, m)
            Receives the gradient with respect to raw.
        """
        losses = self.pointwise(raw, y, out)
        n = raw.shape[1]
        if w is None:
            out *= 1.0 / n
            return np.asarray(np.add.reduce(losses, axis=1) / n)
        shares = w / n
        out *= shares[..., None]
        losses = losses * shares
        return np.asarray(np.add.reduce(losses, axis=1))


def sum_outputs(terms: Array) -> Array:
    """Sum over the last axis; a single output is taken as it is, which saves a reduction."""
    return np.asarray(terms[..., 0] if terms.shape[-1] == 1 else np.add.reduce(terms, axis=-1))


def require(holds: Array, y: Array, loss: Loss, expected: str, mend: str) -> None:
    """Raise ValueError at the first entry of y, (n, t), where ``holds`` is False."""
    if holds.all():
        return
    row, column = np.argwhere(~holds)[0]
    raise ValueError(
        f"{type(loss).__name__} loss: got y={float(y[row, column])!r} in row {row}, "
        f"column {column}, but expected {expected}. {mend}"
    )
