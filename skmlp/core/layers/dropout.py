"""Dropout: while training, each unit is silenced at random."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any, ClassVar, final

import numpy as np

from skmlp.core.buffers import Array, Layout, Workspace
from skmlp.core.layers.base import Layer
from skmlp.core.schedules import Constant, Schedule


@final
@dataclass(eq=False)
class Dropout(Layer):
    """y = x m / (1 - rate) with m ~ Bernoulli(1 - rate) in training, y = x otherwise.

    Parameters
    ----------
    rate : float or sequence of K floats
        Probability of silencing a unit, in [0, 1). It is kept to 1/65536.
    schedule : Schedule, default=Constant()
        Factor of the rate by the progress of training.

    References
    ----------
    Srivastava et al. (2014), "Dropout: a simple way to prevent neural networks from
    overfitting", JMLR 15, section 4 (here inverted: scaled in training).
    """

    rate: float | Sequence[float]
    schedule: Schedule = field(default_factory=Constant)
    per_network: ClassVar[tuple[str, ...]] = ("rate",)

    def build(self, n_in: int, layout: Layout, stats: Layout) -> int:
        """Claim nothing; as many outputs as inputs."""
        return n_in

    def bind(self, theta: Array, grad: Array | None, stats: Array, work: Workspace) -> None:
        """Take the rates as a column."""
        self.work = work
        self.column = work.column(self.rate, ndim=3)

    def thresholds(self) -> Any:
        """Return the present rates in units of 16 random bits, one number or (K, 1, 1)."""
        return (self.column * self.schedule(self.work.progress) * 65536 + 0.5) // 1

    def forward(self, x: Array, train: bool) -> Array:
        """Draw a mask for each network from its own stream."""
        self.train = train
        if not train:
            return x
        threshold = self.thresholds()
        self.mask = self.work.array(self, "mask", x.shape)
        counts = [x.shape[1]] * len(x) if self.work.n_rows is None else self.work.n_rows[:, 0]
        for mask, rng, n in zip(self.mask, self.work.rngs, counts, strict=True):
            mask[:n] = _sixteen_bits(rng, n * x.shape[2]).reshape(n, -1)
            mask[n:] = 65535
        np.greater_equal(self.mask, threshold, out=self.mask)
        self.mask *= 1 / (1 - threshold / 65536)
        return np.multiply(x, self.mask, out=self.work.array(self, "y", x.shape))

    def backward(self, dy: Array) -> Array:
        """Return dx = dy m / (1 - rate)."""
        if self.train:
            dy *= self.mask
        return dy


def _sixteen_bits(rng: np.random.Generator, n: int) -> Array:
    """Return n numbers of 16 random bits; drawn as 64 at once, which is thrice as fast."""
    raw = np.asarray(rng.bit_generator.random_raw(-(-n // 4)))
    return raw.view(np.uint16)[:n]
