"""The first layer: a dense layer for whatever form the input takes."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, final

import numpy as np

from skmlp.core.buffers import Array, Layout, Workspace
from skmlp.core.initializers import DataDriven
from skmlp.core.layers.base import Layer
from skmlp.core.layers.dense import Dense
from skmlp.core.rows import Rows


@final
@dataclass(eq=False)
class Stem(Layer):
    """y = x W + b for an x that nothing lies below, so no dx is formed.

    The input is one of:

    - an array (K, n, p), or (1, n, p) shared by all K networks;
    - a sequence of K, or one shared, CSR matrices or :class:`~skmlp.core.rows.Rows`,
      each of shape (n, p).

    Parameters
    ----------
    dense : Dense
        The layer that holds W and b.
    """

    dense: Dense

    def build(self, n_in: int, layout: Layout, stats: Layout) -> int:
        """Claim W and b."""
        return self.dense.build(n_in, layout, stats)

    def bind(self, theta: Array, grad: Array | None, stats: Array, work: Workspace) -> None:
        """View W, b and their gradients."""
        self.work = work
        self.dense.bind(theta, grad, stats, work)

    def initialize(self, rngs: Sequence[Any]) -> None:
        """Draw W and b."""
        self.dense.initialize(rngs)

    def adapt(self, x: Any, rngs: Sequence[Any]) -> None:
        """Let a data-driven initializer see the outputs for some training rows."""
        if isinstance(self.dense.init, DataDriven):
            self.dense.fit_to(self.forward(x, train=False), rngs)

    def forward(self, x: Any, train: bool) -> Array:
        """Return y = x W + b."""
        if isinstance(x, np.ndarray):
            return self.dense.forward(x, train)
        w, b = self.dense.w, self.dense.b
        self.dense.x = x
        y = self.work.array(self, "y", (len(w), x[0].shape[0], w.shape[2]))
        for k in range(len(w)):
            _product(x[k % len(x)], w[k], y[k])
        y += b
        return y

    def backward(self, dy: Array) -> Array:
        """Write dW = xᵀ dy and db = Σ dy; return dy, since there is nothing below."""
        x = self.dense.x
        if isinstance(x, np.ndarray):
            self.dense.backward_parameters(dy)
            return dy
        dw = self.dense.dw
        for k in range(len(dw)):
            _transposed_product(x[k % len(x)], dy[k], dw[k])
        self.dense.backward_bias(dy)
        return dy


def _product(x: Any, w: Array, out: Array) -> None:
    """Write x w to ``out``, for x (n, p) in rows or CSR."""
    if not isinstance(x, Rows):
        out[...] = x @ w
        return
    out[...] = 0
    for columns, block in x.blocks(out.dtype):
        out += block @ w[columns]


def _transposed_product(x: Any, dy: Array, out: Array) -> None:
    """Write xᵀ dy to ``out``, for x (n, p) in rows or CSR."""
    if not isinstance(x, Rows):
        out[...] = x.T @ dy
        return
    for columns, block in x.blocks(out.dtype):
        np.matmul(block.T, dy, out=out[columns])
