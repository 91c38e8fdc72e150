"""Losses of several class outputs, made of a loss of one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import final

import numpy as np
from scipy.special import expit, log_expit

from .base import Array, sum_outputs
from .classification import CategoricalLogLoss, ClassificationLoss, SoftmaxLoss
from .targets import pairs, require_probabilities


@final
@dataclass(frozen=True)
class PerOutput(ClassificationLoss):
    """Any softmax loss for independent 0/1 outputs: each raw output z stands for the pair (0, z).

    As with ``BinaryLogLoss``, ``log_predict(-raw)`` is the log-probability of 0.

    Parameters
    ----------
    each : SoftmaxLoss
        The loss of every output.
    """

    each: SoftmaxLoss

    def check(self, y: Array) -> None:
        """Expect probabilities."""
        require_probabilities(self, y)

    def start(self, y: Array, w: Array | None = None) -> Array:
        """Return the difference of the pair's best constants, for each output."""
        return np.array([np.diff(self.each.start(pair, w))[0] for pair in pairs(y)])

    def pointwise(self, raw: Array, y: Array, out: Array) -> Array:
        """Write d loss / dz is the derivative by the pair's second output."""
        pairs = np.stack((np.zeros_like(raw), raw), axis=-1)  # (K, n, m, 2)
        slopes = np.empty_like(pairs)
        losses = self.each.pointwise(pairs, np.stack((1 - y, y), axis=-1), slopes)
        out[...] = slopes[..., 1]
        return sum_outputs(losses)

    def predict(self, raw: Array) -> Array:
        """Return the probability of 1 for each output."""
        return np.asarray(expit(raw))

    def log_predict(self, raw: Array) -> Array:
        """Return the log-probability of 1 for each output."""
        return np.asarray(log_expit(raw))


@final
@dataclass(frozen=True)
class Grouped(ClassificationLoss):
    """Several class columns at once: a softmax loss on each block of raw outputs, summed.

    Targets are one-hot blocks side by side, predictions blocks of probabilities.

    Parameters
    ----------
    sizes : tuple of int
        Number of classes of each column.
    each : SoftmaxLoss, default=CategoricalLogLoss()
        The loss of every block.

    Examples
    --------
    >>> Grouped((2, 3)).predict(np.zeros((1, 1, 5))).round(3)
    array([[[0.5  , 0.5  , 0.333, 0.333, 0.333]]])
    """

    sizes: tuple[int, ...]
    each: SoftmaxLoss = field(default_factory=CategoricalLogLoss)

    def __post_init__(self) -> None:
        """Refuse blocks without columns."""
        if len(self.sizes) == 0 or min(self.sizes) < 1:
            raise ValueError(
                f"Grouped loss: got sizes={self.sizes!r}, but expected the number of classes of "
                "each target column, such as (3, 2)."
            )

    def check(self, y: Array) -> None:
        """Expect blocks of probabilities that sum to 1, as many columns as the sizes add up to."""
        if y.shape[-1] != sum(self.sizes):
            raise ValueError(
                f"Grouped loss: got y with {y.shape[-1]} columns, but expected {sum(self.sizes)}, "
                f"the sum of sizes={self.sizes!r}. Encode every column as one-hot, side by side."
            )
        for block in self._blocks():
            self.each.check(y[..., block])

    def start(self, y: Array, w: Array | None = None) -> Array:
        """Return the best constants of the blocks."""
        return np.concatenate([self.each.start(y[:, block], w) for block in self._blocks()])

    def pointwise(self, raw: Array, y: Array, out: Array) -> Array:
        """Write d loss / dz is that of z's block."""
        losses = np.zeros(raw.shape[:-1], raw.dtype)
        for block in self._blocks():
            losses += self.each.pointwise(raw[..., block], y[..., block], out[..., block])
        return losses

    def predict(self, raw: Array) -> Array:
        """Return the blocks' probabilities, side by side."""
        return np.exp(self.log_predict(raw))

    def average(self, raw: Array) -> Array:
        """Return the blocks' averages, side by side."""
        averages = [self.each.average(raw[..., block]) for block in self._blocks()]
        return np.concatenate(averages, axis=-1)

    def log_predict(self, raw: Array) -> Array:
        """Return the blocks' log-probabilities, side by side."""
        blocks = [self.each.log_predict(raw[..., block]) for block in self._blocks()]
        return np.concatenate(blocks, axis=-1)

    def _blocks(self) -> Iterator[slice]:
        begin = 0
        for size in self.sizes:
            yield slice(begin, begin + size)
            begin += size
