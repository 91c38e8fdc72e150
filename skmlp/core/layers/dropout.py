"""Dropout: while training, each unit is silenced at random."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

import numpy as np

from skmlp.core.buffers import Array, Layout, Workspace
from skmlp.core.layers.base import Layer


@final
@dataclass(eq=False)
class Dropout(Layer):
    """y = x m / (1 - rate) with m ~ Bernoulli(1 - rate) in training, y = x otherwise.

    Parameters
    ----------
    rate : float or sequence of K floats
        Probability of silencing a unit, in [0, 1). It is kept to 1/65536.

    References
    ----------
    Srivastava et al. (2014), "Dropout: a simple way to prevent neural networks from
    overfitting", JMLR 15, section 4 (here inverted: scaled in training).
    """

    rate: float | Sequence[float]

    def build(self, n_in: int, layout: Layout, stats: Layout) -> int:
        """Claim nothing; as many outputs as inputs."""
        return n_in

    def bind(self, theta: Array, grad: Array | None, stats: Array, work: Workspace) -> None:
        """Turn the rates into thresholds for 16 random bits."""
        self.work = work
        self.threshold = (work.column(self.rate, ndim=3) * 65536 + 0.5) // 1
        self.scale = 1 / (1 - self.threshold / 65536)

    def forward(self, x: Array, train: bool) -> Array:
        """Draw a mask for each network from its own stream."""
        self.train = train
        if not train:
            return x
        self.mask = self.work.array(self, "mask", x.shape)
        for mask, rng in zip(self.mask, self.work.rngs, strict=True):
            mask[...] = rng.integers(0, 65536, size=mask.shape, dtype=np.uint16)
        np.greater_equal(self.mask, self.threshold, out=self.mask)
        self.mask *= self.scale
        return np.multiply(x, self.mask, out=self.work.array(self, "y", x.shape))

    def backward(self, dy: Array) -> Array:
        """Return dx = dy m / (1 - rate)."""
        if self.train:
            dy *= self.mask
        return dy
