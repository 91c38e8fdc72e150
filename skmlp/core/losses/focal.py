"""The focal loss: class probabilities, with an eye on the rows that are hard."""

from __future__ import annotations

from dataclasses import dataclass
from typing import final

import numpy as np
from scipy.optimize import brentq

from .base import Array, Loss
from .classification import ClassificationLoss, SoftmaxLoss
from .composite import PerOutput
from .constants import root
from .targets import centred, check_smoothing, class_totals, smoothed


@final
@dataclass(frozen=True)
class Focal(SoftmaxLoss):
    """-sum_c y_c (1 - p_c)^gamma log(p_c), p = softmax(z): well-classified rows count less.

    Lin, Goyal, Girshick, He & Dollár 2017, equation 4. Gamma 0 is the log loss; any other gamma
    predicts probabilities closer to even than the frequencies.

    Parameters
    ----------
    gamma : float, default=2.0
        Strength of the focus on hard rows; not negative.
    label_smoothing : float, default=0.0
        As in ``CategoricalLogLoss``.
    """

    gamma: float = 2.0
    label_smoothing: float = 0.0

    def __post_init__(self) -> None:
        """Refuse a negative gamma and an impossible label_smoothing."""
        if not 0 <= self.gamma < np.inf:
            raise ValueError(f"Focal loss: got gamma={self.gamma!r}, but expected gamma >= 0.")
        check_smoothing(self.label_smoothing)

    def start(self, y: Array, w: Array | None = None) -> Array:
        """Return the centred log p at which f_c pull(p_c) / p_c is the same for all c.

        With f the class frequencies that is where the gradient vanishes. The common value is found
        by Brent's method, and for each trial value the p_c by bisection: pull(p) / p decreases.
        """
        shares = class_totals(y, w, self.label_smoothing)
        shares /= shares.sum()
        if shares.size == 1:
            return np.zeros(1)

        def solve(level: float) -> Array:  # p, (C,)
            return root(
                lambda p: level * p - shares * self._pull(p, np.log(p))[0],
                np.zeros_like(shares),
                np.ones_like(shares),
            )

        def lacking(level: float) -> float:
            return float(1 - solve(level).sum())

        even = np.full(shares.shape, 1 / shares.size)
        levels = shares * self._pull(even, np.log(even))[0] / even
        low, high = float(levels.min()), float(levels.max())
        if lacking(low) >= 0 or lacking(high) <= 0:  # but for rounding, all classes are as frequent
            level = 0.5 * (low + high)
        else:
            level = brentq(lacking, low, high, xtol=1e-300)
        return centred(np.log(solve(level)))

    def pointwise(self, raw: Array, y: Array, out: Array) -> Array:
        """Write d loss / dz = p sum(y pull) - y pull, pull = d((1-p)^gamma log p) / d log p."""
        y = smoothed(y, self.label_smoothing, y.shape[-1])
        log_p = self.log_predict(raw)
        p = np.exp(log_p)
        pull, focus = self._pull(p, log_p)
        pull *= y
        np.multiply(p, np.add.reduce(pull, axis=-1, keepdims=True), out=out)
        out -= pull
        focus *= log_p
        focus *= y
        losses = np.add.reduce(focus, axis=-1)
        return np.asarray(-losses)

    def prepared(self, y: Array) -> tuple[Loss, Array]:
        """Smooth the targets."""
        return Focal(self.gamma), smoothed(y, self.label_smoothing, y.shape[-1])

    def per_output(self) -> ClassificationLoss:
        """Return this loss on pairs of raw outputs (0, z)."""
        return PerOutput(self)

    def _pull(self, p: Array, log_p: Array) -> tuple[Array, Array]:
        """Return d(focus log p) / d log p and focus = (1 - p)^gamma."""
        miss = -np.expm1(log_p)
        np.maximum(miss, np.finfo(miss.dtype).tiny, out=miss)  # 0 ** (gamma - 1) may not exist
        focus = miss**self.gamma
        return focus - self.gamma * p * log_p * (focus / miss), focus
