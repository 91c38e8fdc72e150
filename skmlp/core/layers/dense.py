"""A dense layer: every output is a weighted sum of the inputs, plus a bias."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from skmlp.core.buffers import Array, Layout, Workspace
from skmlp.core.initializers import DataDriven, Initializer
from skmlp.core.layers.base import Layer


@final
@dataclass(eq=False)
class Dense(Layer):
    """y = x W + b.

    In a textbook's columns h = f(Wx + b); here each row of x is one sample, so W stands
    on the right, of shape (n_in, n_out).

    Parameters
    ----------
    n_out : int
        Number of units.
    init : Initializer
        What fills W and b.
    """

    n_out: int
    init: Initializer

    def build(self, n_in: int, layout: Layout, stats: Layout) -> int:
        """Claim W and b."""
        self.slot_w = layout.add("W", (n_in, self.n_out), "weight")
        self.slot_b = layout.add("b", (1, self.n_out), "bias")
        return self.n_out

    def bind(self, theta: Array, grad: Array | None, stats: Array, work: Workspace) -> None:
        """View W (K, n_in, n_out), b (K, 1, n_out) and their gradients."""
        self.work = work
        self.w, self.b = self.slot_w.view(theta), self.slot_b.view(theta)
        self.wt = self.w.swapaxes(1, 2)
        if grad is not None:
            self.dw, self.db = self.slot_w.view(grad), self.slot_b.view(grad)

    def initialize(self, rngs: Sequence[Any]) -> None:
        """Draw each network's W, then its b."""
        for w, b, rng in zip(self.w, self.b, rngs, strict=True):
            self.init.weights(rng, w)
            self.init.bias(rng, len(w), b[0])

    def adapt(self, x: Array, rngs: Sequence[Any]) -> None:
        """Let a data-driven initializer see the outputs for some training rows."""
        if isinstance(self.init, DataDriven):
            self.fit_to(self.forward(x, train=False), rngs)

    def fit_to(self, y: Array, rngs: Sequence[Any]) -> None:
        """Rescale the weights, and draw the biases, by the outputs y (K, n, n_out)."""
        for w, b, z, rng in zip(self.w, self.b, y, rngs, strict=True):
            DataDriven.adapt(rng, z - b, w, b[0])

    def forward(self, x: Array, train: bool) -> Array:
        """Return y = x W + b."""
        self.x = x
        y = self.work.array(self, "y", (len(self.w), x.shape[1], self.n_out))
        np.matmul(x, self.w, out=y)
        y += self.b
        return y

    def backward(self, dy: Array) -> Array:
        """Write dW = xᵀ dy and db = Σ dy; return dx = dy Wᵀ."""
        self.backward_parameters(dy)
        dx = self.work.array(self, "dx", (*dy.shape[:2], self.w.shape[1]))
        if self.n_out == 1:  # an outer product, which matmul and a broadcast are slower at
            return np.einsum("kno,koh->knh", dy, self.wt, out=dx)
        return np.matmul(dy, self.wt, out=dx)

    def backward_parameters(self, dy: Array) -> None:
        """Write dW = xᵀ dy and db = Σ dy."""
        np.matmul(self.x.swapaxes(1, 2), dy, out=self.dw)
        self.backward_bias(dy)

    def backward_bias(self, dy: Array) -> None:
        """Write db = Σ dy over the rows."""
        np.matmul(self.work.ones(dy.shape[1]), dy, out=self.db)
