"""Log losses of class probabilities."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Literal, final

import numpy as np
from scipy.special import expit, log_expit

from .base import Array, Loss, sum_outputs
from .targets import (
    centred,
    check_smoothing,
    class_totals,
    pairs,
    require_one_hot,
    require_probabilities,
    smoothed,
)


class ClassificationLoss(Loss):
    """A loss whose predictions are probabilities, available as logarithms too."""

    target_scaling: ClassVar[Literal["standard", "none"]] = "none"

    @abstractmethod
    def log_predict(self, raw: Array) -> Array:
        """Return the logarithm of ``predict(raw)``, finite even where a probability rounds to 0."""

    def average(self, raw: Array) -> Array:
        """Return the log-odds of the mean probability of 1, unless overridden."""
        if len(raw) == 1:
            return raw
        return log_mean(self.log_predict(raw)) - log_mean(self.log_predict(-raw))


def log_mean(log_p: Array) -> Array:
    """Return the logarithm (1, ...) of the mean of exp(log_p), (K, ...), which are finite."""
    largest = log_p.max(axis=0, keepdims=True)
    mean: Array = np.log(np.exp(log_p - largest).mean(axis=0, keepdims=True)) + largest
    return mean


class SoftmaxLoss(ClassificationLoss):
    """A loss of the softmax of C raw outputs, for one-hot targets of C columns.

    All axes but the last are carried along, so ``pointwise`` takes any number of them.
    """

    @abstractmethod
    def per_output(self) -> ClassificationLoss:
        """Return the same loss for independent 0/1 outputs, one raw output each."""

    @final
    def check(self, y: Array) -> None:
        """Expect rows of probabilities that sum to 1."""
        require_one_hot(self, y)

    @final
    def predict(self, raw: Array) -> Array:
        """Return softmax(z)."""
        return np.exp(self.log_predict(raw))

    @final
    def log_predict(self, raw: Array) -> Array:
        """Return z - log(sum(exp(z)))."""
        z = raw - np.maximum.reduce(raw, axis=-1, keepdims=True)
        z -= np.log(np.add.reduce(np.exp(z), axis=-1, keepdims=True))
        return z

    @final
    def average(self, raw: Array) -> Array:
        """Return the logarithm of the mean probabilities, which is a raw output for them."""
        return raw if len(raw) == 1 else log_mean(self.log_predict(raw))


@final
@dataclass(frozen=True)
class CategoricalLogLoss(SoftmaxLoss):
    """Cross-entropy of a softmax, log(sum(exp(z))) - sum(y z).

    Parameters
    ----------
    label_smoothing : float, default=0.0
        Targets become (1 - label_smoothing) y + label_smoothing / C (Szegedy et al. 2016,
        section 7).

    Examples
    --------
    >>> raw, y = np.zeros((1, 1, 4)), np.array([[0.0, 1.0, 0.0, 0.0]])
    >>> grad = np.empty_like(raw)
    >>> CategoricalLogLoss().value_and_grad(raw, y, None, out=grad).round(3), grad
    (array([1.386]), array([[[ 0.25, -0.75,  0.25,  0.25]]]))
    """

    label_smoothing: float = 0.0

    def __post_init__(self) -> None:
        """Refuse an impossible label_smoothing."""
        check_smoothing(self.label_smoothing)

    def start(self, y: Array, w: Array | None = None) -> Array:
        """Return centred logarithms of the class totals, an absent class taken as half a row."""
        return centred(np.log(class_totals(y, w, self.label_smoothing)))

    def pointwise(self, raw: Array, y: Array, out: Array) -> Array:
        """Write d loss / dz = softmax(z) - y."""
        y = smoothed(y, self.label_smoothing, y.shape[-1])
        z = raw - np.maximum.reduce(raw, axis=-1, keepdims=True)
        np.exp(z, out=out)
        total = np.add.reduce(out, axis=-1, keepdims=True)
        out /= total
        out -= y
        z *= y
        losses = np.log(total)[..., 0]
        losses -= np.add.reduce(z, axis=-1)
        return np.asarray(losses)

    def prepared(self, y: Array) -> tuple[Loss, Array]:
        """Smooth the targets."""
        return CategoricalLogLoss(), smoothed(y, self.label_smoothing, y.shape[-1])

    def per_output(self) -> ClassificationLoss:
        """Return the binary log loss."""
        return BinaryLogLoss(self.label_smoothing)


@final
@dataclass(frozen=True)
class BinaryLogLoss(ClassificationLoss):
    """log(1 + exp(z)) - y z, summed over outputs that are independent of each other.

    One output is binary classification, several are multilabel. ``log_predict(raw)`` is the
    log-probability of 1, and ``log_predict(-raw)`` that of 0; both are finite.

    Parameters
    ----------
    label_smoothing : float, default=0.0
        Targets become (1 - label_smoothing) y + label_smoothing / 2.

    Examples
    --------
    >>> raw = np.array([[[800.0]]])
    >>> BinaryLogLoss().predict(raw), BinaryLogLoss().log_predict(-raw)
    (array([[[1.]]]), array([[[-800.]]]))
    """

    label_smoothing: float = 0.0

    def __post_init__(self) -> None:
        """Refuse an impossible label_smoothing."""
        check_smoothing(self.label_smoothing)

    def check(self, y: Array) -> None:
        """Expect probabilities."""
        require_probabilities(self, y)

    def start(self, y: Array, w: Array | None = None) -> Array:
        """Return the log-odds of the frequencies, an absent class taken as half a row."""
        counts = [class_totals(pair, w, self.label_smoothing) for pair in pairs(y)]  # t x (2,)
        return np.diff(np.log(counts), axis=1)[:, 0]

    def pointwise(self, raw: Array, y: Array, out: Array) -> Array:
        """Write d loss / dz = s(z) - y, s the logistic function."""
        y = smoothed(y, self.label_smoothing, 2)
        np.abs(raw, out=out)
        losses = np.exp(np.negative(out, out=out))
        np.log1p(losses, out=losses)
        losses += np.maximum(raw, 0, out=out)  # log(1 + exp(z)), of numbers that do not overflow
        np.subtract(raw, losses, out=out)
        np.exp(out, out=out)  # s(z) = exp(z - log(1 + exp(z)))
        out -= y
        losses -= y * raw
        return sum_outputs(losses)

    def prepared(self, y: Array) -> tuple[Loss, Array]:
        """Smooth the targets."""
        return BinaryLogLoss(), smoothed(y, self.label_smoothing, 2)

    def predict(self, raw: Array) -> Array:
        """Return s(z), the probability of 1 for each output."""
        return np.asarray(expit(raw))

    def log_predict(self, raw: Array) -> Array:
        """Return log(s(z))."""
        return np.asarray(log_expit(raw))
