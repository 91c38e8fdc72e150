"""The ordinal loss: class probabilities, where the classes have an order."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np
from scipy.special import expit, log_expit

from .base import Array, Loss
from .classification import BinaryLogLoss, ClassificationLoss, log_mean
from .rising import inverse_softplus, raw_of_rising, rising, rising_backward
from .targets import check_smoothing, class_totals, require_one_hot, smoothed


@final
@dataclass(frozen=True)
class Ordinal(ClassificationLoss):
    """Minus the log-probability of the true one of C ordered classes, by C - 1 raw outputs.

    A cumulative logit model (McCullagh 1980, section 2): P(y <= k) = s(r_k), s the logistic
    function, r_0 = z_0 and r_k = r_{k-1} + log(1 + exp(z_k)). So cumulative probabilities never
    fall, and what a network learns about z_0 moves all classes along one scale. With constants for
    the other z_k that is McCullagh's proportional odds; here the network bends them where the data
    want it. The probability of a class between two thresholds is s(r_k) s(-r_{k-1}) s(z_k).

    Parameters
    ----------
    label_smoothing : float, default=0.0
        As in ``CategoricalLogLoss``.
    order : sequence of int or None, default=None
        Numbers of the columns of y, that of the lowest class first; None where they are in order.
        Predictions have the columns of y in any case.

    Examples
    --------
    >>> Ordinal().predict(np.array([[[-2.0, 1.0, -3.0]]])).round(3)
    array([[[0.119, 0.216, 0.011, 0.654]]])
    >>> Ordinal(order=(3, 0, 1, 2)).predict(np.array([[[-2.0, 1.0, -3.0]]])).round(3)
    array([[[0.216, 0.011, 0.654, 0.119]]])
    """

    label_smoothing: float = 0.0
    order: Sequence[int] | None = None

    def __post_init__(self) -> None:
        """Refuse an impossible label_smoothing, and an order that leaves columns out."""
        check_smoothing(self.label_smoothing)
        if self.order is not None and sorted(self.order) != list(range(len(self.order))):
            raise ValueError(
                f"Ordinal loss: got order={self.order!r}, but expected each of the numbers 0, 1, "
                "... of the columns of y once, such as (2, 0, 1)."
            )

    def n_raw(self, n_targets: int) -> int:
        """Return one output fewer than there are classes."""
        return n_targets - 1

    def check(self, y: Array) -> None:
        """Expect rows of probabilities that sum to 1, a column for each number of `order`."""
        if self.order is not None and len(self.order) != y.shape[-1]:
            raise ValueError(
                f"Ordinal loss: got y with {y.shape[-1]} classes, but expected {len(self.order)}: "
                f"order={self.order!r} has a place for each of so many."
            )
        require_one_hot(self, y)

    def prepared(self, y: Array) -> tuple[Loss, Array]:
        """Put the columns of the targets in order, and smooth them."""
        return Ordinal(), self._targets(y)

    def start(self, y: Array, w: Array | None = None) -> Array:
        """Return the raw outputs of the class frequencies, an absent class taken as half a row."""
        totals = class_totals(self._in_order(y), w, self.label_smoothing)
        return _raw(np.log(totals / totals.sum()))

    def pointwise(self, raw: Array, y: Array, out: Array) -> Array:
        """Write d loss / dr_k = y_{k+1} s(r_k) - y_k s(-r_k), back to z; s(z_k) adds its own."""
        y = self._targets(y)
        thresholds = rising(raw)
        losses = np.add.reduce(y * _log_p(raw, thresholds), axis=-1)
        slopes = (y[..., :-1] + y[..., 1:]) * expit(thresholds) - y[..., :-1]
        out[...] = rising_backward(slopes, raw)
        out[..., 1:] -= y[..., 1:-1] * expit(-raw[..., 1:])
        return np.asarray(-losses)

    def predict(self, raw: Array) -> Array:
        """Return the probability of each class."""
        return np.exp(self.log_predict(raw))

    def log_predict(self, raw: Array) -> Array:
        """Return the log-probability of each class."""
        log_p = _log_p(raw, rising(raw))
        return log_p if self.order is None else log_p[..., np.argsort(self.order)]

    def average(self, raw: Array) -> Array:
        """Return the raw output of the mean probabilities."""
        if len(raw) == 1:
            return raw
        exact = raw.astype(np.float64)  # a narrow class is a small difference of thresholds
        return _raw(log_mean(_log_p(exact, rising(exact)))).astype(raw.dtype)

    def cooled(self, raw: Array, temperature: float) -> Array:
        """Divide the thresholds r_k, and so the log-odds of all cumulative probabilities."""
        scale = raw.dtype.type(temperature)
        steps = inverse_softplus(np.logaddexp(raw[..., 1:], 0) / scale)
        return np.concatenate((raw[..., :1] / scale, steps), axis=-1)

    def per_output(self) -> ClassificationLoss:
        """Return the binary log loss, which this is where there are two classes."""
        return BinaryLogLoss(self.label_smoothing)

    def _in_order(self, y: Array) -> Array:
        return y if self.order is None else y[..., list(self.order)]

    def _targets(self, y: Array) -> Array:
        return smoothed(self._in_order(y), self.label_smoothing, y.shape[-1])


def _log_p(raw: Array, thresholds: Array) -> Array:
    """Return the log-probabilities (..., C) of the classes between thresholds (..., C - 1)."""
    log_p = np.zeros((*raw.shape[:-1], raw.shape[-1] + 1), raw.dtype)
    log_p[..., :-1] += log_expit(thresholds)
    log_p[..., 1:] += log_expit(-thresholds)
    log_p[..., 1:-1] += log_expit(raw[..., 1:])
    return log_p


def _raw(log_p: Array) -> Array:
    """Return the raw outputs (..., C - 1) at which classes have these log-probabilities."""
    below = np.logaddexp.accumulate(log_p, axis=-1)[..., :-1]
    above = np.logaddexp.accumulate(log_p[..., ::-1], axis=-1)[..., -2::-1]
    return raw_of_rising(below - above, least=0.0)
